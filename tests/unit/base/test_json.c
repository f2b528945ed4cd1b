// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viva_test.h"

enum { MAX_BYTES = 1 << 20 };

static int parse(const char *text, json_t **ret_json, struct viva_error *error)
{
	return viva_json_parse(viva_bytes_of_text(text), MAX_BYTES, ret_json, error);
}

static json_t *parsed(const char *text)
{
	json_t *json = NULL;
	struct viva_error error = {0};
	assert_int_equal(viva_json_parse_object(viva_bytes_of_text(text), MAX_BYTES, &json, &error), 0);
	return json;
}

static void test_json__any_value_is_read(void **state)
{
	(void)state;
	static const char *const good[] = {"{}",           "[]", "null", " true ", "-1.5e3", "\"\\ud83d\\ude00\"",
					   "[{\"a\":[1]}]"};
	for (size_t i = 0; i < VIVA_COUNT(good); i++) {
		VIVA_AUTO_JSON json = NULL;
		assert_ok(parse(good[i], &json, NULL));
		assert_non_null(json);
	}
}

static void test_json__what_is_not_json_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  " ",
					  "{",
					  "[1,]",
					  "{\"a\":1,}",
					  "{'a':1}",
					  "nul",
					  "01",
					  "NaN",
					  "1e999",
					  "{} {}",
					  "\"\\ud800\"",
					  "\"\x80\"",
					  "\"a\nb\"",
					  "{\"a\":1,\"a\":2}",
					  "\"\\u0000\"",
					  "{\"\\u0000\":1}",
					  "99999999999999999999999",
					  "\xef\xbb\xbf{}"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		json_t *json = NULL;
		struct viva_error error = {0};
		assert_error(parse(bad[i], &json, &error), VIVA_EJSON);
		assert_null(json);
		assert_non_null(strstr(error.message, "malformed JSON"));
	}
}

static void test_json__the_sentence_never_quotes_the_text(void **state)
{
	(void)state;
	json_t *json = NULL;
	struct viva_error error = {0};
	assert_error(parse("{\"transcript\": \"private words\" oops}", &json, &error), VIVA_EJSON);
	assert_null(strstr(error.message, "private"));
	assert_null(strstr(error.message, "oops"));
	assert_non_null(strstr(error.message, "line 1"));
}

static void test_json__memory_that_runs_out_is_not_a_syntax_error(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":\"2026-11-24T03:01:16.123Z\",\"b\":[1,2.5,null,\"\\u00e9\"]}";
	int status = VIVA_ENOMEM;
	unsigned skipped = 0;
	for (; status == VIVA_ENOMEM && skipped < 1000; skipped++) {
		json_t *json = NULL;
		fail_next_allocation(skipped);
		status = parse(text, &json, NULL);
		if (status)
			assert_null(json);
		json_decref(json);
	}
	fail_next_allocation(1000);
	assert_ok(status);
	assert_true(skipped > 10);  // else nothing failed above
}

static void test_json__the_last_of_two_members_counts_where_asked_for(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json = NULL;
	struct viva_bytes text = viva_bytes_of_text("{\"a\":1,\"b\":2,\"a\":3}");
	assert_ok(viva_json_parse_object_last_wins(text, MAX_BYTES, &json, NULL));
	assert_int_equal(json_integer_value(json_object_get(json, "a")), 3);
	assert_error(viva_json_parse_object_last_wins(text, text.size - 1, &json, NULL), VIVA_EBODYSIZE);
	assert_error(viva_json_parse_object_last_wins(viva_bytes_of_text("[]"), MAX_BYTES, &json, NULL), VIVA_EFIELD);
}

static void test_json__a_nul_byte_in_the_text_is_refused(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":\"b\0c\"}";
	json_t *json = NULL;
	assert_error(viva_json_parse(viva_bytes_of(text, sizeof text - 1), MAX_BYTES, &json, NULL), VIVA_EJSON);
	static const char behind[] = "{}\0{}";
	assert_error(viva_json_parse(viva_bytes_of(behind, sizeof behind - 1), MAX_BYTES, &json, NULL), VIVA_EJSON);
}

// "[[…]]" of a depth, followed by `tail`.
static char *nested(size_t depth, const char *tail)
{
	char *text = malloc(2 * depth + strlen(tail) + 1);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	strcpy(text + 2 * depth, tail);
	return text;
}

static void test_json__depth_ends_at_the_limit_before_anything_is_built(void **state)
{
	(void)state;
	VIVA_AUTO_FREE char *deepest = nested(VIVA_JSON_MAX_DEPTH, "");
	VIVA_AUTO_FREE char *too_deep = nested(VIVA_JSON_MAX_DEPTH + 1, "");
	VIVA_AUTO_FREE char *bomb = nested(MAX_BYTES / 2, "");
	VIVA_AUTO_JSON json = NULL;
	assert_ok(parse(deepest, &json, NULL));
	json_t *none = NULL;
	assert_error(parse(too_deep, &none, NULL), VIVA_EJSON);
	assert_error(parse(bomb, &none, NULL), VIVA_EJSON);
}

static void test_json__brackets_inside_texts_have_no_depth(void **state)
{
	(void)state;
	char text[256] = "[\"\\\"";
	memset(text + 4, '[', 100);
	strcpy(text + 104, "\\\\\"]");
	VIVA_AUTO_JSON json = NULL;
	assert_ok(parse(text, &json, NULL));
}

static void test_json__too_large_a_body_is_not_even_looked_at(void **state)
{
	(void)state;
	json_t *json = NULL;
	assert_error(viva_json_parse(viva_bytes_of_text("\x80\x80\x80\x80"), 3, &json, NULL), VIVA_EBODYSIZE);
}

