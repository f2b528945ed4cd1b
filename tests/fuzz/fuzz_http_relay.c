// SPDX-License-Identifier: Apache-2.0
//
// Any bytes from an upstream to the relay: the client gets an answer in HTTP or a closed connection, and nothing is
// ever stuck. The input's first byte chooses the client's request.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_loopback.h"
#include "net/http_relay.h"

static int listener = -1;
static char address[32];
static const char *const addresses[] = {address};

static int choose(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		  struct viva_error *error)
{
	(void)request;
	(void)error;
	*ret_choice = (struct viva_http_relay_choice){addresses, 1};
	return 0;
}

static const struct viva_http_relay_route relay = {.choose = choose};
static const struct viva_http_route routes[] = {{.pattern = "/*", .relay = &relay, .max_body_bytes = 1000}};

static const char *const requests[] = {
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
};

static void listen_as_upstream(void)
{
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof own;
	if (listener < 0 || bind(listener, (struct sockaddr *)&own, size) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&own, &size) != 0)
		abort();
	snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(own.sin_port));
}

// -1 when the client has its answer already: the relay tried a kept connection that the last run had cut.
static int accept_upstream(int client)
{
	for (int turn = 0; turn < 1000; turn++) {
		int fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			return fd;
		char byte;
		if (recv(client, &byte, 1, MSG_PEEK) >= 0)
			return -1;
		fuzz_turn(fuzz_loop());
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (listener < 0)
		listen_as_upstream();
	const char *request = requests[data[0] % VIVA_COUNT(requests)];
	int client = fuzz_connect(fuzz_server(routes, VIVA_COUNT(routes)));
	if (send(client, request, strlen(request), MSG_NOSIGNAL) < 0)
		abort();
	int upstream = accept_upstream(client);
	const struct linger linger = {.l_onoff = 1};
	if (upstream >= 0) {
		setsockopt(upstream, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		if (send(upstream, data + 1, size - 1, MSG_NOSIGNAL) >= 0)
			shutdown(upstream, SHUT_WR);
	}
	shutdown(client, SHUT_WR);

	char answer[16];
	size_t got = fuzz_drain(client, answer, sizeof answer);
	close(client);
	if (upstream >= 0)
		close(upstream);
	fuzz_turn(fuzz_loop());
	if (got >= 9 && memcmp(answer, "HTTP/1.1 ", 9) != 0)
		abort();
	return 0;
}
