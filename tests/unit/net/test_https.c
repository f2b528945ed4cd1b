// SPDX-License-Identifier: Apache-2.0
//
// The HTTP server and its WebSockets, by TLS: what tls_session.c and transport_tls.c make of the ways in which the
// others read and write.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/client_stream.h"
#include "net/http_relay.h"
#include "net/websocket_client.h"
#include "net_fixture.h"
#include "tls_fixture.h"

enum {
	TIMEOUT_MS = 60000,
	LARGE = 3 * 1024 * 1024,
	PARTS = 40,
	PART_BYTES = 50000,
	LONG_PARTS = 110
};  // more than a socket of Linux holds, at most 4 MiB

static struct tls_files good, other;
static struct viva_tls *server_tls, *client_tls;
static struct net_server *front, *back;
static uint16_t port;

static int handle_hello(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)request;
	(void)error;
	return viva_http_respond_text(response, 200, "text/plain", "good day");
}

static int handle_echo(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	return viva_http_respond_blob(response, 200, "application/octet-stream", request->body);
}

static int handle_stream(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)error;
	char *part = viva_arena_printf(request->arena, "%0*d", PART_BYTES, 7);
	int code = viva_http_begin_stream(response, 200, "text/plain");
	int parts = viva_http_query(request, "long") ? LONG_PARTS : PARTS;
	for (int i = 0; i < parts && code == 0; i++)
		code = viva_http_write(response, part, PART_BYTES);
	return code;
}

static int handle_scheme(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)error;
	return viva_http_respond_text(response, 200, "text/plain", viva_http_header(request, "x-forwarded-proto"));
}

static int authorize(struct viva_http_request *request, void **ret_session, const char **ret_subprotocol,
		     struct viva_error *error)
{
	(void)request;
	(void)ret_subprotocol;
	(void)error;
	*ret_session = &front;
	return 0;
}

static void on_message(struct viva_websocket *socket, enum viva_websocket_kind kind, struct viva_blob *message,
		       void *context)
{
	(void)context;
	struct viva_bytes bytes = viva_blob_bytes(message);
	assert_ok(viva_websocket_send(socket, kind, bytes.data, bytes.size));
}

static void on_close(struct viva_websocket *socket, int code, void *context)
{
	(void)socket;
	(void)code;
	(void)context;
}

static const struct viva_websocket_route echo = {
	.authorize = authorize,
	.on_message = on_message,
	.on_close = on_close,
	.max_message_bytes = LARGE,
	.max_waiting_bytes = LARGE,
};

static char back_address[32];
static const char *const back_addresses[] = {back_address};

static int choose(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		  struct viva_error *error)
{
	(void)request;
	(void)error;
	*ret_choice = (struct viva_http_relay_choice){.addresses = back_addresses, .address_count = 1};
	return 0;
}

static const struct viva_http_relay_route to_back = {.choose = choose};

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/hello", .handle = handle_hello},
	{.method = "POST", .pattern = "/echo", .handle = handle_echo, .max_body_bytes = LARGE},
	{.method = "GET", .pattern = "/stream", .handle = handle_stream},
	{.method = "GET", .pattern = "/ws", .websocket = &echo},
	{.pattern = "/back/*", .relay = &to_back, .max_body_bytes = LARGE},
};

static const struct viva_http_route back_routes[] = {
	{.method = "GET", .pattern = "/back/scheme", .handle = handle_scheme},
	{.method = "POST", .pattern = "/back/echo", .handle = handle_echo, .max_body_bytes = LARGE},
	{.method = "GET", .pattern = "/back/stream", .handle = handle_stream},
	{.method = "GET", .pattern = "/back/ws", .websocket = &echo},
};

static int set_up_all(void **state)
{
	(void)state;
	tls_files_make(&good, TLS_FILES_GOOD);
	tls_files_make(&other, TLS_FILES_GOOD);
	assert_ok(viva_tls_create_server(good.certificate, good.key, &server_tls, NULL));
	assert_ok(viva_tls_create_client(good.certificate, &client_tls, NULL));
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	viva_tls_destroy(server_tls);
	viva_tls_destroy(client_tls);
	tls_files_remove(&good);
	tls_files_remove(&other);
	return 0;
}

static void start_front(struct viva_http_server_options options)
{
	options.tls = server_tls;
	front = net_server_start(routes, VIVA_COUNT(routes), options);
	port = net_server_port(front);
}

static int start(void **state)
{
	(void)state;
	back = net_server_start(back_routes, VIVA_COUNT(back_routes), viva_http_server_defaults());
	snprintf(back_address, sizeof back_address, "127.0.0.1:%u", net_server_port(back));
	start_front(viva_http_server_defaults());
	return 0;
}

