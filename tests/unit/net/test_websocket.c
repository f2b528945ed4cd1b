// SPDX-License-Identifier: Apache-2.0
#include "net/websocket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/websocket_client.h"
#include "net_fixture.h"

enum { MAX_MESSAGE_BYTES = 300000, TIMEOUT_MS = 60000 };

struct session {
	_Atomic int opened, closed, close_code, oversized;
	struct viva_websocket *_Atomic socket;  // with a reference
};

static struct session session;
static bool refuses;

static int authorize(struct viva_http_request *request, void **ret_session, const char **ret_subprotocol,
		     struct viva_error *error)
{
	if (refuses)
		return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, "the token is missing");
	if (viva_http_header(request, "sec-websocket-protocol"))
		*ret_subprotocol = "viva";
	*ret_session = &session;
	return 0;
}

static void on_open(struct viva_websocket *socket, void *context)
{
	struct session *own = context;
	atomic_store(&own->socket, viva_websocket_ref(socket));
	atomic_fetch_add(&own->opened, 1);
}

static void on_message(struct viva_websocket *socket, enum viva_websocket_kind kind, struct viva_blob *message,
		       void *context)
{
	(void)context;
	struct viva_bytes bytes = viva_blob_bytes(message);
	if (bytes.size == 3 && memcmp(bytes.data, "bye", 3) == 0)
		viva_websocket_close(socket, 4001, "as you wish");
	else
		assert_ok(viva_websocket_send(socket, kind, bytes.data, bytes.size));
}

static void on_oversize(struct viva_websocket *socket, void *context)
{
	struct session *own = context;
	atomic_fetch_add(&own->oversized, 1);
	assert_ok(viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, "too large", 9));
}

static void on_close(struct viva_websocket *socket, int code, void *context)
{
	(void)socket;
	struct session *own = context;
	atomic_store(&own->close_code, code);
	atomic_fetch_add(&own->closed, 1);
}

static const struct viva_websocket_route echo = {
	.authorize = authorize,
	.on_open = on_open,
	.on_message = on_message,
	.on_oversize = on_oversize,
	.on_close = on_close,
	.max_message_bytes = MAX_MESSAGE_BYTES,
	.max_waiting_bytes = MAX_MESSAGE_BYTES,
};

static const struct viva_websocket_route strict = {
	.authorize = authorize,
	.on_open = on_open,
	.on_message = on_message,
	.on_close = on_close,
	.max_message_bytes = 10,
};

static const struct viva_websocket_route pinging = {
	.authorize = authorize,
	.on_open = on_open,
	.on_message = on_message,
	.on_close = on_close,
	.max_message_bytes = 10,
	.ping_interval_ms = 50,
};

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/echo", .websocket = &echo},
	{.method = "GET", .pattern = "/strict", .websocket = &strict},
	{.method = "GET", .pattern = "/pinging", .websocket = &pinging},
};

static struct net_server *server;
static uint16_t port;

static int start(void **state)
{
	(void)state;
	memset(&session, 0, sizeof session);
	refuses = false;
	server = net_server_start(routes, VIVA_COUNT(routes), viva_http_server_defaults());
	port = net_server_port(server);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	viva_websocket_unref(atomic_exchange(&session.socket, NULL));
	net_server_stop(server);
	return 0;
}

static int try_connect(const char *target, struct viva_websocket_client **ret_client)
{
	struct viva_websocket_client_options options = {.host = "127.0.0.1", .port = port, .target = target};
	struct viva_error error = {0};
	return viva_websocket_client_connect(&options, ret_client, &error);
}

static struct viva_websocket_client *client_of(const char *target)
{
	struct viva_websocket_client *client = NULL;
	assert_ok(try_connect(target, &client));
	return client;
}

static void assert_receives(struct viva_websocket_client *client, enum viva_websocket_kind kind, const void *data,
			    size_t size)
{
	struct viva_buffer message;
	viva_buffer_init(&message, 1);
	enum viva_websocket_kind got = 0;
	assert_ok(viva_websocket_client_receive(client, TIMEOUT_MS, &got, &message));
	assert_int_equal(got, kind);
	assert_int_equal(message.size, size);
	assert_memory_equal(message.data, data, size);
	viva_buffer_finish(&message);
}

static void wait_for(_Atomic int *counter, int value)
{
	while (atomic_load(counter) < value)
		sched_yield();
}

