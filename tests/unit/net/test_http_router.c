// SPDX-License-Identifier: Apache-2.0
#include "net/http_router.h"

#include <string.h>

#include "viva_test.h"

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/things/:id"},
	{.method = "POST", .pattern = "/things/start"},
	{.method = "GET", .pattern = "/things/:id/parts/:part"},
	{.method = "DELETE", .pattern = "/things/:id"},
	{.pattern = "/files/*"},
	{.method = "GET", .pattern = "/files/readme"},
};

static struct viva_arena *arena;
static struct http_router *router;

static int set_up(void **state)
{
	(void)state;
	const struct viva_http_route *tables[] = {routes};
	size_t counts[] = {VIVA_COUNT(routes)};
	int code = viva_arena_create(0, &arena);
	return code != 0 ? code : http_router_create(tables, counts, 1, &router, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	router = http_router_destroy(router);
	arena = viva_arena_destroy(arena);
	return 0;
}

static struct http_match find(const char *method, const char *path)
{
	struct http_match match = {0};
	assert_ok(http_router_find(router, arena, method, path, &match));
	return match;
}

static void assert_route(const char *method, const char *path, const char *pattern)
{
	struct http_match match = find(method, path);
	assert_non_null(match.route);
	assert_string_equal(match.route->route->pattern, pattern);
}

static void assert_no_route(const char *method, const char *path, const char *allow)
{
	struct http_match match = find(method, path);
	assert_null(match.route);
	assert_string_equal(match.allow, allow);
}

static void test_http_router__prefers_the_more_specific_pattern(void **state)
{
	(void)state;
	assert_route("POST", "/things/start", "/things/start");
	assert_route("GET", "/things/start", "/things/:id");
	assert_route("GET", "/files/readme", "/files/readme");
	assert_route("PUT", "/files/readme", "/files/*");
	assert_route("GET", "/files/", "/files/*");
}

static void test_http_router__gives_parameters_in_the_pattern_s_order(void **state)
{
	(void)state;
	struct http_match match = find("GET", "/things/7/parts/wheel");
	assert_string_equal(match.parameters[0], "7");
	assert_string_equal(match.parameters[1], "wheel");
	match = find("GET", "/files/a/../b");
	assert_string_equal(match.parameters[0], "a/../b");
}

static void test_http_router__matches_whole_segments_only(void **state)
{
	(void)state;
	assert_no_route("GET", "/things", "");
	assert_no_route("GET", "/things/", "");
	assert_no_route("GET", "/things/7/", "");
	assert_no_route("GET", "/thingsX/7", "");
	assert_no_route("GET", "/things/7/parts", "");
	assert_no_route("GET", "/files", "");
	assert_no_route("GET", "/", "");
	assert_no_route("GET", "//things/7", "");
}

static void test_http_router__names_the_methods_of_a_known_path(void **state)
{
	(void)state;
	assert_no_route("PUT", "/things/7", "GET, HEAD, DELETE, OPTIONS");
	assert_no_route("PUT", "/things/start", "POST, GET, HEAD, DELETE, OPTIONS");
	assert_no_route("TRACE", "/files/x", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	assert_route("HEAD", "/things/7", "/things/:id");
}

static void test_http_router__refuses_patterns_it_cannot_read(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "things", "/a/*/b", "/a/*b", "/:", "/:a/:b/:c/:d/:e/:f/:g/:h/:i"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		const struct viva_http_route route = {.method = "GET", .pattern = bad[i]};
		const struct viva_http_route *tables[] = {&route};
		size_t counts[] = {1};
		struct http_router *none = NULL;
		struct viva_error error = {0};
		assert_error(http_router_create(tables, counts, 1, &none, &error), VIVA_EUSAGE);
		assert_null(none);
	}
}

static void test_http_router__knows_the_names_of_parameters(void **state)
{
	(void)state;
	size_t size = 0;
	const char *name = http_pattern_parameter("/a/:id/b/:part/*", 1, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(name, "part", 4);
	name = http_pattern_parameter("/a/:id/b/:part/*", 2, &size);
	assert_int_equal(size, 1);
	assert_memory_equal(name, "*", 1);
	assert_null(http_pattern_parameter("/a/:id", 1, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_router__prefers_the_more_specific_pattern),
		cmocka_unit_test(test_http_router__gives_parameters_in_the_pattern_s_order),
		cmocka_unit_test(test_http_router__matches_whole_segments_only),
		cmocka_unit_test(test_http_router__names_the_methods_of_a_known_path),
		cmocka_unit_test(test_http_router__refuses_patterns_it_cannot_read),
		cmocka_unit_test(test_http_router__knows_the_names_of_parameters),
	};
	return cmocka_run_group_tests_name("http_router", tests, set_up, tear_down);
}
