// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "rpc/rpc_target.h"
#include "viva_test.h"

static void assert_target(const char *address, const char *expected)
{
	VIVA_AUTO_FREE char *target = NULL;
	assert_ok(rpc_target_create(address, &target, NULL));
	assert_string_equal(target, expected);
}

static void test_target__addresses_are_written_as_uris(void **state)
{
	(void)state;
	assert_target("10.0.0.2:81", "ipv4:10.0.0.2:81");
	assert_target("[fe80::2]:1", "ipv6:%5Bfe80::2%5D:1");
}

static void test_target__a_name_is_left_to_the_resolver(void **state)
{
	(void)state;
	assert_target("emotion.internal:8081", "dns:///emotion.internal:8081");
}

static void test_target__memory_that_runs_out_is_told(void **state)
{
	(void)state;
	char *target = NULL;
	fail_next_allocation(0);
	assert_error(rpc_target_create("10.0.0.2:81", &target, NULL), VIVA_ENOMEM);
	assert_null(target);
}

static void test_target__a_malformed_address_is_named(void **state)
{
	(void)state;
	static const char *const malformed[] = {
		"",       "host",    "host:",    "host:0",    "host:65536", "host:8x",        ":80",
		"::1:80", "[::1]80", "[::1",     "[host]:80", "a b:80",     "http://host:80", "-x:80",
		"a/b:80", "[]:80",   "host:+80", "host: 80",
	};
	for (size_t i = 0; i < VIVA_COUNT(malformed); i++) {
		char *target = NULL;
		struct viva_error error = {0};
		assert_error(rpc_target_create(malformed[i], &target, &error), VIVA_EINVAL);
		assert_non_null(strstr(error.message, malformed[i]));
		assert_null(target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target__addresses_are_written_as_uris),
		cmocka_unit_test(test_target__a_name_is_left_to_the_resolver),
		cmocka_unit_test(test_target__memory_that_runs_out_is_told),
		cmocka_unit_test(test_target__a_malformed_address_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