static void assert_closes(struct viva_websocket_client *client, int code)
{
	struct viva_buffer message;
	viva_buffer_init(&message, MAX_MESSAGE_BYTES);
	enum viva_websocket_kind kind;
	assert_error(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &message), VIVA_ECLOSED);
	assert_int_equal(viva_websocket_client_close_code(client), code);
	viva_buffer_finish(&message);
}

static void test_websocket__echoes_text_and_binary_of_all_lengths(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 125, 126, 65535, 65536, MAX_MESSAGE_BYTES};
	static char data[MAX_MESSAGE_BYTES];
	memset(data, 'x', sizeof data);
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		enum viva_websocket_kind kind = i % 2 == 0 ? VIVA_WEBSOCKET_TEXT : VIVA_WEBSOCKET_BINARY;
		assert_ok(viva_websocket_client_send(client, kind, data, sizes[i]));
		assert_receives(client, kind, data, sizes[i]);
	}
}

static void test_websocket__closes_with_the_codes_of_both_sides(void **state)
{
	(void)state;
	// The client's end of the connection ends before the server's is looked at, which waits for it.
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_TEXT, "bye", 3));
	assert_closes(client, 4001);
	client = viva_websocket_client_destroy(client);
	wait_for(&session.closed, 1);
	assert_int_equal(atomic_load(&session.close_code), 4001);
	viva_websocket_unref(atomic_exchange(&session.socket, NULL));
	client = client_of("/echo");
	viva_websocket_client_close(client, 3000, TIMEOUT_MS);
	assert_int_equal(viva_websocket_client_close_code(client), 3000);
	client = viva_websocket_client_destroy(client);
	wait_for(&session.closed, 2);
	assert_int_equal(atomic_load(&session.close_code), 3000);
}

static void test_websocket__a_lost_connection_is_1006(void **state)
{
	(void)state;
	struct viva_websocket_client *client = client_of("/echo");
	viva_websocket_client_destroy(client);
	wait_for(&session.closed, 1);
	assert_int_equal(atomic_load(&session.close_code), 1006);
}

static void test_websocket__an_oversize_message_is_answered_and_the_connection_lives_on(void **state)
{
	(void)state;
	static char data[MAX_MESSAGE_BYTES + 1];
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_BINARY, data, sizeof data));
	assert_receives(client, VIVA_WEBSOCKET_TEXT, "too large", 9);
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_TEXT, "still here", 10));
	assert_receives(client, VIVA_WEBSOCKET_TEXT, "still here", 10);
	assert_int_equal(atomic_load(&session.oversized), 1);
}

static void test_websocket__an_oversize_message_closes_with_1009_where_nobody_answers(void **state)
{
	(void)state;
	VIVA_AUTO(viva_websocket_client) client = client_of("/strict");
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_BINARY, "12345678901", 11));
	assert_closes(client, 1009);
}

static void test_websocket__pings_a_silent_client_and_drops_a_dead_one(void **state)
{
	(void)state;
	int fd = net_connect(port);
	net_send_text(fd,
		      "GET /pinging HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
		      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
	char *head = net_receive_until(fd, "\r\n\r\n");
	assert_begins(head, "HTTP/1.1 101 Switching Protocols\r\n");
	assert_contains(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
	// The ping may have come along with the head, where the client was slow to read.
	const char *after = strstr(head, "\r\n\r\n") + 4;
	char *rest = net_receive_all(fd);
	assert_memory_equal(after[0] != '\0' ? after : rest, "\x89\x00", 2);
	free(rest);
	free(head);
	close(fd);
	wait_for(&session.closed, 1);
	assert_int_equal(atomic_load(&session.close_code), 1006);
}

static void *send_from_thread(void *context)
{
	struct viva_websocket *socket = context;
	for (int i = 0; i < 100; i++)
		assert_ok(viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, "tick", 4));
	return NULL;
}

static void test_websocket__sends_from_any_thread(void **state)
{
	(void)state;
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	wait_for(&session.opened, 1);
	pthread_t threads[2];
	for (size_t i = 0; i < VIVA_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_from_thread, atomic_load(&session.socket)), 0);
	for (int i = 0; i < 200; i++)
		assert_receives(client, VIVA_WEBSOCKET_TEXT, "tick", 4);
	for (size_t i = 0; i < VIVA_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

static void test_websocket__a_reader_too_slow_is_refused_more_and_closed_with_1013(void **state)
{
	(void)state;
	static char data[MAX_MESSAGE_BYTES];
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	wait_for(&session.opened, 1);
	struct viva_websocket *socket = atomic_load(&session.socket);
	int code = 0;
	while (code == 0)
		code = viva_websocket_send(socket, VIVA_WEBSOCKET_BINARY, data, sizeof data);
	assert_int_equal(code, VIVA_ELIMIT);

	struct viva_buffer message;
	viva_buffer_init(&message, MAX_MESSAGE_BYTES);
	enum viva_websocket_kind kind;
	do
		code = viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &message);
	while (code == 0);
	viva_buffer_finish(&message);
	assert_int_equal(code, VIVA_ECLOSED);
	assert_int_equal(viva_websocket_client_close_code(client), 1013);
	wait_for(&session.closed, 1);
	assert_error(viva_websocket_send(socket, VIVA_WEBSOCKET_TEXT, "x", 1), VIVA_ECLOSED);
}

static void *stop_on_thread(void *context)
{
	net_server_stop(context);
	return NULL;
}

static void test_websocket__a_stopping_server_closes_with_1012(void **state)
{
	(void)state;
	VIVA_AUTO(viva_websocket_client) client = client_of("/echo");
	wait_for(&session.opened, 1);
	struct net_server *stopping = server;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, stop_on_thread, stopping), 0);
	server = NULL;
	assert_closes(client, 1012);
	client = viva_websocket_client_destroy(client);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&session.closed), 1);
}

