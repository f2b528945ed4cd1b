// SPDX-License-Identifier: Apache-2.0
#include "net/http_relay.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_fixture.h"

enum { BIG_BYTES = 5 * 1024 * 1024 };

static char addresses[2][32];
static const char *choice[2];
static size_t choice_count;

static int choose(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		  struct viva_error *error)
{
	if (strcmp(request->path, "/forbidden") == 0)
		return viva_fail(error, VIVA_EFORBIDDEN, NULL, "not for you");
	*ret_choice = (struct viva_http_relay_choice){choice, choice_count};
	return 0;
}

static const struct viva_http_relay_route relay = {.choose = choose, .response_timeout_ms = 60000};
static const struct viva_http_relay_route impatient = {.choose = choose, .response_timeout_ms = 50};

static const struct viva_http_route routes[] = {
	{.pattern = "/*", .relay = &relay, .max_body_bytes = BIG_BYTES},
	{.pattern = "/impatient", .relay = &impatient},
	{.pattern = "/small", .relay = &relay, .max_body_bytes = 10},
};

static struct net_server *server;
static uint16_t port;
static int listener = -1;

// The upstream is the test itself: it sees and says every byte.
static void use_own_upstream(void)
{
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 10), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	snprintf(addresses[0], sizeof addresses[0], "127.0.0.1:%u", ntohs(address.sin_port));
	choice[0] = addresses[0];
	choice_count = 1;
}

static int accept_upstream(void)
{
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	struct timeval timeout = {.tv_sec = 60};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	return fd;
}

static int start(void **state)
{
	(void)state;
	use_own_upstream();
	server = net_server_start(routes, VIVA_COUNT(routes), viva_http_server_defaults());
	port = net_server_port(server);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	net_server_stop(server);
	if (listener >= 0)
		close(listener);
	listener = -1;
	return 0;
}

// Sends `request`, has the upstream answer it with `answer`, and gives what the client got and, if asked, what the
// upstream saw. The upstream's connection is closed.
static char *exchange(const char *request, const char *answer, char **ret_seen)
{
	int client = net_connect(port);
	net_send_text(client, request);
	int upstream = accept_upstream();
	char *seen = net_receive_until(upstream, "\r\n\r\n");
	net_send_text(upstream, answer);
	shutdown(upstream, SHUT_WR);
	char *got = net_receive_all(client);
	close(upstream);
	close(client);
	if (ret_seen)
		*ret_seen = seen;
	else
		free(seen);
	return got;
}

#define CLOSE "Host: front\r\nConnection: close\r\n"
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_relay__sends_on_what_is_meant_for_the_end(void **state)
{
	(void)state;
	char *seen = NULL;
	char *got = exchange(
		"GET /a%20b?c=d HTTP/1.1\r\nHost: front\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
		"Keep-Alive: 5\r\nProxy-Authorization: secret\r\nAccept: */*\r\n"
		"X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: r-1\r\n\r\n",
		OK_ANSWER, &seen);
	assert_begins(seen, "GET /a%20b?c=d HTTP/1.1\r\nhost: front\r\n");
	assert_contains(seen, "\r\naccept: */*\r\n");
	assert_contains(seen, "\r\nx-forwarded-for: 10.0.0.1, 127.0.0.1\r\n");
	assert_contains(seen, "\r\nx-forwarded-proto: https\r\n");
	assert_contains(seen, "\r\nx-forwarded-host: front\r\n");
	assert_contains(seen, "\r\nx-request-id: r-1\r\n");
	assert_contains(seen, "\r\ntraceparent: 00-");
	assert_lacks(seen, "x-hop");
	assert_lacks(seen, "connection");
	assert_lacks(seen, "te:");
	assert_lacks(seen, "keep-alive");
	assert_lacks(seen, "secret");
	assert_contains(got, "\r\nX-Request-Id: r-1\r\n");
	assert_contains(got, "\r\n\r\nok");
	free(seen);
	free(got);
}

static void test_relay__drops_the_upstreams_hop_by_hop_headers(void **state)
{
	(void)state;
	char *got = exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n",
			     "HTTP/1.1 201 Whatever\r\nConnection: x-private\r\nX-Private: 1\r\nKeep-Alive: 9\r\n"
			     "X-Request-Id: theirs\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
			     NULL);
	assert_begins(got, "HTTP/1.1 201 Created\r\n");
	assert_contains(got, "\r\nlocation: /x\r\n");
	assert_lacks(got, "x-private");
	assert_lacks(got, "keep-alive");
	assert_lacks(got, "theirs");
	free(got);
}

