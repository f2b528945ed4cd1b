// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "net_fixture.h"

enum { BIG_BYTES = 100000 };

static int handle_mirror(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)error;
	struct viva_bytes body = viva_blob_bytes(request->body);
	char *text = viva_arena_printf(request->arena, "%s %s %.*s", request->method,
				       viva_http_header(request, "x-mine"), (int)body.size, (const char *)body.data);
	return viva_http_respond_text(response, 202, "text/plain", text);
}

static int handle_big(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)request;
	(void)error;
	static char bytes[BIG_BYTES];
	VIVA_AUTO(viva_blob) body = NULL;
	int code = viva_blob_create(bytes, sizeof bytes, &body);
	return code != 0 ? code : viva_http_respond_blob(response, 200, NULL, body);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int handle_gated(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)request;
	(void)response;
	(void)error;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return 0;
}

static const struct viva_http_route routes[] = {
	{.method = "PUT", .pattern = "/mirror", .handle = handle_mirror, .max_body_bytes = 1000},
	{.method = "POST", .pattern = "/mirror", .handle = handle_mirror, .max_body_bytes = 1000},
	{.method = "GET", .pattern = "/big", .handle = handle_big},
	{.method = "GET", .pattern = "/gated", .handle = handle_gated},
};

static struct net_server *server;
static struct viva_http_client *client;
static struct viva_arena *arena;
static char url[64];

static int set_up(void **state)
{
	(void)state;
	server = net_server_start(routes, VIVA_COUNT(routes), viva_http_server_defaults());
	int code = viva_http_client_create(&client);
	return code != 0 ? code : viva_arena_create(0, &arena);
}

static int tear_down(void **state)
{
	(void)state;
	client = viva_http_client_destroy(client);
	net_server_stop(server);
	arena = viva_arena_destroy(arena);
	return 0;
}

static struct viva_http_call call_of(const char *method, const char *path)
{
	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", net_server_port(server), path);
	return (struct viva_http_call){.method = method, .url = url, .timeout_ms = 5000, .max_response_bytes = 1000};
}

static void assert_call(const struct viva_http_call *call, int code)
{
	struct viva_http_reply reply = {0};
	struct viva_error error = {0};
	assert_error(viva_http_call(client, call, arena, &reply, &error), code);
	assert_int_equal(reply.status, 0);
	assert_int_not_equal(error.message[0], '\0');
}

static void test_http_client__sends_method_headers_and_body_and_gives_the_answer(void **state)
{
	(void)state;
	static const char *const methods[] = {"PUT", "POST"};
	static const char *const headers[] = {"X-Mine: 1"};
	for (size_t i = 0; i < VIVA_COUNT(methods); i++) {
		struct viva_http_call call = call_of(methods[i], "/mirror");
		call.headers = headers;
		call.header_count = 1;
		call.body = viva_bytes_of_text("hello");
		struct viva_http_reply reply = {0};
		assert_ok(viva_http_call(client, &call, arena, &reply, NULL));
		assert_int_equal(reply.status, 202);
		assert_string_equal(reply.content_type, "text/plain");
		assert_string_equal((const char *)reply.body.data, i == 0 ? "PUT 1 hello" : "POST 1 hello");
	}
}

static void test_http_client__an_error_status_is_an_answer(void **state)
{
	(void)state;
	struct viva_http_call call = call_of("GET", "/nowhere");
	struct viva_http_reply reply = {0};
	assert_ok(viva_http_call(client, &call, arena, &reply, NULL));
	assert_int_equal(reply.status, 404);
	assert_string_equal((const char *)reply.body.data, "{\"error\":\"not found\"}");
}

static void test_http_client__limits_the_answer(void **state)
{
	(void)state;
	struct viva_http_call call = call_of("GET", "/big");
	assert_call(&call, VIVA_ELIMIT);
}

static void test_http_client__cuts_the_answer_where_only_its_status_matters(void **state)
{
	(void)state;
	struct viva_http_call call = call_of("GET", "/big");
	struct viva_http_reply reply = {0};
	call.cuts_response = true;
	assert_ok(viva_http_call(client, &call, arena, &reply, NULL));
	assert_int_equal(reply.status, 200);
	assert_true(reply.body.size <= call.max_response_bytes);
}

static void test_http_client__gives_up_at_its_deadline(void **state)
{
	(void)state;
	pthread_mutex_lock(&gate);
	struct viva_http_call call = call_of("GET", "/gated");
	call.timeout_ms = 50;
	assert_call(&call, VIVA_EDEADLINE);
	pthread_mutex_unlock(&gate);
}

static void test_http_client__refuses_other_schemes_and_split_headers(void **state)
{
	(void)state;
	struct viva_http_call call = call_of("GET", "/");
	call.url = "file:///etc/hostname";
	assert_call(&call, VIVA_EINVAL);
	static const char *const headers[] = {"X: 1\r\nY: 2"};
	call = call_of("GET", "/");
	call.headers = headers;
	call.header_count = 1;
	assert_call(&call, VIVA_EINVAL);
}

static void test_http_client__takes_urls_apart_as_it_calls_them(void **state)
{
	(void)state;
	static const struct {
		const char *url, *scheme, *host;
	} good[] = {
		{"https://hooks.example.com/a?b=c", "https", "hooks.example.com"},
		{"HTTP://LOCALHOST:8080", "http", "LOCALHOST"},
		{"http://[::1]:80/", "http", "::1"},
		{"http://2130706433/", "http", "127.0.0.1"},
		{"http://127.0.0.1.evil.example/", "http", "127.0.0.1.evil.example"},
	};
	for (size_t i = 0; i < VIVA_COUNT(good); i++) {
		struct viva_http_url parsed;
		assert_ok(viva_http_url_parse(good[i].url, arena, &parsed));
		assert_string_equal(parsed.scheme, good[i].scheme);
		assert_string_equal(parsed.host, good[i].host);
	}
	static const char *const bad[] = {"",
					  "localhost:80",
					  "/path",
					  "ftp://host/",
					  "file:///etc/hostname",
					  "http://",
					  "http://a b.example/",
					  "http://127.0.0.1@evil.example/"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		struct viva_http_url parsed;
		assert_error(viva_http_url_parse(bad[i], arena, &parsed), VIVA_EINVAL);
	}
}

static void test_http_client__a_request_id_is_one_header_or_none(void **state)
{
	(void)state;
	struct viva_http_call call = call_of("POST", "/mirror");
	struct viva_http_reply reply = {0};
	viva_log_set_context("id\r\nX-Mine: smuggled", NULL);
	assert_ok(viva_http_call(client, &call, arena, &reply, NULL));
	viva_log_set_context(NULL, NULL);
	assert_null(strstr((const char *)reply.body.data, "smuggled"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_client__sends_method_headers_and_body_and_gives_the_answer),
		cmocka_unit_test(test_http_client__an_error_status_is_an_answer),
		cmocka_unit_test(test_http_client__limits_the_answer),
		cmocka_unit_test(test_http_client__cuts_the_answer_where_only_its_status_matters),
		cmocka_unit_test(test_http_client__takes_urls_apart_as_it_calls_them),
		cmocka_unit_test(test_http_client__a_request_id_is_one_header_or_none),
		cmocka_unit_test(test_http_client__gives_up_at_its_deadline),
		cmocka_unit_test(test_http_client__refuses_other_schemes_and_split_headers),
	};
	return cmocka_run_group_tests_name("http_client", tests, set_up, tear_down);
}
