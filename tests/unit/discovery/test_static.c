// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "discovery/discovery.h"
#include "viva_test.h"

static void assert_addresses(const char *url, const char *service, const char *const *expected, size_t count)
{
	VIVA_AUTO(viva_discovery) discovery = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_discovery_open(url, &discovery, NULL));
	assert_ok(viva_arena_create(0, &arena));
	const char *const *addresses = NULL;
	size_t found = 0;
	assert_ok(viva_discovery_addresses(discovery, service, arena, &addresses, &found, NULL));
	assert_int_equal(found, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(addresses[i], expected[i]);
}

static void test_static__without_a_list_everyone_is_at_the_default_port(void **state)
{
	(void)state;
	static const char *const expected[][2] = {
		{"gateway", "127.0.0.1:8000"}, {"interview", "127.0.0.1:8080"}, {"emotion", "127.0.0.1:8081"},
		{"scoring", "127.0.0.1:8082"}, {"worker", "127.0.0.1:8083"},
	};
	for (size_t i = 0; i < VIVA_COUNT(expected); i++)
		assert_addresses("static:", expected[i][0], &expected[i][1], 1);
}

static void test_static__named_services_win_and_the_rest_keep_their_defaults(void **state)
{
	(void)state;
	const char *url = "static:emotion=h1:1,h2:2;scoring=10.0.0.3:3";
	assert_addresses(url, "emotion", (const char *[]){"h1:1", "h2:2"}, 2);
	assert_addresses(url, "scoring", (const char *[]){"10.0.0.3:3"}, 1);
	assert_addresses(url, "interview", (const char *[]){"127.0.0.1:8080"}, 1);
}

static void test_static__ipv6_addresses_stand_in_brackets(void **state)
{
	(void)state;
	assert_addresses("static:emotion=[::1]:8081,[fe80::1]:65535", "emotion",
			 (const char *[]){"[::1]:8081", "[fe80::1]:65535"}, 2);
}

static void test_static__empty_parts_between_semicolons_are_nothing(void **state)
{
	(void)state;
	assert_addresses("static:;emotion=h:1;", "emotion", (const char *[]){"h:1"}, 1);
}

static void test_static__a_service_of_our_own_can_be_named(void **state)
{
	(void)state;
	assert_addresses("static:speech-to-text=h:1", "speech-to-text", (const char *[]){"h:1"}, 1);
}

static void test_static__an_unknown_service_is_unavailable(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) discovery = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_discovery_open("static:", &discovery, NULL));
	assert_ok(viva_arena_create(0, &arena));
	const char *const *addresses = NULL;
	size_t count = 0;
	struct viva_error error = {0};
	assert_error(viva_discovery_addresses(discovery, "speech", arena, &addresses, &count, &error),
		     VIVA_EUNAVAILABLE);
	assert_non_null(strstr(error.message, "speech"));
	assert_null(addresses);
}

static void test_static__a_malformed_url_names_the_part_at_fault(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		const char *part;
	} malformed[] = {
		{"", "kind of discovery"},
		{"emotion=h:1", "kind of discovery"},
		{"zookeeper://h", "zookeeper"},
		{"static:emotion", "emotion"},
		{"static:=h:1", "name"},
		{"static:Emotion=h:1", "Emotion"},
		{"static:emotion=", "emotion"},
		{"static:emotion=h", "\"h\""},
		{"static:emotion=h:", "\"h:\""},
		{"static:emotion=h:1,", "emotion"},
		{"static:emotion=h:0", "h:0"},
		{"static:emotion=h:65536", "h:65536"},
		{"static:emotion=h:8x", "h:8x"},
		{"static:emotion=:80", "host"},
		{"static:emotion=a b:80", "a b"},
		{"static:emotion=::1:80", "brackets"},
		{"static:emotion=[::1]", "[::1]"},
		{"static:emotion=[::g]:80", "::g"},
		{"static:emotion=h:1;emotion=h:2", "twice"},
	};
	for (size_t i = 0; i < VIVA_COUNT(malformed); i++) {
		struct viva_discovery *discovery = NULL;
		struct viva_error error = {0};
		assert_error(viva_discovery_open(malformed[i].url, &discovery, &error), VIVA_EUSAGE);
		assert_null(discovery);
		assert_string_equal(error.field, "discovery-url");
		if (!strstr(error.message, malformed[i].part))
			fail_msg("%s: \"%s\" does not tell of %s", malformed[i].url, error.message, malformed[i].part);
	}
}

static void test_static__what_is_too_much_is_refused(void **state)
{
	(void)state;
	static char url[32768];
	struct viva_discovery *discovery = NULL;
	struct viva_error error = {0};

	strcpy(url, "static:emotion=h:1");
	for (int i = 0; i < 64; i++)
		strcat(url, ",h:1");
	assert_error(viva_discovery_open(url, &discovery, &error), VIVA_EUSAGE);
	assert_non_null(strstr(error.message, "64"));

	strcpy(url, "static:");
	for (int i = 0; i < 17; i++) {
		char service[16];
		snprintf(service, sizeof service, "s%c=h:1;", 'a' + i);
		strcat(url, service);
	}
	assert_error(viva_discovery_open(url, &discovery, &error), VIVA_EUSAGE);
	assert_non_null(strstr(error.message, "16"));

	memset(url, 'a', sizeof url - 1);
	memcpy(url, "static:", 7);
	assert_error(viva_discovery_open(url, &discovery, &error), VIVA_EUSAGE);
	assert_null(discovery);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static__without_a_list_everyone_is_at_the_default_port),
		cmocka_unit_test(test_static__named_services_win_and_the_rest_keep_their_defaults),
		cmocka_unit_test(test_static__ipv6_addresses_stand_in_brackets),
		cmocka_unit_test(test_static__empty_parts_between_semicolons_are_nothing),
		cmocka_unit_test(test_static__a_service_of_our_own_can_be_named),
		cmocka_unit_test(test_static__an_unknown_service_is_unavailable),
		cmocka_unit_test(test_static__a_malformed_url_names_the_part_at_fault),
		cmocka_unit_test(test_static__what_is_too_much_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
