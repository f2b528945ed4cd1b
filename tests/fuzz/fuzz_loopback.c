// SPDX-License-Identifier: Apache-2.0
#include "fuzz_loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum { PATIENCE_MS = 5000, TURN_MS = 2 };

static struct viva_loop *the_loop;

struct viva_loop *fuzz_loop(void)
{
	if (!the_loop && viva_loop_create(&the_loop) != 0)
		abort();
	return the_loop;
}

uint16_t fuzz_server(const struct viva_http_route *routes, size_t route_count)
{
	static struct viva_pool *pool;
	static struct viva_http_server *server;
	if (server)
		return viva_http_server_port(server);
	viva_log_configure("fuzz", VIVA_LOG_ERROR, VIVA_LOG_TEXT);
	struct viva_pool_options pool_options = viva_pool_defaults();
	pool_options.threads = 1;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.route_tables = &routes;
	options.route_counts = &route_count;
	options.route_table_count = 1;
	options.loop = fuzz_loop();
	if (viva_pool_create(&pool_options, &pool) != 0)
		abort();
	options.pool = pool;
	if (viva_http_server_create(&options, &server, NULL) != 0 || viva_http_server_start(server, NULL) != 0)
		abort();
	return viva_http_server_port(server);
}

int fuzz_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		abort();
	// A reset instead of the usual end, so that millions of runs don't use up the ports.
	const struct linger linger = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void nothing(uv_timer_t *timer)
{
	(void)timer;
}

void fuzz_turn(struct viva_loop *loop)
{
	static uv_timer_t guard;
	if (!guard.data) {
		uv_timer_init(viva_loop_uv(loop), &guard);
		guard.data = loop;
	}
	uv_update_time(viva_loop_uv(loop));
	uv_timer_start(&guard, nothing, TURN_MS, 0);
	uv_run(viva_loop_uv(loop), UV_RUN_ONCE);
	uv_timer_stop(&guard);
}

size_t fuzz_drain(int fd, char *ret_text, size_t size)
{
	static char rest[64 * 1024];
	size_t total = 0;
	uint64_t begin_ms = uv_hrtime() / 1000000;
	for (;;) {
		bool is_kept = total < size;
		ssize_t got = recv(fd, is_kept ? ret_text + total : rest, is_kept ? size - total : sizeof rest, 0);
		if (got > 0) {
			total += (size_t)got;
			continue;
		}
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return total;
		if (uv_hrtime() / 1000000 - begin_ms > PATIENCE_MS)
			abort();
		fuzz_turn(fuzz_loop());
	}
}
