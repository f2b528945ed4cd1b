// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_fixture.h"

enum { MAX_ECHO_BYTES = 100 };

static int handle_hello(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)error;
	const char *name = viva_http_parameter(request, "name");
	const char *greeting = viva_http_query(request, "greeting");
	char *text = viva_arena_printf(request->arena, "%s %s", greeting ? greeting : "hello", name);
	return viva_http_respond_text(response, 200, "text/plain", text);
}

static int handle_echo(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	return viva_http_respond_blob(response, 200, "application/octet-stream", request->body);
}

static int handle_stream(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)request;
	(void)error;
	int code = viva_http_begin_stream(response, 200, "text/plain");
	for (int i = 0; i < 3 && code == 0; i++)
		code = viva_http_write(response, "part.", 5);
	return code;
}

static int handle_failure(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)request;
	// What was prepared before the failure must not leak into the error's answer.
	assert_ok(viva_http_add_header(response, "X-Secret", "1"));
	return viva_fail(error, VIVA_EFIELD, "user_id", "user_id must not be empty");
}

static int handle_overload(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	(void)request;
	(void)response;
	(void)error;
	return VIVA_EOVERLOAD;
}

static int handle_headers(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)error;
	assert_error(viva_http_add_header(response, "X-Bad", "a\r\nb"), VIVA_EINVAL);
	assert_error(viva_http_add_header(response, "X Bad", "a"), VIVA_EINVAL);
	char *text = viva_arena_printf(request->arena, "%s|%s|%s", viva_http_header(request, "X-Empty"),
				       viva_http_header(request, "x-spaced"),
				       viva_http_header(request, "X-None") ? "some" : "none");
	return viva_http_respond_text(response, 200, NULL, text);
}

static int handle_nothing(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)request;
	(void)response;
	(void)error;
	return 0;
}

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/hello/:name", .handle = handle_hello},
	{.method = "POST", .pattern = "/echo", .handle = handle_echo, .max_body_bytes = MAX_ECHO_BYTES},
	{.method = "POST",
	 .pattern = "/frame",
	 .handle = handle_echo,
	 .max_body_bytes = MAX_ECHO_BYTES,
	 .too_large_code = VIVA_EFRAMESIZE,
	 .content_types = "image/jpeg, image/png"},
	{.method = "GET", .pattern = "/stream", .handle = handle_stream},
	{.method = "GET", .pattern = "/failure", .handle = handle_failure},
	{.method = "GET", .pattern = "/overload", .handle = handle_overload},
	{.method = "GET", .pattern = "/headers", .handle = handle_headers},
	{.method = "DELETE", .pattern = "/nothing", .handle = handle_nothing},
};

static struct net_server *server;
static uint16_t port;

static int set_up(void **state)
{
	(void)state;
	server = net_server_start(routes, VIVA_COUNT(routes), viva_http_server_defaults());
	port = net_server_port(server);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_server_stop(server);
	return 0;
}

#define CLOSE "Host: h\r\nConnection: close\r\n"

// The answer to one request, which ends with the connection.
#define TALK(request) __attribute__((cleanup(viva_free_at_scope_end))) char *answer = net_talk(port, request)

