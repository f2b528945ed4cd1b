// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "net_fixture.h"

enum { BIG_BYTES = 8 * 1024 * 1024 };

static int handle_ok(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)request;
	(void)error;
	return viva_http_respond_text(response, 200, "text/plain", "ok");
}

static int handle_big(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)request;
	(void)error;
	VIVA_AUTO(viva_blob) body = NULL;
	uint8_t *bytes = NULL;
	int code = viva_blob_create_uninitialised(BIG_BYTES, &body, &bytes);
	if (code != 0)
		return code;
	memset(bytes, 'x', BIG_BYTES);
	return viva_http_respond_blob(response, 200, "text/plain", body);
}

// What handle_endless's last write gave, once it came.
static _Atomic int last_write;

static int handle_endless(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)request;
	(void)error;
	static char part[64 * 1024];
	int code = viva_http_begin_stream(response, 200, "text/plain");
	while (code == 0)
		code = viva_http_write(response, part, sizeof part);
	atomic_store(&last_write, code);
	return code;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int inside;

static int handle_gated(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	atomic_fetch_add(&inside, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return handle_ok(request, response, error);
}

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/ok", .handle = handle_ok},
	{.method = "POST", .pattern = "/ok", .handle = handle_ok, .max_body_bytes = BIG_BYTES},
	{.method = "GET", .pattern = "/big", .handle = handle_big},
	{.method = "GET", .pattern = "/endless", .handle = handle_endless},
	{.method = "GET", .pattern = "/gated", .handle = handle_gated},
};

static struct net_server *server;

static uint16_t start_with(struct viva_http_server_options options)
{
	server = net_server_start(routes, VIVA_COUNT(routes), options);
	return net_server_port(server);
}

static int stop_server(void **state)
{
	(void)state;
	net_server_stop(server);
	server = NULL;
	return 0;
}

static void assert_answer(uint16_t port, const char *request, const char *begin)
{
	char *answer = net_talk(port, request);
	assert_begins(answer, begin);
	assert_int_equal(count_of(answer, "HTTP/1.1 "), 1);
	free(answer);
}

static char *request_with(const char *before, size_t fill, const char *after)
{
	char *request = malloc(strlen(before) + fill + strlen(after) + 1);
	assert_non_null(request);
	strcpy(request, before);
	memset(request + strlen(before), 'a', fill);
	strcpy(request + strlen(before) + fill, after);
	return request;
}

