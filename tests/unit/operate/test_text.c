// SPDX-License-Identifier: Apache-2.0
#include "operate/text.h"

#include <stdio.h>
#include <string.h>

#include "viva_test.h"

static void assert_age(int64_t age_ms, const char *expected)
{
	char text[24];
	operate_age_text(age_ms, text);
	assert_string_equal(text, expected);
}

static void test_text__an_age_is_told_in_the_unit_that_says_most(void **state)
{
	(void)state;
	assert_age(-1, "-");
	assert_age(0, "0 ms");
	assert_age(999, "999 ms");
	assert_age(1000, "1 s");
	assert_age(119999, "119 s");
	assert_age(120000, "2 min");
	assert_age(119 * 60000, "119 min");
	assert_age(120 * 60000, "2 h");
	assert_age(INT64_C(48) * 3600000, "2 d");
	assert_age(INT64_MAX, "106751991167 d");
}

static void assert_clean(const char *text, const char *expected)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_string_equal(operate_clean_text(arena, text), expected);
}

static void test_text__what_steers_a_terminal_becomes_a_question_mark(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("as it is", "as it is");
	assert_clean("na\xc3\xafve \xf0\x9f\x8e\xa4 \xe4\xbd\xa0", "na\xc3\xafve \xf0\x9f\x8e\xa4 \xe4\xbd\xa0");
	assert_clean("a\x1b[2Jb\tc\nd\x7f", "a?[2Jb?c?d?");
	assert_clean("\xc2\x9b"
		     "31m \xc2\xa0",
		     "?31m \xc2\xa0");
	assert_clean("\xff\xfe half \xc3", "?? half ?");
	assert_clean("\xe4\xbd", "??");
	assert_clean("\xed\xa0\x80", "???");
}

static void test_text__without_memory_a_text_is_a_question_mark(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	fail_next_allocation(0);
	assert_string_equal(operate_clean_text(arena, "something"), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text__an_age_is_told_in_the_unit_that_says_most),
		cmocka_unit_test(test_text__what_steers_a_terminal_becomes_a_question_mark),
		cmocka_unit_test(test_text__without_memory_a_text_is_a_question_mark),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
