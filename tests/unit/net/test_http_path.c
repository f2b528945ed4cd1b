// SPDX-License-Identifier: Apache-2.0
#include "net/http_path.h"

#include "arena_fixture.h"
#include "viva_test.h"

static void assert_path(const char *target, const char *path, const char *query)
{
	const char *got_path = NULL, *got_query = NULL;
	assert_ok(http_path_parse(arena, target, "h:1", &got_path, &got_query));
	assert_string_equal(got_path, path);
	assert_string_equal(got_query, query);
}

static void assert_refused(const char *target)
{
	const char *path = NULL, *query = NULL;
	assert_error(http_path_parse(arena, target, "h:1", &path, &query), VIVA_EPROTOCOL);
	assert_null(path);
}

static void test_http_path__decodes_the_path_and_leaves_the_query(void **state)
{
	(void)state;
	assert_path("/", "/", "");
	assert_path("/a%20b/%c3%A9?x=%20&y", "/a b/\xc3\xa9", "x=%20&y");
	assert_path("/a?b?c", "/a", "b?c");
	assert_path("*", "*", "");
}

static void test_http_path__takes_absolute_targets_for_its_own_host_only(void **state)
{
	(void)state;
	assert_path("http://h:1/a?b", "/a", "b");
	assert_path("HTTP://H:1/a", "/a", "");
	assert_path("http://h:1", "/", "");
	assert_refused("http://other/a");
	assert_refused("http://h:1@other/a");
	assert_refused("ftp://h:1/a");
	assert_refused("http://h:1?b");
}

static void test_http_path__does_not_normalise(void **state)
{
	(void)state;
	assert_path("/a/../b", "/a/../b", "");
	assert_path("/a/%2e%2e/b", "/a/../b", "");
	assert_path("//a", "//a", "");
}

static void test_http_path__refuses_what_two_readers_may_read_differently(void **state)
{
	(void)state;
	assert_refused("/a%2fb");
	assert_refused("/a%2Fb");
	assert_refused("/a%5cb");
	assert_refused("/a\\b");
	assert_refused("/a%00b");
	assert_refused("/a%0ab");
	assert_refused("/a%7fb");
	assert_refused("/a%ff");
	assert_refused("/a%c0%af");
	assert_refused("/a%");
	assert_refused("/a%2");
	assert_refused("/a%zz");
	assert_refused("/a#b");
	assert_refused("/a b");
	assert_refused("/\xc3\xa9");
	assert_refused("a");
	assert_refused("");
}

static void test_http_path__refuses_a_query_that_nobody_could_decode(void **state)
{
	(void)state;
	assert_path("/a?b=%E2%82%AC+1", "/a", "b=%E2%82%AC+1");
	static const char *const targets[] = {"/a?b=%00", "/a?b=%", "/a?b=%4", "/a?b=%zz", "/a?%ff=1", "/a?b=%C3"};
	for (size_t i = 0; i < VIVA_COUNT(targets); i++)
		assert_refused(targets[i]);
}

static void test_http_path__finds_query_members(void **state)
{
	(void)state;
	assert_string_equal(http_path_query_member(arena, "a=1&b=x%20y+z&c", "b"), "x y z");
	assert_string_equal(http_path_query_member(arena, "a=1&b=2&b=3", "b"), "2");
	assert_string_equal(http_path_query_member(arena, "a&b=2", "a"), "");
	assert_string_equal(http_path_query_member(arena, "%61=1", "a"), "1");
	assert_string_equal(http_path_query_member(arena, "a==1", "a"), "=1");
	assert_null(http_path_query_member(arena, "ab=1", "a"));
	assert_null(http_path_query_member(arena, "", "a"));
	assert_null(http_path_query_member(arena, "a=%00", "a"));
	assert_null(http_path_query_member(arena, "a=%ff", "a"));
	assert_null(http_path_query_member(arena, "a=%f", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_path__decodes_the_path_and_leaves_the_query),
		cmocka_unit_test(test_http_path__takes_absolute_targets_for_its_own_host_only),
		cmocka_unit_test(test_http_path__does_not_normalise),
		cmocka_unit_test(test_http_path__refuses_what_two_readers_may_read_differently),
		cmocka_unit_test(test_http_path__refuses_a_query_that_nobody_could_decode),
		cmocka_unit_test(test_http_path__finds_query_members),
	};
	return cmocka_run_group_tests_name("http_path", tests, make_arena, free_arena);
}