static void test_http_limits__a_long_target_is_414(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	char *request = request_with("GET /", 9000, " HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_answer(port, request, "HTTP/1.1 414 ");
	free(request);
}

static void test_http_limits__large_headers_are_431(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	char *request = request_with("GET /ok HTTP/1.1\r\nHost: h\r\nX: ", 20000, "\r\n\r\n");
	assert_answer(port, request, "HTTP/1.1 431 ");
	free(request);
}

static void test_http_limits__blanks_before_a_value_count_as_headers(void **state)
{
	(void)state;
	enum { BLANKS = 300 * 1024 };
	uint16_t port = start_with(viva_http_server_defaults());
	char *request = request_with("GET /ok HTTP/1.1\r\nHost: h\r\nX:", BLANKS, "");
	memset(strstr(request, "X:") + 2, ' ', BLANKS);
	assert_answer(port, request, "HTTP/1.1 431 ");
	free(request);
}

static void test_http_limits__many_headers_are_431(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	char request[4096] = "GET /ok HTTP/1.1\r\nHost: h\r\n";
	for (int i = 0; i < 100; i++)
		strcat(request, "X: y\r\n");
	strcat(request, "\r\n");
	assert_answer(port, request, "HTTP/1.1 431 ");
}

static void test_http_limits__endless_chunk_extensions_are_refused(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	char *request =
		request_with("POST /ok HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;", 500 * 1024, "");
	assert_answer(port, request, "HTTP/1.1 431 ");
	free(request);
}

static void test_http_limits__all_bodies_together_are_bounded(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.max_buffered_body_bytes = 1000;
	uint16_t port = start_with(options);
	char *request = request_with(
		"POST /ok HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n", 1001, "");
	assert_answer(port, request, "HTTP/1.1 503 ");
	free(request);
	// What the refused one would have taken is free.
	assert_answer(port, "POST /ok HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
		      "HTTP/1.1 200 ");
}

static void test_http_limits__one_connection_too_many_is_503(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.max_connections = 1;
	uint16_t port = start_with(options);
	int first = net_connect(port);
	net_send_text(first, "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n");
	free(net_receive_until(first, "ok"));
	assert_answer(port, "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 ");
	close(first);
}

static void test_http_limits__half_a_head_is_answered_408_in_time(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.header_timeout_ms = 500;  // from the connection on: the client must have sent its half by then
	uint16_t port = start_with(options);
	assert_answer(port, "GET /ok HTTP/1.1\r\nHost:", "HTTP/1.1 408 ");
}

static void test_http_limits__half_a_body_is_answered_408_in_time(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.body_timeout_ms = 50;
	uint16_t port = start_with(options);
	assert_answer(port, "POST /ok HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 408 ");
}

static void test_http_limits__an_idle_connection_ends_without_a_word(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.idle_timeout_ms = 50;
	uint16_t port = start_with(options);
	char *answer = net_talk(port, "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(count_of(answer, "HTTP/1.1 "), 1);
	free(answer);
}

// The end of a connection, however it comes: the client reads nothing, so its own buffers may hold a rest.
static void drain_to_the_end(int fd)
{
	static char rest[256 * 1024];
	while (recv(fd, rest, sizeof rest, 0) > 0)
		continue;
}

static void test_http_limits__a_client_that_does_not_read_is_cut_off(void **state)
{
	(void)state;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.write_timeout_ms = 100;
	uint16_t port = start_with(options);
	atomic_store(&last_write, 0);
	int fd = net_connect(port);
	net_send_text(fd, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
	while (atomic_load(&last_write) == 0)
		sched_yield();
	int code = atomic_load(&last_write);
	assert_true(code == VIVA_ECANCELLED || code == VIVA_EDEADLINE);
	drain_to_the_end(fd);
	close(fd);
}

static void test_http_limits__a_stream_ends_when_its_client_is_gone(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	atomic_store(&last_write, 0);
	int fd = net_connect(port);
	net_send_text(fd, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
	free(net_receive_until(fd, "chunked"));
	close(fd);
	while (atomic_load(&last_write) == 0)
		sched_yield();
	assert_int_equal(atomic_load(&last_write), VIVA_ECANCELLED);
}

static void test_http_limits__large_answers_arrive_whole(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	char *answer = net_talk(port, "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /big HTTP/1.1\r\nHost: h\r\n"
				      "Connection: close\r\n\r\n");
	assert_int_equal(count_of(answer, "HTTP/1.1 200"), 2);
	assert_true(strlen(answer) > 2 * BIG_BYTES);
	free(answer);
}

static void *stop_on_thread(void *context)
{
	net_server_stop(context);
	return NULL;
}

static void test_http_limits__a_stop_lets_requests_in_progress_finish(void **state)
{
	(void)state;
	uint16_t port = start_with(viva_http_server_defaults());
	atomic_store(&inside, 0);
	pthread_mutex_lock(&gate);
	int fd = net_connect(port);
	int idle = net_connect(port);
	net_send_text(fd, "GET /gated HTTP/1.1\r\nHost: h\r\n\r\n");
	while (atomic_load(&inside) == 0)
		sched_yield();

	pthread_t stopping;
	assert_int_equal(pthread_create(&stopping, NULL, stop_on_thread, server), 0);
	server = NULL;
	char *nothing = net_receive_all(idle);  // idle ones are closed at once: the stop has begun
	assert_string_equal(nothing, "");
	free(nothing);
	pthread_mutex_unlock(&gate);
	char *answer = net_receive_all(fd);
	assert_begins(answer, "HTTP/1.1 200 ");
	assert_contains(answer, "\r\nConnection: close\r\n");
	free(answer);
	pthread_join(stopping, NULL);
	close(idle);
	close(fd);
}

struct handover {
	_Atomic int fd;
};

static void on_http2(int fd, void *context)
{
	struct handover *handover = context;
	atomic_store(&handover->fd, fd);
}

static void test_http_limits__an_http2_preface_is_handed_over_unread(void **state)
{
	(void)state;
	static struct handover handover;
	atomic_store(&handover.fd, -1);
	struct viva_http_server_options options = viva_http_server_defaults();
	options.on_http2_connection = on_http2;
	options.http2_context = &handover;
	uint16_t port = start_with(options);

	int fd = net_connect(port);
	net_send_text(fd, "P");
	// Another client is served while the first one's intentions are unknown.
	assert_answer(port, "POST /ok HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		      "HTTP/1.1 200 ");
	assert_int_equal(atomic_load(&handover.fd), -1);
	net_send_text(fd, "RI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	while (atomic_load(&handover.fd) == -1)
		sched_yield();

	int taken = atomic_load(&handover.fd);
	char text[64] = "";
	size_t size = 0;
	while (size < 24) {
		ssize_t got = recv(taken, text + size, sizeof text - 1 - size, 0);
		assert_true(got > 0 || got == -1);
		size += got > 0 ? (size_t)got : 0;
	}
	assert_string_equal(text, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	assert_int_equal(send(taken, "still open", 10, 0), 10);
	close(taken);
	char *answer = net_receive_all(fd);
	assert_string_equal(answer, "still open");
	free(answer);
	close(fd);
}

static void test_http_limits__one_byte_and_an_end_harm_nobody(void **state)
{
	(void)state;
	static struct handover handover;
	struct viva_http_server_options options = viva_http_server_defaults();
	options.on_http2_connection = on_http2;
	options.http2_context = &handover;
	uint16_t port = start_with(options);
	int fd = net_connect(port);
	net_send_text(fd, "P");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	char *answer = net_receive_all(fd);
	assert_string_equal(answer, "");
	free(answer);
	close(fd);
}

int main(void)
{
#define LIMIT_TEST(name) cmocka_unit_test_teardown(test_http_limits__##name, stop_server)
	const struct CMUnitTest tests[] = {
		LIMIT_TEST(a_long_target_is_414),
		LIMIT_TEST(large_headers_are_431),
		LIMIT_TEST(blanks_before_a_value_count_as_headers),
		LIMIT_TEST(many_headers_are_431),
		LIMIT_TEST(endless_chunk_extensions_are_refused),
		LIMIT_TEST(all_bodies_together_are_bounded),
		LIMIT_TEST(one_connection_too_many_is_503),
		LIMIT_TEST(half_a_head_is_answered_408_in_time),
		LIMIT_TEST(half_a_body_is_answered_408_in_time),
		LIMIT_TEST(an_idle_connection_ends_without_a_word),
		LIMIT_TEST(a_client_that_does_not_read_is_cut_off),
		LIMIT_TEST(a_stream_ends_when_its_client_is_gone),
		LIMIT_TEST(large_answers_arrive_whole),
		LIMIT_TEST(a_stop_lets_requests_in_progress_finish),
		LIMIT_TEST(an_http2_preface_is_handed_over_unread),
		LIMIT_TEST(one_byte_and_an_end_harm_nobody),
	};
	return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