static void test_relay__frames_every_kind_of_answer_anew(void **state)
{
	(void)state;
	char *got =
		exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n",
			 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", NULL);
	assert_contains(got, "\r\nTransfer-Encoding: chunked\r\n");
	assert_contains(got, "abc\r\n");
	assert_contains(got, "\r\n0\r\n\r\n");
	free(got);
	got = exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.0 200 OK\r\n\r\nuntil the end", NULL);
	assert_contains(got, "\r\nTransfer-Encoding: chunked\r\n");
	assert_contains(got, "\r\nd\r\nuntil the end\r\n0\r\n\r\n");
	free(got);
	got = exchange("GET / HTTP/1.0\r\n\r\n",
		       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", NULL);
	assert_contains(got, "\r\nConnection: close\r\n\r\nabc");
	assert_lacks(got, "chunked");
	free(got);
	got = exchange("HEAD / HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", NULL);
	assert_contains(got, "\r\nContent-Length: 100\r\n");
	free(got);
	got = exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", NULL);
	assert_begins(got, "HTTP/1.1 304 Not Modified\r\n");
	assert_lacks(got, "chunked");
	free(got);
	got = exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n",
		       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK_ANSWER, NULL);
	assert_begins(got, "HTTP/1.1 200 OK\r\n");
	assert_lacks(got, "link");
	free(got);
}

static void test_relay__an_unsafe_answer_becomes_502(void **state)
{
	(void)state;
	static const char *const unsafe[] = {
		"nonsense\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"",
	};
	for (size_t i = 0; i < VIVA_COUNT(unsafe); i++) {
		char *got = exchange("GET / HTTP/1.1\r\n" CLOSE "\r\n", unsafe[i], NULL);
		assert_begins(got, "HTTP/1.1 502 Bad Gateway\r\n");
		assert_contains(got, "\"code\":\"UNAVAILABLE\"");
		free(got);
	}
}