static int stop(void **state)
{
	(void)state;
	net_server_stop(front);
	net_server_stop(back);
	front = back = NULL;
	return 0;
}

static struct client_stream *connect_by(struct viva_tls *tls)
{
	struct client_stream *stream = NULL;
	struct viva_error error = {0};
	int code = client_stream_connect("localhost", port, tls, client_stream_deadline(TIMEOUT_MS), &stream, &error);
	if (code != 0)
		print_error("%s\n", viva_error_message(&error));
	assert_ok(code);
	return stream;
}

static void send_text(struct client_stream *stream, const char *text)
{
	assert_ok(client_stream_write(stream, text, strlen(text), client_stream_deadline(TIMEOUT_MS)));
}

// What comes until `end` was seen, or the end of all where it is NULL, as text; free it.
static char *receive_until(struct client_stream *stream, const char *end)
{
	struct viva_buffer text;
	viva_buffer_init(&text, (size_t)2 * LARGE);
	for (;;) {
		size_t size = 0;
		assert_ok(viva_buffer_reserve(&text, 64 * 1024));
		int code = client_stream_read(stream, text.data + text.size, 64 * 1024 - 1,
					      client_stream_deadline(TIMEOUT_MS), &size);
		text.size += size;
		text.data[text.size] = '\0';
		if (code == VIVA_ECLOSED && !end)
			break;
		assert_ok(code);
		if (end && memmem(text.data, text.size, end, strlen(end)))
			break;
	}
	return (char *)text.data;
}

#define ANSWER __attribute__((cleanup(viva_free_at_scope_end))) char *answer

static char *talk(const char *request)
{
	VIVA_AUTO(client_stream) stream = connect_by(client_tls);
	send_text(stream, request);
	return receive_until(stream, NULL);
}

static void test_https__answers_several_requests_of_a_connection(void **state)
{
	(void)state;
	VIVA_AUTO(client_stream) stream = connect_by(client_tls);
	for (int i = 0; i < 3; i++) {
		send_text(stream, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
		ANSWER = receive_until(stream, "good day");
		assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	}
	send_text(stream, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	ANSWER = receive_until(stream, NULL);
	assert_contains(answer, "\r\nConnection: close\r\n");
}

// A body of megabytes there and back, through a socket whose buffers it doesn't fit.
static void check_echo(const char *path)
{
	VIVA_AUTO(client_stream) stream = connect_by(client_tls);
	VIVA_AUTO_FREE char *body = malloc(LARGE);
	assert_non_null(body);
	for (size_t i = 0; i < LARGE; i++)
		body[i] = (char)('a' + i * 2654435761U % 26);
	char head[128];
	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		 path, (int)LARGE);
	send_text(stream, head);
	assert_ok(client_stream_write(stream, body, LARGE, client_stream_deadline(TIMEOUT_MS)));
	ANSWER = receive_until(stream, NULL);
	assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	char *got = strstr(answer, "\r\n\r\n");
	assert_non_null(got);
	assert_int_equal(strlen(got + 4), LARGE);
	assert_memory_equal(got + 4, body, LARGE);
}

static void test_https__large_bodies_come_and_go_whole(void **state)
{
	(void)state;
	check_echo("/echo");
	check_echo("/back/echo");
}

// A body in chunks, cut anywhere, which must be whole and hold so many parts of handle_stream.
static void assert_parts(char *answer, size_t parts)
{
	char *at = strstr(answer, "\r\n\r\n");
	assert_non_null(at);
	size_t total = 0, sevens = 0, size = 0;
	for (at += 4; (size = strtoul(at, &at, 16)) > 0; at += 2) {
		assert_memory_equal(at, "\r\n", 2);
		at += 2;
		for (size_t i = 0; i < size; i++)
			sevens += at[i] == '7';
		total += size;
		at += size;
		assert_memory_equal(at, "\r\n", 2);
	}
	assert_string_equal(at, "\r\n\r\n");
	assert_int_equal(sevens, parts);
	assert_int_equal(total, parts * PART_BYTES);
}

static void check_stream(const char *path)
{
	char request[96];
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
	ANSWER = talk(request);
	assert_contains(answer, "\r\nTransfer-Encoding: chunked\r\n");
	assert_parts(answer, PARTS);
}

static void test_https__answers_in_parts_are_whole(void **state)
{
	(void)state;
	check_stream("/stream");
	check_stream("/back/stream");
}

static void test_https__a_relayed_request_says_that_it_came_by_https(void **state)
{
	(void)state;
	ANSWER = talk("GET /back/scheme HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_contains(answer, "\r\n\r\nhttps");
}

static void check_websocket(const char *path)
{
	struct viva_websocket_client_options options = {
		.host = "localhost", .port = port, .tls = client_tls, .target = path, .max_message_bytes = LARGE};
	VIVA_AUTO(viva_websocket_client) client = NULL;
	struct viva_error error = {0};
	assert_ok(viva_websocket_client_connect(&options, &client, &error));
	VIVA_AUTO_FREE uint8_t *message = calloc(1, LARGE);
	struct viva_buffer got;
	viva_buffer_init(&got, LARGE);
	static const size_t sizes[] = {0, 1, 125, 70000, LARGE};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		enum viva_websocket_kind kind;
		assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_BINARY, message, sizes[i]));
		assert_ok(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &got));
		assert_int_equal(got.size, sizes[i]);
	}
	viva_websocket_client_close(client, 1000, TIMEOUT_MS);
	assert_int_equal(viva_websocket_client_close_code(client), 1000);
	viva_buffer_finish(&got);
}

