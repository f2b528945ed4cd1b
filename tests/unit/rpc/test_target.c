// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "rpc/rpc_target.h"
#include "viva_test.h"

static void assert_target(const char *const *addresses, size_t count, const char *expected)
{
	VIVA_AUTO_FREE char *target = NULL;
	assert_ok(rpc_target_create(addresses, count, &target, NULL));
	assert_string_equal(target, expected);
}

static void test_target__ipv4_addresses_are_sorted_and_named_once(void **state)
{
	(void)state;
	assert_target((const char *[]){"10.0.0.2:81", "10.0.0.1:82", "10.0.0.1:81", "10.0.0.2:81"}, 4,
		      "ipv4:10.0.0.1:81,10.0.0.1:82,10.0.0.2:81");
}

static void test_target__ipv6_addresses_keep_their_brackets_in_a_uri(void **state)
{
	(void)state;
	assert_target((const char *[]){"[::1]:8081", "[fe80::2]:1"}, 2, "ipv6:%5B::1%5D:8081,%5Bfe80::2%5D:1");
}

static void test_target__ipv4_joins_ipv6_in_its_notation(void **state)
{
	(void)state;
	assert_target((const char *[]){"127.0.0.1:1", "[::1]:2"}, 2, "ipv6:%5B::ffff:127.0.0.1%5D:1,%5B::1%5D:2");
}

static void test_target__a_single_name_is_left_to_the_resolver(void **state)
{
	(void)state;
	assert_target((const char *[]){"emotion.internal:8081"}, 1, "dns:///emotion.internal:8081");
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
		assert_error(rpc_target_create(&malformed[i], 1, &target, &error), VIVA_EINVAL);
		assert_non_null(strstr(error.message, malformed[i]));
		assert_null(target);
	}
}

static void test_target__no_address_and_too_many_are_refused(void **state)
{
	(void)state;
	static const char *addresses[RPC_MAX_ADDRESSES + 1];
	for (size_t i = 0; i < VIVA_COUNT(addresses); i++)
		addresses[i] = "127.0.0.1:1";
	char *target = NULL;
	assert_error(rpc_target_create(addresses, 0, &target, NULL), VIVA_EINVAL);
	assert_error(rpc_target_create(addresses, VIVA_COUNT(addresses), &target, NULL), VIVA_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target__ipv4_addresses_are_sorted_and_named_once),
		cmocka_unit_test(test_target__ipv6_addresses_keep_their_brackets_in_a_uri),
		cmocka_unit_test(test_target__ipv4_joins_ipv6_in_its_notation),
		cmocka_unit_test(test_target__a_single_name_is_left_to_the_resolver),
		cmocka_unit_test(test_target__a_malformed_address_is_named),
		cmocka_unit_test(test_target__no_address_and_too_many_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