static void test_relay__half_an_answer_is_not_made_to_look_whole(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	int upstream = accept_upstream();
	free(net_receive_until(upstream, "\r\n\r\n"));
	net_send_text(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	free(net_receive_until(client, "abc"));
	close(upstream);
	char *rest = net_receive_all(client);
	assert_lacks(rest, "0\r\n\r\n");
	free(rest);
	close(client);
}

static void test_relay__bytes_after_an_answer_never_reach_another_client(void **state)
{
	(void)state;
	char *got = exchange("GET /1 HTTP/1.1\r\n" CLOSE "\r\n",
			     OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", NULL);
	assert_contains(got, "ok");
	assert_lacks(got, "evil");
	free(got);
	got = exchange("GET /2 HTTP/1.1\r\n" CLOSE "\r\n", OK_ANSWER, NULL);
	assert_lacks(got, "evil");
	free(got);
}

static void test_relay__keeps_upstream_connections(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	int upstream = accept_upstream();
	for (int i = 0; i < 3; i++) {
		free(net_receive_until(upstream, "\r\n\r\n"));
		net_send_text(upstream, OK_ANSWER);
		free(net_receive_until(client, "\r\n\r\nok"));
		net_send_text(client, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	}
	free(net_receive_until(upstream, "\r\n\r\n"));
	close(upstream);
	close(client);
}

static void test_relay__repeats_a_get_whose_kept_connection_had_died(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	int upstream = accept_upstream();
	free(net_receive_until(upstream, "\r\n\r\n"));
	net_send_text(upstream, OK_ANSWER);
	free(net_receive_until(client, "\r\n\r\nok"));

	net_send_text(client, "GET /2 HTTP/1.1\r\n" CLOSE "\r\n");
	char *seen = net_receive_until(upstream, "\r\n\r\n");
	assert_begins(seen, "GET /2 ");
	free(seen);
	close(upstream);
	upstream = accept_upstream();
	seen = net_receive_until(upstream, "\r\n\r\n");
	assert_begins(seen, "GET /2 ");
	free(seen);
	net_send_text(upstream, OK_ANSWER);
	char *got = net_receive_all(client);
	assert_begins(got, "HTTP/1.1 200 OK\r\n");
	free(got);
	close(upstream);
	close(client);
}

static void test_relay__never_repeats_a_post(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	int upstream = accept_upstream();
	free(net_receive_until(upstream, "\r\n\r\n"));
	net_send_text(upstream, OK_ANSWER);
	free(net_receive_until(client, "\r\n\r\nok"));

	net_send_text(client, "POST /2 HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n");
	free(net_receive_until(upstream, "\r\n\r\n"));
	close(upstream);
	char *got = net_receive_all(client);
	assert_begins(got, "HTTP/1.1 502 ");
	free(got);
	close(client);
}

static void test_relay__goes_on_to_the_next_address_when_one_cannot_be_reached(void **state)
{
	(void)state;
	int closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	assert_int_equal(bind(closed, (struct sockaddr *)&address, size), 0);  // bound, not listening: refused
	assert_int_equal(getsockname(closed, (struct sockaddr *)&address, &size), 0);
	snprintf(addresses[1], sizeof addresses[1], "127.0.0.1:%u", ntohs(address.sin_port));
	choice[0] = addresses[1];
	choice[1] = addresses[0];
	choice_count = 2;

	int client = net_connect(port);
	net_send_text(client, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 4\r\n\r\nbody");
	int upstream = accept_upstream();
	char *seen = net_receive_until(upstream, "\r\n\r\nbody");
	assert_contains(seen, "\r\n\r\nbody");
	free(seen);
	net_send_text(upstream, OK_ANSWER);
	char *got = net_receive_all(client);
	assert_begins(got, "HTTP/1.1 200 OK\r\n");
	free(got);
	close(upstream);
	close(client);

	choice_count = 1;
	got = net_talk(port, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(got, "HTTP/1.1 503 ");
	assert_contains(got, "\r\nRetry-After: ");
	free(got);
	choice_count = 0;
	got = net_talk(port, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(got, "HTTP/1.1 503 ");
	free(got);
	close(closed);
}

static void test_relay__a_silent_upstream_becomes_504(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET /impatient HTTP/1.1\r\n" CLOSE "\r\n");
	int upstream = accept_upstream();
	char *got = net_receive_all(client);
	assert_begins(got, "HTTP/1.1 504 Gateway Timeout\r\n");
	assert_contains(got, "\"code\":\"DEADLINE_EXCEEDED\"");
	free(got);
	close(upstream);
	close(client);
}

static void test_relay__the_chooser_may_refuse(void **state)
{
	(void)state;
	char *got = net_talk(
		port,
		"POST /forbidden HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /forbidden HTTP/1.1\r\n" CLOSE
		"\r\n");
	assert_begins(got, "HTTP/1.1 403 ");
	assert_contains(got, "not for you");
	assert_int_equal(count_of(got, "HTTP/1.1 403"), 2);
	free(got);
}

static void test_relay__bodies_keep_their_limits(void **state)
{
	(void)state;
	char *got = net_talk(port, "POST /small HTTP/1.1\r\n" CLOSE "Content-Length: 11\r\n\r\n12345678901");
	assert_begins(got, "HTTP/1.1 413 ");
	free(got);

	int client = net_connect(port);
	net_send_text(client, "POST /small HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
	int upstream = accept_upstream();
	free(net_receive_until(upstream, "\r\n\r\n"));
	net_send_text(client, "b\r\n12345678901\r\n0\r\n\r\n");
	got = net_receive_all(client);
	assert_begins(got, "HTTP/1.1 413 ");
	free(got);
	char *rest = net_receive_all(upstream);  // the upstream must not take what it got for whole
	assert_lacks(rest, "0\r\n\r\n");
	free(rest);
	close(upstream);
	close(client);
}

static void *send_big(void *context)
{
	int fd = *(int *)context;
	static char part[BIG_BYTES];
	memset(part, 'x', sizeof part);
	net_send(fd, part, sizeof part);
	return NULL;
}

static void test_relay__large_bodies_pass_both_ways(void **state)
{
	(void)state;
	int client = net_connect(port);
	char head[128];
	snprintf(head, sizeof head, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n", BIG_BYTES);
	net_send_text(client, head);
	pthread_t sender;
	assert_int_equal(pthread_create(&sender, NULL, send_big, &client), 0);
	int upstream = accept_upstream();
	size_t size = 0;
	static char part[64 * 1024];
	bool is_in_body = false;
	while (size < BIG_BYTES) {
		ssize_t got = recv(upstream, part, sizeof part, 0);
		assert_true(got > 0);
		char *body = is_in_body ? part : memmem(part, (size_t)got, "\r\n\r\n", 4);
		assert_non_null(body);
		size += (size_t)(part + got - body) - (is_in_body ? 0 : 4);
		is_in_body = true;
	}
	pthread_join(sender, NULL);
	assert_int_equal(size, BIG_BYTES);

	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG_BYTES);
	net_send_text(upstream, head);
	assert_int_equal(pthread_create(&sender, NULL, send_big, &upstream), 0);
	char *got = net_receive_all(client);
	pthread_join(sender, NULL);
	assert_int_equal(strlen(strstr(got, "\r\n\r\n") + 4), BIG_BYTES);
	free(got);
	close(upstream);
	close(client);
}

static void test_relay__passes_a_websocket_through(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			      "Sec-WebSocket-Key: k\r\n\r\nearly ");
	int upstream = accept_upstream();
	char *seen = net_receive_until(upstream, "\r\n\r\n");
	assert_contains(seen, "\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
	assert_contains(seen, "\r\nsec-websocket-key: k\r\n");
	free(seen);
	net_send_text(upstream, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
				"Sec-WebSocket-Accept: a\r\n\r\nfirst words");
	char *got = net_receive_until(client, "first words");
	assert_begins(got, "HTTP/1.1 101 Switching Protocols\r\n");
	assert_contains(got, "\r\nsec-websocket-accept: a\r\n");
	assert_contains(got, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
	free(got);
	net_send_text(client, "and late");
	seen = net_receive_until(upstream, "late");
	assert_string_equal(seen, "early and late");
	free(seen);
	net_send_text(upstream, "bye");
	shutdown(upstream, SHUT_WR);
	got = net_receive_all(client);
	assert_string_equal(got, "bye");
	free(got);
	close(client);
	seen = net_receive_all(upstream);
	assert_string_equal(seen, "");
	free(seen);
	close(upstream);
}

static void test_relay__a_refused_websocket_is_plain_http(void **state)
{
	(void)state;
	char *got = exchange("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			     "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", NULL);
	assert_begins(got, "HTTP/1.1 401 Unauthorized\r\n");
	assert_contains(got, "\r\nConnection: close\r\n");
	assert_contains(got, "\r\n\r\nno");
	free(got);
}

static void test_relay__a_client_that_leaves_takes_its_upstream_along(void **state)
{
	(void)state;
	int client = net_connect(port);
	net_send_text(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
	int upstream = accept_upstream();
	free(net_receive_until(upstream, "half"));
	close(client);
	char *rest = net_receive_all(upstream);
	assert_string_equal(rest, "");
	free(rest);
	close(upstream);
}

int main(void)
{
#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(test_relay__##name, start, stop)
	const struct CMUnitTest tests[] = {
		RELAY_TEST(sends_on_what_is_meant_for_the_end),
		RELAY_TEST(drops_the_upstreams_hop_by_hop_headers),
		RELAY_TEST(frames_every_kind_of_answer_anew),
		RELAY_TEST(an_unsafe_answer_becomes_502),
		RELAY_TEST(half_an_answer_is_not_made_to_look_whole),
		RELAY_TEST(bytes_after_an_answer_never_reach_another_client),
		RELAY_TEST(keeps_upstream_connections),
		RELAY_TEST(repeats_a_get_whose_kept_connection_had_died),
		RELAY_TEST(never_repeats_a_post),
		RELAY_TEST(goes_on_to_the_next_address_when_one_cannot_be_reached),
		RELAY_TEST(a_silent_upstream_becomes_504),
		RELAY_TEST(the_chooser_may_refuse),
		RELAY_TEST(bodies_keep_their_limits),
		RELAY_TEST(large_bodies_pass_both_ways),
		RELAY_TEST(passes_a_websocket_through),
		RELAY_TEST(a_refused_websocket_is_plain_http),
		RELAY_TEST(a_client_that_leaves_takes_its_upstream_along),
	};
	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