static void test_websocket__a_refusal_is_plain_http(void **state)
{
	(void)state;
	refuses = true;
	struct viva_websocket_client *client = NULL;
	assert_error(try_connect("/echo", &client), VIVA_EUNAUTHORIZED);
	assert_error(try_connect("/nowhere", &client), VIVA_ENOTFOUND);
	assert_null(client);
	assert_int_equal(atomic_load(&session.closed), 0);
}

static void assert_handshake(const char *lines, const char *begin)
{
	char request[512] = "GET /echo HTTP/1.1\r\nHost: h\r\n";
	strcat(strcat(request, lines), "\r\n");
	char *answer = net_talk(port, request);
	assert_begins(answer, begin);
	free(answer);
}

static void test_websocket__refuses_malformed_handshakes(void **state)
{
	(void)state;
#define UPGRADE "Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
	assert_handshake("Connection: close\r\n", "HTTP/1.1 426 Upgrade Required\r\n");
	assert_handshake(UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n",
			 "HTTP/1.1 426 ");
	assert_handshake(UPGRADE "Sec-WebSocket-Version: 13\r\n", "HTTP/1.1 400 ");
	assert_handshake(UPGRADE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", "HTTP/1.1 400 ");
	assert_handshake(UPGRADE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
				 "Content-Length: 3\r\n",
			 "HTTP/1.1 413 ");
}

static void test_websocket__takes_frames_sent_along_with_the_handshake(void **state)
{
	(void)state;
	static const char request[] = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
				      "Sec-WebSocket-Protocol: other, viva\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
				      "\x81\x82\x01\x01\x01\x01ih";
	int fd = net_connect(port);
	net_send(fd, request, sizeof request - 1);
	char *answer = net_receive_until(fd, "\x81\x02hi");
	assert_begins(answer, "HTTP/1.1 101 ");
	assert_contains(answer, "\r\nSec-WebSocket-Protocol: viva\r\n");
	free(answer);
	close(fd);
}

int main(void)
{
#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(test_websocket__##name, start, stop)
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(echoes_text_and_binary_of_all_lengths),
		SOCKET_TEST(closes_with_the_codes_of_both_sides),
		SOCKET_TEST(a_lost_connection_is_1006),
		SOCKET_TEST(an_oversize_message_is_answered_and_the_connection_lives_on),
		SOCKET_TEST(an_oversize_message_closes_with_1009_where_nobody_answers),
		SOCKET_TEST(pings_a_silent_client_and_drops_a_dead_one),
		SOCKET_TEST(sends_from_any_thread),
		SOCKET_TEST(a_reader_too_slow_is_refused_more_and_closed_with_1013),
		SOCKET_TEST(a_stopping_server_closes_with_1012),
		SOCKET_TEST(a_refusal_is_plain_http),
		SOCKET_TEST(refuses_malformed_handshakes),
		SOCKET_TEST(takes_frames_sent_along_with_the_handshake),
	};
	return cmocka_run_group_tests_name("websocket", tests, NULL, NULL);
}
