// SPDX-License-Identifier: Apache-2.0
#include "net_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RECEIVE_TIMEOUT_S = 60, STOP_GRACE_MS = 2000 };

struct net_server {
	struct viva_loop *loop;
	struct viva_pool *pool;
	struct viva_http_server *server;
	pthread_t thread;
};

static void *run(void *context)
{
	struct net_server *server = context;
	viva_loop_run(server->loop);
	return NULL;
}

struct net_server *net_server_start(const struct viva_http_route *routes, size_t route_count,
				    struct viva_http_server_options options)
{
	struct net_server *server = calloc(1, sizeof *server);
	assert_non_null(server);
	assert_ok(viva_loop_create(&server->loop));
	struct viva_pool_options pool_options = viva_pool_defaults();
	pool_options.threads = 2;
	assert_ok(viva_pool_create(&pool_options, &server->pool));
	options.route_tables = &routes;
	options.route_counts = &route_count;
	options.route_table_count = 1;
	options.loop = server->loop;
	options.pool = server->pool;
	struct viva_error error = {0};
	assert_ok(viva_http_server_create(&options, &server->server, &error));
	assert_ok(viva_http_server_start(server->server, &error));
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

struct errand {
	void (*run)(void *context);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void run_errand(void *context)
{
	struct errand *errand = context;
	errand->run(errand->context);
	pthread_mutex_lock(&errand->lock);
	errand->is_done = true;
	pthread_cond_signal(&errand->done);
	pthread_mutex_unlock(&errand->lock);
}

void net_server_run(struct net_server *server, void (*run_there)(void *context), void *context)
{
	struct errand errand = {.run = run_there,
				.context = context,
				.lock = PTHREAD_MUTEX_INITIALIZER,
				.done = PTHREAD_COND_INITIALIZER};
	assert_ok(viva_loop_post(server->loop, run_errand, &errand));
	pthread_mutex_lock(&errand.lock);
	while (!errand.is_done)
		pthread_cond_wait(&errand.done, &errand.lock);
	pthread_mutex_unlock(&errand.lock);
	pthread_cond_destroy(&errand.done);
	pthread_mutex_destroy(&errand.lock);
}

void net_server_set_tls(struct net_server *server, struct viva_tls *tls)
{
	viva_http_server_set_tls(server->server, tls);
}

uint16_t net_server_port(const struct net_server *server)
{
	return viva_http_server_port(server->server);
}

static void on_stopped(void *context)
{
	struct net_server *server = context;
	viva_loop_stop(server->loop);
}

static void begin_stop(void *context)
{
	struct net_server *server = context;
	viva_http_server_stop(server->server, STOP_GRACE_MS, on_stopped, server);
}

void net_server_stop(struct net_server *server)
{
	if (!server)
		return;
	assert_ok(viva_loop_post(server->loop, begin_stop, server));
	pthread_join(server->thread, NULL);
	viva_pool_destroy(server->pool);
	viva_http_server_destroy(server->server);
	viva_loop_destroy(server->loop);
	free(server);
}

int net_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	struct timeval timeout = {.tv_sec = RECEIVE_TIMEOUT_S};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

void net_send(int fd, const void *data, size_t size)
{
	const char *at = data;
	while (size > 0) {
		ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return;  // the server may have closed already: its answer tells why
		at += sent;
		size -= (size_t)sent;
	}
}

void net_send_text(int fd, const char *text)
{
	net_send(fd, text, strlen(text));
}

char *net_receive_until(int fd, const char *end)
{
	size_t size = 0, capacity = 4096;
	char *text = malloc(capacity);
	assert_non_null(text);
	text[0] = '\0';
	while (!end || !memmem(text, size, end, strlen(end))) {
		if (capacity - size < 4096) {
			capacity *= 2;
			text = realloc(text, capacity);
			assert_non_null(text);
		}
		ssize_t got = recv(fd, text + size, capacity - size - 1, 0);
		if (got <= 0) {
			assert_true(got == 0);  // neither a timeout nor a reset
			break;
		}
		size += (size_t)got;
		text[size] = '\0';
	}
	return text;
}

char *net_receive_all(int fd)
{
	return net_receive_until(fd, NULL);
}

char *net_talk(uint16_t port, const char *request)
{
	int fd = net_connect(port);
	net_send_text(fd, request);
	char *answer = net_receive_all(fd);
	close(fd);
	return answer;
}

void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part))
		return;
	print_error("\"%s\" is not in:\n%s\n", part, text);
	fail();
}

void assert_lacks(const char *text, const char *part)
{
	if (!strstr(text, part))
		return;
	print_error("\"%s\" is in:\n%s\n", part, text);
	fail();
}

void assert_begins(const char *text, const char *part)
{
	if (strncmp(text, part, strlen(part)) == 0)
		return;
	print_error("does not begin with \"%s\":\n%s\n", part, text);
	fail();
}

size_t count_of(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}