static void test_http_server__answers_with_all_standard_headers(void **state)
{
	(void)state;
	TALK("GET /hello/you?greeting=good+day HTTP/1.1\r\n" CLOSE "X-Request-Id: r-1\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	assert_contains(answer, "\r\nX-Request-Id: r-1\r\n");
	assert_contains(answer, "\r\nDate: ");
	assert_contains(answer, "\r\nContent-Type: text/plain\r\n");
	assert_contains(answer, "\r\nContent-Length: 12\r\n");
	assert_contains(answer, "\r\nConnection: close\r\n");
	assert_contains(answer, "\r\n\r\ngood day you");
}

static void test_http_server__makes_a_request_id_when_the_clients_is_unfit(void **state)
{
	(void)state;
	TALK("GET /hello/you HTTP/1.1\r\n" CLOSE "X-Request-Id: a b\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	const char *id = strstr(answer, "X-Request-Id: ") + strlen("X-Request-Id: ");
	char uuid[VIVA_UUID_SIZE] = "";
	memcpy(uuid, id, sizeof uuid - 1);
	assert_true(viva_uuid_is_valid(uuid));
}

static void test_http_server__answers_pipelined_requests_in_order(void **state)
{
	(void)state;
	TALK("GET /hello/1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
	     "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\nGET /stream HTTP/1.1\r\nHost: h\r\n\r\n"
	     "GET /hello/5 HTTP/1.1\r\n" CLOSE "\r\n");
	const char *first = strstr(answer, "hello 1"), *second = strstr(answer, "\r\n\r\nab");
	const char *third = strstr(answer, "not found"), *fourth = strstr(answer, "part."),
		   *fifth = strstr(answer, "hello 5");
	assert_true(first && first < second && second < third && third < fourth && fourth < fifth);
	assert_int_equal(count_of(answer, "HTTP/1.1 "), 5);
}

static void test_http_server__reads_no_further_ahead_than_its_limit_yet_answers_all(void **state)
{
	(void)state;
	enum { REQUESTS = 200 };
	int fd = net_connect(port);
	for (int i = 0; i < REQUESTS; i++)
		net_send_text(fd, "GET /hello/x HTTP/1.1\r\nHost: h\r\n\r\n");
	net_send_text(fd, "GET /hello/last HTTP/1.1\r\n" CLOSE "\r\n");
	char *answer = net_receive_all(fd);
	close(fd);
	assert_int_equal(count_of(answer, "HTTP/1.1 200"), REQUESTS + 1);
	assert_contains(answer, "hello last");
	free(answer);
}

static void test_http_server__takes_chunked_bodies_with_extensions_and_trailers(void **state)
{
	(void)state;
	TALK("POST /echo HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n"
	     "5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	assert_contains(answer, "\r\n\r\nhello!");
}

static void test_http_server__streams_in_chunks_and_until_close_for_http_1_0(void **state)
{
	(void)state;
	{
		TALK("GET /stream HTTP/1.1\r\n" CLOSE "\r\n");
		assert_contains(answer, "\r\nTransfer-Encoding: chunked\r\n");
		assert_contains(answer, "\r\n\r\n5\r\npart.\r\n5\r\npart.\r\n5\r\npart.\r\n0\r\n\r\n");
	}
	TALK("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_contains(answer, "\r\nConnection: close\r\n");
	assert_contains(answer, "\r\n\r\npart.part.part.");
	assert_lacks(answer, "chunked");
}

static void test_http_server__serves_head_through_get_without_a_body(void **state)
{
	(void)state;
	{
		TALK("HEAD /hello/you HTTP/1.1\r\n" CLOSE "\r\n");
		assert_contains(answer, "\r\nContent-Length: 9\r\n");
		assert_lacks(answer, "hello you");
	}
	TALK("HEAD /stream HTTP/1.1\r\n" CLOSE "\r\n");
	assert_contains(answer, "\r\nTransfer-Encoding: chunked\r\n");
	assert_lacks(answer, "part.");
}

static void test_http_server__a_204_has_neither_body_nor_length(void **state)
{
	(void)state;
	TALK("DELETE /nothing HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(answer, "HTTP/1.1 204 No Content\r\n");
	assert_lacks(answer, "Content-Length");
}

static void test_http_server__an_unknown_path_has_the_exact_answer(void **state)
{
	(void)state;
	TALK("GET /nowhere HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(answer, "HTTP/1.1 404 Not Found\r\n");
	assert_contains(answer, "\r\n\r\n{\"error\":\"not found\"}");
	assert_contains(answer, "\r\nX-Request-Id: ");
}

static void test_http_server__names_the_allowed_methods(void **state)
{
	(void)state;
	{
		TALK("PUT /hello/you HTTP/1.1\r\n" CLOSE "\r\n");
		assert_begins(answer, "HTTP/1.1 405 ");
		assert_contains(answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
		assert_contains(answer, "\"code\":\"METHOD_NOT_ALLOWED\"");
	}
	{
		TALK("OPTIONS /echo HTTP/1.1\r\n" CLOSE "\r\n");
		assert_begins(answer, "HTTP/1.1 204 ");
		assert_contains(answer, "\r\nAllow: POST, OPTIONS\r\n");
	}
	TALK("OPTIONS * HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(answer, "HTTP/1.1 204 ");
}

static void test_http_server__errors_have_the_standard_form(void **state)
{
	(void)state;
	TALK("GET /failure HTTP/1.1\r\n" CLOSE "X-Request-Id: r-2\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 422 ");
	assert_contains(answer, "{\"error\":\"user_id must not be empty\",\"code\":\"INVALID_MESSAGE\","
				"\"request_id\":\"r-2\",\"field\":\"user_id\"}");
	assert_lacks(answer, "X-Secret");
}

static void test_http_server__overload_says_when_to_come_again(void **state)
{
	(void)state;
	TALK("GET /overload HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(answer, "HTTP/1.1 503 ");
	assert_contains(answer, "\r\nRetry-After: ");
}

static void test_http_server__checks_the_media_type_of_bodies(void **state)
{
	(void)state;
	{
		TALK("POST /frame HTTP/1.1\r\n" CLOSE "Content-Type: IMAGE/JPEG; q=1\r\nContent-Length: 1\r\n\r\nx");
		assert_begins(answer, "HTTP/1.1 200 ");
	}
	{
		TALK("POST /frame HTTP/1.1\r\n" CLOSE "Content-Type: image/gif\r\nContent-Length: 1\r\n\r\nx");
		assert_begins(answer, "HTTP/1.1 415 ");
	}
	TALK("POST /frame HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx");
	assert_begins(answer, "HTTP/1.1 415 ");
}

static void test_http_server__header_values_keep_their_inside_only(void **state)
{
	(void)state;
	TALK("GET /headers HTTP/1.1\r\n" CLOSE "X-Empty:\r\nX-Spaced: \t a b \t \r\n\r\n");
	assert_contains(answer, "\r\n\r\n|a b|none");
}

static void test_http_server__continues_only_for_those_who_ask(void **state)
{
	(void)state;
	int fd = net_connect(port);
	net_send_text(fd, "POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
	char *interim = net_receive_until(fd, "\r\n\r\n");
	assert_string_equal(interim, "HTTP/1.1 100 Continue\r\n\r\n");
	free(interim);
	net_send_text(fd, "hello");
	char *answer = net_receive_all(fd);
	assert_begins(answer, "HTTP/1.1 200 ");
	free(answer);
	close(fd);
}

static void test_http_server__an_unknown_expectation_fails(void **state)
{
	(void)state;
	TALK("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: a-miracle\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 417 ");
}

static void test_http_server__too_large_a_body_is_refused_before_it_is_sent(void **state)
{
	(void)state;
	{
		TALK("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
		assert_begins(answer, "HTTP/1.1 413 ");
		assert_contains(answer, "\"code\":\"BODY_TOO_LARGE\"");
	}
	TALK("GET /hello/you HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx");
	assert_begins(answer, "HTTP/1.1 413 ");
}

static void test_http_server__too_large_a_body_still_lets_the_client_read_the_answer(void **state)
{
	(void)state;
	enum { SIZE = 4 * 1024 * 1024 };
	static char body[SIZE];
	int fd = net_connect(port);
	char head[160];
	snprintf(head, sizeof head,
		 "POST /frame HTTP/1.1\r\nHost: h\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n", SIZE);
	net_send_text(fd, head);
	net_send(fd, body, sizeof body);
	char *answer = net_receive_all(fd);
	assert_begins(answer, "HTTP/1.1 413 ");
	assert_contains(answer, "\"code\":\"FRAME_TOO_LARGE\"");
	free(answer);
	close(fd);
}

static void test_http_server__a_chunked_body_is_cut_at_its_limit(void **state)
{
	(void)state;
	TALK("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "32\r\n12345678901234567890123456789012345678901234567890\r\n"
	     "33\r\n123456789012345678901234567890123456789012345678901\r\n0\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 413 ");
	assert_int_equal(count_of(answer, "HTTP/1.1 "), 1);
}

static void test_http_server__a_refused_short_body_costs_no_connection(void **state)
{
	(void)state;
	TALK("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /hello/2 HTTP/1.1\r\n" CLOSE "\r\n");
	assert_begins(answer, "HTTP/1.1 404 ");
	assert_contains(answer, "hello 2");
}

static void test_http_server__a_client_that_finished_sending_gets_its_answer(void **state)
{
	(void)state;
	int fd = net_connect(port);
	net_send_text(fd, "GET /hello/you HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	char *answer = net_receive_all(fd);
	assert_contains(answer, "hello you");
	free(answer);
	close(fd);
}

static void test_http_server__keeps_http_1_0_alive_only_on_request(void **state)
{
	(void)state;
	TALK("GET /hello/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello/2 HTTP/1.0\r\n\r\n");
	assert_int_equal(count_of(answer, "HTTP/1.1 200"), 2);
	assert_contains(answer, "\r\nConnection: keep-alive\r\n");
}

static const char *const smuggling[] = {
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\nabc",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	"POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
	"GET /hello/x HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
	"GET /hello/x HTTP/1.1\nHost: x\n\n",
	"GET /hello/x HTTP/1.1\r\n\r\n",
	"GET /hello/x HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
	"GET /hello/x HTTP/1.1\r\nHost: a b\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
	"GET /hello%2fx HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /hello/x%00 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://y/hello/x HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET hello HTTP/1.1\r\nHost: x\r\n\r\n",
	"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /hello/x HTTP/2.0\r\nHost: x\r\n\r\n",
	"GET /hello/x\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
};

static void test_http_server__refuses_ambiguous_requests_and_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_COUNT(smuggling); i++) {
		TALK(smuggling[i]);
		assert_begins(answer, "HTTP/1.1 400 Bad Request\r\n");
		assert_contains(answer, "\r\nConnection: close\r\n");
		assert_contains(answer, "\"request_id\":\"");
		assert_int_equal(count_of(answer, "HTTP/1.1 400 "), 1);
		assert_lacks(answer, "HTTP/1.1 200 ");
	}
}

static void test_http_server__a_nul_in_a_header_is_refused(void **state)
{
	(void)state;
	static const char request[] = "GET /hello/x HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n";
	int fd = net_connect(port);
	net_send(fd, request, sizeof request - 1);
	char *answer = net_receive_all(fd);
	assert_begins(answer, "HTTP/1.1 400 ");
	free(answer);
	close(fd);
}

static void test_http_server__declines_other_upgrades_by_answering(void **state)
{
	(void)state;
	TALK("GET /hello/you HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 ");
}

static void test_http_server__a_port_in_use_is_a_clear_error(void **state)
{
	(void)state;
	VIVA_AUTO(viva_loop) loop = NULL;
	assert_ok(viva_loop_create(&loop));
	struct viva_http_server_options options = viva_http_server_defaults();
	options.port = port;
	options.loop = loop;
	struct viva_error error = {0};
	VIVA_AUTO(viva_http_server) second = NULL;
	int code = viva_http_server_create(&options, &second, &error);
	if (code == 0)
		code = viva_http_server_start(second, &error);
	assert_int_equal(code, VIVA_EIO);
	assert_contains(viva_error_message(&error), "address already in use");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_server__answers_with_all_standard_headers),
		cmocka_unit_test(test_http_server__makes_a_request_id_when_the_clients_is_unfit),
		cmocka_unit_test(test_http_server__answers_pipelined_requests_in_order),
		cmocka_unit_test(test_http_server__reads_no_further_ahead_than_its_limit_yet_answers_all),
		cmocka_unit_test(test_http_server__takes_chunked_bodies_with_extensions_and_trailers),
		cmocka_unit_test(test_http_server__streams_in_chunks_and_until_close_for_http_1_0),
		cmocka_unit_test(test_http_server__serves_head_through_get_without_a_body),
		cmocka_unit_test(test_http_server__a_204_has_neither_body_nor_length),
		cmocka_unit_test(test_http_server__an_unknown_path_has_the_exact_answer),
		cmocka_unit_test(test_http_server__names_the_allowed_methods),
		cmocka_unit_test(test_http_server__errors_have_the_standard_form),
		cmocka_unit_test(test_http_server__overload_says_when_to_come_again),
		cmocka_unit_test(test_http_server__checks_the_media_type_of_bodies),
		cmocka_unit_test(test_http_server__header_values_keep_their_inside_only),
		cmocka_unit_test(test_http_server__continues_only_for_those_who_ask),
		cmocka_unit_test(test_http_server__an_unknown_expectation_fails),
		cmocka_unit_test(test_http_server__too_large_a_body_is_refused_before_it_is_sent),
		cmocka_unit_test(test_http_server__too_large_a_body_still_lets_the_client_read_the_answer),
		cmocka_unit_test(test_http_server__a_chunked_body_is_cut_at_its_limit),
		cmocka_unit_test(test_http_server__a_refused_short_body_costs_no_connection),
		cmocka_unit_test(test_http_server__a_client_that_finished_sending_gets_its_answer),
		cmocka_unit_test(test_http_server__keeps_http_1_0_alive_only_on_request),
		cmocka_unit_test(test_http_server__refuses_ambiguous_requests_and_closes),
		cmocka_unit_test(test_http_server__a_nul_in_a_header_is_refused),
		cmocka_unit_test(test_http_server__declines_other_upgrades_by_answering),
		cmocka_unit_test(test_http_server__a_port_in_use_is_a_clear_error),
	};
	return cmocka_run_group_tests_name("http_server", tests, set_up, tear_down);
}