static void test_json__an_object_is_wanted(void **state)
{
	(void)state;
	json_t *json = NULL;
	assert_error(viva_json_parse_object(viva_bytes_of_text("[1]"), MAX_BYTES, &json, NULL), VIVA_EFIELD);
	assert_null(json);
}

static void test_json__getters_give_members_and_leave_missing_ones_alone(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json =
		parsed("{\"t\":\"text\",\"i\":7,\"w\":8.0,\"d\":1.5,\"b\":true,\"o\":{},\"a\":[1],\"n\":null}");
	const char *text = "old";
	int64_t whole = -1;
	double real = -1;
	bool flag = false;
	json_t *object = NULL, *array = NULL;
	assert_ok(viva_json_get_text(json, "t", true, 1, 4, &text, NULL));
	assert_string_equal(text, "text");
	assert_ok(viva_json_get_int(json, "i", true, 7, 7, &whole, NULL));
	assert_int_equal(whole, 7);
	assert_ok(viva_json_get_int(json, "w", true, 0, 10, &whole, NULL));
	assert_int_equal(whole, 8);
	assert_ok(viva_json_get_double(json, "d", true, 0, 2, &real, NULL));
	assert_true(real == 1.5);
	assert_ok(viva_json_get_double(json, "i", true, 0, 9, &real, NULL));
	assert_true(real == 7);
	assert_ok(viva_json_get_bool(json, "b", true, &flag, NULL));
	assert_true(flag);
	assert_ok(viva_json_get_object(json, "o", true, &object, NULL));
	assert_ok(viva_json_get_array(json, "a", true, 1, &array, NULL));

	assert_ok(viva_json_get_text(json, "n", false, 1, 4, &text, NULL));
	assert_ok(viva_json_get_int(json, "missing", false, 0, 1, &whole, NULL));
	assert_string_equal(text, "text");
	assert_int_equal(whole, 8);
}

static void test_json__getters_name_the_member_at_fault(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json = parsed("{\"t\":\"text\",\"i\":7,\"d\":1.5,\"big\":1e300,\"a\":[1,2],\"n\":null}");
	const char *text = NULL;
	int64_t whole;
	double real;
	bool flag;
	json_t *child = NULL;
	struct viva_error error = {0};
	assert_error(viva_json_get_text(json, "i", false, 0, 9, &text, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "i");
	assert_error(viva_json_get_text(json, "t", true, 5, 9, &text, &error), VIVA_EFIELD);
	assert_error(viva_json_get_text(json, "t", true, 0, 3, &text, &error), VIVA_EFIELD);
	assert_error(viva_json_get_text(json, "n", true, 0, 3, &text, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "n");
	assert_error(viva_json_get_int(json, "d", true, 0, 9, &whole, &error), VIVA_EFIELD);
	assert_error(viva_json_get_int(json, "big", true, INT64_MIN, INT64_MAX, &whole, &error), VIVA_EFIELD);
	assert_error(viva_json_get_int(json, "i", true, 8, 9, &whole, &error), VIVA_EFIELD);
	assert_error(viva_json_get_int(json, "missing", true, 8, 9, &whole, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "missing");
	assert_error(viva_json_get_double(json, "t", true, 0, 1, &real, &error), VIVA_EFIELD);
	assert_error(viva_json_get_double(json, "d", true, 0, 1, &real, &error), VIVA_EFIELD);
	assert_error(viva_json_get_bool(json, "i", true, &flag, &error), VIVA_EFIELD);
	assert_error(viva_json_get_object(json, "a", true, &child, &error), VIVA_EFIELD);
	assert_error(viva_json_get_array(json, "a", true, 1, &child, &error), VIVA_EFIELD);
	assert_error(viva_json_get_array(json, "t", true, 1, &child, &error), VIVA_EFIELD);
	assert_null(text);
	assert_null(child);
}

static void test_json__numbers_are_written_as_people_write_them(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	VIVA_AUTO_JSON json = json_pack("[o,o,o,o,o]", viva_json_real(0.8700000047683716, 2), viva_json_real(-0.001, 2),
					viva_json_real(100, 1), viva_json_real(NAN, 2), viva_json_real(1e308, 4));
	assert_string_equal(viva_json_text(arena, json), "[0.87,0.0,100.0,null,1e308]");
}

static void test_json__members_keep_their_order(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	VIVA_AUTO_JSON json = parsed("{\"z\":1,\"a\":\"\xc3\xa9\",\"m\":[]}");
	assert_string_equal(viva_json_text(arena, json), "{\"z\":1,\"a\":\"\xc3\xa9\",\"m\":[]}");
	VIVA_AUTO(viva_arena) small = NULL;
	assert_ok(viva_arena_create(4, &small));
	assert_null(viva_json_text(small, json));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json__any_value_is_read),
		cmocka_unit_test(test_json__what_is_not_json_is_refused),
		cmocka_unit_test(test_json__the_sentence_never_quotes_the_text),
		cmocka_unit_test(test_json__memory_that_runs_out_is_not_a_syntax_error),
		cmocka_unit_test(test_json__the_last_of_two_members_counts_where_asked_for),
		cmocka_unit_test(test_json__a_nul_byte_in_the_text_is_refused),
		cmocka_unit_test(test_json__depth_ends_at_the_limit_before_anything_is_built),
		cmocka_unit_test(test_json__brackets_inside_texts_have_no_depth),
		cmocka_unit_test(test_json__too_large_a_body_is_not_even_looked_at),
		cmocka_unit_test(test_json__an_object_is_wanted),
		cmocka_unit_test(test_json__getters_give_members_and_leave_missing_ones_alone),
		cmocka_unit_test(test_json__getters_name_the_member_at_fault),
		cmocka_unit_test(test_json__numbers_are_written_as_people_write_them),
		cmocka_unit_test(test_json__members_keep_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
