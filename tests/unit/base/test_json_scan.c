// SPDX-License-Identifier: Apache-2.0
#include "base/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

static struct viva_json_scanner scanner_of(const char *text)
{
	return viva_json_scanner_of(viva_bytes_of_text(text));
}

static void test_json_scan__takes_one_byte_after_space(void **state)
{
	(void)state;
	struct viva_json_scanner scanner = scanner_of(" \t\r\n{ }");
	assert_true(viva_json_take(&scanner, '{'));
	assert_false(viva_json_take(&scanner, ','));
	assert_true(viva_json_take(&scanner, '}'));
	assert_false(viva_json_take(&scanner, '}'));
	assert_true(scanner.at == scanner.end);
}

static void test_json_scan__a_plain_string_stays_where_it_lies(void **state)
{
	(void)state;
	const char *text = " \"abc\" , \"\"";
	struct viva_json_scanner scanner = scanner_of(text);
	struct viva_bytes content;
	assert_true(viva_json_take_plain_string(&scanner, &content));
	assert_ptr_equal(content.data, text + 2);
	assert_true(viva_json_is_text(content, "abc"));
	assert_false(viva_json_is_text(content, "ab"));
	assert_true(viva_json_take(&scanner, ','));
	assert_true(viva_json_take_plain_string(&scanner, &content));
	assert_int_equal(content.size, 0);
	assert_non_null(content.data);
}

static void test_json_scan__an_open_or_escaped_string_is_not_plain(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "abc", "\"abc", "\"a\\nb\"", "\"a\\\"", "7"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		struct viva_json_scanner scanner = scanner_of(bad[i]);
		struct viva_bytes content = {0};
		assert_false(viva_json_take_plain_string(&scanner, &content));
		assert_null(content.data);
	}
}

static void test_json_scan__any_value_is_skipped_up_to_what_ends_it(void **state)
{
	(void)state;
	static const char *const values[] = {
		"7",  " -1.5e3 ",    "null", "\"a,b}]\"", "\"\\\"}\\\\\"", "{\"a\":[1,{\"b\":\"]\"}],\"c\":2}",
		"[]", "[[1,2],[3]]",
	};
	for (size_t i = 0; i < VIVA_COUNT(values); i++) {
		for (const char *end = ",}]"; *end; end++) {
			char text[64];
			snprintf(text, sizeof text, "%s%c", values[i], *end);
			struct viva_json_scanner scanner = scanner_of(text);
			assert_true(viva_json_skip_value(&scanner));
			assert_int_equal(scanner.at - (const uint8_t *)text, strlen(values[i]));
		}
	}
}

static void test_json_scan__a_value_without_an_end_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "7", "\"a", "\"a\\", "\"a\\\"", "{\"a\":1", "[1,2", "{\"a\":[1}"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		// Exactly as long as the text, so that a read past its end is seen.
		VIVA_AUTO_FREE uint8_t *text = malloc(strlen(bad[i]) ? strlen(bad[i]) : 1);
		assert_non_null(text);
		memcpy(text, bad[i], strlen(bad[i]));
		struct viva_json_scanner scanner = viva_json_scanner_of(viva_bytes_of(text, strlen(bad[i])));
		bool is_skipped = viva_json_skip_value(&scanner);
		assert_false(is_skipped);
		assert_true(scanner.at == scanner.end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_scan__takes_one_byte_after_space),
		cmocka_unit_test(test_json_scan__a_plain_string_stays_where_it_lies),
		cmocka_unit_test(test_json_scan__an_open_or_escaped_string_is_not_plain),
		cmocka_unit_test(test_json_scan__any_value_is_skipped_up_to_what_ends_it),
		cmocka_unit_test(test_json_scan__a_value_without_an_end_is_none),
	};
	return cmocka_run_group_tests_name("base/json_scan", tests, NULL, NULL);
}