static void test_https__websockets_work_here_and_passed_through(void **state)
{
	(void)state;
	check_websocket("/ws");
	check_websocket("/back/ws");
}

static void test_https__plain_http_is_told_what_is_spoken_here(void **state)
{
	(void)state;
	__attribute__((cleanup(viva_free_at_scope_end))) char *answer =
		net_talk(port, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 400 Bad Request\r\n");
	assert_contains(answer, "this port speaks HTTPS only");
	assert_contains(answer, "\r\nConnection: close\r\n");
	assert_lacks(answer, "good day");
}

static void test_https__garbage_gets_an_alert_and_the_end(void **state)
{
	(void)state;
	int fd = net_connect(port);
	net_send(fd, "\x16\x03\x01\xff\xff\x01", 6);
	unsigned char alert[16];
	assert_int_equal(recv(fd, alert, sizeof alert, 0), 7);
	assert_int_equal(alert[0], 21);
	assert_int_equal(recv(fd, alert, sizeof alert, 0), 0);
	close(fd);
}

static void test_https__half_a_handshake_ends_with_the_time_for_headers(void **state)
{
	(void)state;
	net_server_stop(front);
	struct viva_http_server_options options = viva_http_server_defaults();
	options.header_timeout_ms = 500;  // from the connection on: the client must have sent its half by then
	start_front(options);
	int fd = net_connect(port);
	net_send(fd, "\x16\x03\x01\x02\x00\x01", 6);
	char rest[8];
	assert_int_equal(recv(fd, rest, sizeof rest, 0), 0);
	close(fd);
	// Nor does a whole one hold the connection without a request; on a slow machine it may not even get through.
	VIVA_AUTO(client_stream) stream = NULL;
	size_t size = 0;
	int64_t deadline_ms = client_stream_deadline(TIMEOUT_MS);
	if (client_stream_connect("localhost", port, client_tls, deadline_ms, &stream, NULL) == 0)
		assert_error(client_stream_read(stream, rest, sizeof rest, deadline_ms, &size), VIVA_ECLOSED);
}

static void use_other(void *context)
{
	(void)context;
	VIVA_AUTO(viva_tls) tls = NULL;
	assert_ok(viva_tls_create_server(other.certificate, other.key, &tls, NULL));
	net_server_set_tls(front, tls);
}

static void test_https__a_new_certificate_is_for_new_connections(void **state)
{
	(void)state;
	VIVA_AUTO(client_stream) before = connect_by(client_tls);
	net_server_run(front, use_other, NULL);

	struct client_stream *refused = NULL;
	struct viva_error error = {0};
	int64_t deadline_ms = client_stream_deadline(TIMEOUT_MS);
	assert_error(client_stream_connect("localhost", port, client_tls, deadline_ms, &refused, &error),
		     VIVA_EBADGATEWAY);
	VIVA_AUTO(viva_tls) other_client = NULL;
	assert_ok(viva_tls_create_client(other.certificate, &other_client, NULL));
	VIVA_AUTO(client_stream) after = connect_by(other_client);
	struct client_stream *const both[] = {before, after};
	for (size_t i = 0; i < VIVA_COUNT(both); i++) {
		send_text(both[i], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
		ANSWER = receive_until(both[i], "good day");
		assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	}
}

// By OpenSSL itself, as ours has no such choices.
static SSL *open_ssl(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	assert_non_null(ssl);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static void test_https__tls_1_1_is_refused_and_so_is_another_protocol(void **state)
{
	(void)state;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
	int fd = net_connect(port);
	SSL *ssl = open_ssl(context, fd);
	assert_true(SSL_connect(ssl) < 1);
	SSL_free(ssl);
	close(fd);

	SSL_CTX_set_max_proto_version(context, 0);
	static const unsigned char offers[][16] = {"\x02h2\x08http/1.1", "\x02h2"};
	for (size_t i = 0; i < VIVA_COUNT(offers); i++) {
		fd = net_connect(port);
		ssl = open_ssl(context, fd);
		SSL_set_alpn_protos(ssl, offers[i], (unsigned)strlen((const char *)offers[i]));
		assert_int_equal(SSL_connect(ssl) == 1, i == 0);
		const unsigned char *chosen = NULL;
		unsigned size = 0;
		SSL_get0_alpn_selected(ssl, &chosen, &size);
		assert_int_equal(size, i == 0 ? 8 : 0);
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(context);
}

static void test_https__who_comes_back_is_resumed_and_nobody_renegotiates(void **state)
{
	(void)state;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	int fd = net_connect(port);
	SSL *ssl = open_ssl(context, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_SESSION *session = SSL_get1_session(ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);

	fd = net_connect(port);
	ssl = open_ssl(context, fd);
	SSL_set_session(ssl, session);
	assert_int_equal(SSL_connect(ssl), 1);
	assert_int_equal(SSL_session_reused(ssl), 1);
	// The server's "no" is an alert, by which OpenSSL's client fails.
	SSL_renegotiate(ssl);
	assert_true(SSL_do_handshake(ssl) < 1 || SSL_write(ssl, "x", 1) < 1 || SSL_read(ssl, (char[1]){0}, 1) < 1);
	SSL_free(ssl);
	SSL_SESSION_free(session);
	close(fd);
	SSL_CTX_free(context);
}

static void test_https__an_end_without_a_farewell_is_an_end(void **state)
{
	(void)state;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int fd = net_connect(port);
	SSL *ssl = open_ssl(context, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	static const char request[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
	assert_int_equal(SSL_write(ssl, request, sizeof request - 1), (int)sizeof request - 1);
	shutdown(fd, SHUT_WR);
	char answer[4096];
	size_t size = 0;
	for (int got; (got = SSL_read(ssl, answer + size, (int)(sizeof answer - 1 - size))) > 0;)
		size += (size_t)got;
	answer[size] = '\0';
	assert_contains(answer, "good day");
	// And the server says farewell itself.
	assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_free(context);
}

// A client that takes a little at a time, so that the server's socket is full nearly always.
static int connect_narrowly(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = {.tv_sec = TIMEOUT_MS / 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){16 * 1024}, sizeof(int));
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void check_slow_reader(SSL_CTX *context, const char *path)
{
	char request[96];
	int fd = connect_narrowly();
	SSL *ssl = open_ssl(context, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(SSL_write(ssl, request, (int)strlen(request)), (int)strlen(request));
	VIVA_AUTO_FREE char *answer = malloc((LONG_PARTS + 1) * (PART_BYTES + 32));
	size_t size = 0;
	for (int got; (got = SSL_read(ssl, answer + size, 4000)) > 0;)
		size += (size_t)got;
	answer[size] = '\0';
	assert_parts(answer, LONG_PARTS);
	SSL_free(ssl);
	close(fd);
}

static void test_https__a_slow_reader_gets_all_in_the_end(void **state)
{
	(void)state;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	check_slow_reader(context, "/stream?long=1");
	check_slow_reader(context, "/back/stream?long=1");
	SSL_CTX_free(context);
}

int main(void)
{
#define HTTPS_TEST(name) cmocka_unit_test_setup_teardown(test_https__##name, start, stop)
	const struct CMUnitTest tests[] = {
		HTTPS_TEST(answers_several_requests_of_a_connection),
		HTTPS_TEST(large_bodies_come_and_go_whole),
		HTTPS_TEST(answers_in_parts_are_whole),
		HTTPS_TEST(a_relayed_request_says_that_it_came_by_https),
		HTTPS_TEST(websockets_work_here_and_passed_through),
		HTTPS_TEST(plain_http_is_told_what_is_spoken_here),
		HTTPS_TEST(garbage_gets_an_alert_and_the_end),
		HTTPS_TEST(half_a_handshake_ends_with_the_time_for_headers),
		HTTPS_TEST(a_new_certificate_is_for_new_connections),
		HTTPS_TEST(tls_1_1_is_refused_and_so_is_another_protocol),
		HTTPS_TEST(who_comes_back_is_resumed_and_nobody_renegotiates),
		HTTPS_TEST(an_end_without_a_farewell_is_an_end),
		HTTPS_TEST(a_slow_reader_gets_all_in_the_end),
	};
	return cmocka_run_group_tests_name("net/https", tests, set_up_all, tear_down_all);
}
