// SPDX-License-Identifier: Apache-2.0
#include "report/report_text.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "viva_test.h"

static struct viva_arena *arena;

static int begin(void **state)
{
	(void)state;
	return viva_arena_create(0, &arena);
}

static int end(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

static void test_text__loses_what_steers_its_reader(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"", ""},
		{" \t two\r\n\n words\xe2\x80\xa8 ", "two words"},
		{"a\x01\x1b[31mb\x7f\xc2\x9b", "a[31mb"},
		{"\xe2\x80\xaex\xe2\x80\xac \xe2\x81\xa7y\xe2\x81\xa9\xe2\x80\x8f", "x y"},
		{"zero\xe2\x80\x8bwidth\xef\xbb\xbf\xc2\xad", "zerowidth"},
		{"می\xe2\x80\x8cخواهم", "می\xe2\x80\x8cخواهم"},
		{"\xf3\xa0\x81\x81tag", "tag"},
		{"\xee\x80\x80 \xcd\xb8", "\xef\xbf\xbd \xef\xbf\xbd"},
		{"e\xcc\x80\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85x", "e\xcc\x80\xcc\x81\xcc\x82x"},
		{"日本語 العربية", "日本語 العربية"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++)
		assert_string_equal(viva_report_clean(arena, cases[i][0], 1000), cases[i][1]);
}

static void test_text__is_cut_by_characters(void **state)
{
	(void)state;
	assert_string_equal(viva_report_clean(arena, "äöü", 3), "äöü");
	assert_string_equal(viva_report_clean(arena, "äöüx", 3), "äöü…");
	assert_string_equal(viva_report_clean(arena, "ab cd", 3), "ab…");
	assert_string_equal(viva_report_clean(arena, "x", 0), "…");
	assert_string_equal(viva_report_clean(arena, "", 0), "");
}

static void test_text__times_are_written_for_people(void **state)
{
	(void)state;
	assert_string_equal(viva_report_moment(arena, "2026-11-24T03:01:16.123Z"), "24 November 2026, 03:01 UTC");
	assert_string_equal(viva_report_moment(arena, "yesterday"), "");
	assert_string_equal(viva_report_clock(arena, 64.6), "1:05");
	assert_string_equal(viva_report_clock(arena, 0), "0:00");
}

static void test_text__says_who_judged(void **state)
{
	(void)state;
	VIVA_AUTO_JSON model =
		json_pack("{s:{s:s, s:s, s:s}}", "judge", "by", "llm", "model", "m\x07-1", "reason", "Good.");
	VIVA_AUTO_JSON why = json_pack("{s:{s:s, s:s}}", "judge", "by", "local", "reason", "it was late");
	VIVA_AUTO_JSON own = json_pack("{s:{s:s}}", "judge", "by", "local");
	assert_string_equal(viva_report_judge(arena, model), "Content judged by the language model m-1, too: “Good.”");
	assert_string_equal(viva_report_judge(arena, why), "Judged without the language model: it was late.");
	assert_string_equal(viva_report_judge(arena, own), "");
	VIVA_AUTO_JSON mixed = json_pack("{s:s, s:s}", "judged_by", "mixed", "judge_model", "m-1");
	VIVA_AUTO_JSON local = json_pack("{s:s, s:s}", "judged_by", "local", "judge_model", "");
	assert_non_null(strstr(viva_report_judges(arena, mixed), "some answers was judged by the language model m-1"));
	assert_non_null(strstr(viva_report_judges(arena, local), "Viva's own analysis alone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text__loses_what_steers_its_reader, begin, end),
		cmocka_unit_test_setup_teardown(test_text__is_cut_by_characters, begin, end),
		cmocka_unit_test_setup_teardown(test_text__says_who_judged, begin, end),
		cmocka_unit_test_setup_teardown(test_text__times_are_written_for_people, begin, end),
	};
	return cmocka_run_group_tests_name("report_text", tests, NULL, NULL);
}
