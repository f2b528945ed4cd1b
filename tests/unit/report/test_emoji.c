// SPDX-License-Identifier: Apache-2.0
#include "report/emoji.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "viva_test.h"

static void test_emoji__are_named_and_joined_ones_told_in_one(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"Good 👍", "Good [thumbs up sign]"},
		{"👍🏽.", "[thumbs up sign]."},
		{"👨\u200d💻", "[man + personal computer]"},
		{"👩🏿\u200d❤\ufe0f\u200d👨🏻!", "[woman + heavy black heart + man]!"},
		{"🇳🇱🇩🇪", "[flag NL][flag DE]"},
		{"🇳", "[N]"},
		{"🏳\ufe0f\u200d🌈", "[waving white flag + rainbow]"},
		{"👨\u200d", "[man]"},
		{"👨\u200dx", "[man]x"},
		{"⌚\ufe0e", "[watch]"},
		{"❤\ufe0f", "❤"},
		{"1\ufe0f\u20e3", "1\u20e3"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		char *spelt = viva_emoji_spell(cases[i][0]);
		assert_non_null(spelt);
		assert_string_equal(spelt, cases[i][1]);
		free(spelt);
	}
}

static void test_emoji__texts_without_any_stay(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "plain 1#* text", "日本語 العربية می\u200cخواهم", "✓ ❤ ☎ © → …"};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++)
		assert_null(viva_emoji_spell(texts[i]));
}

static void test_emoji__many_do_not_make_a_text_long(void **state)
{
	(void)state;
	char text[4 * 2000 + 1] = "";
	for (size_t i = 0; i < 2000; i++)
		memcpy(text + 4 * i, "😆", 5);
	char *spelt = viva_emoji_spell(text);
	assert_non_null(spelt);
	assert_true(viva_utf8_is_valid(spelt, strlen(spelt)));
	assert_true(strlen(spelt) < VIVA_EMOJI_MAX_NAMED * 64);
	const char *rest = strstr(spelt, "[emoji]");
	assert_non_null(rest);
	assert_string_equal(rest, "[emoji]");
	free(spelt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emoji__are_named_and_joined_ones_told_in_one),
		cmocka_unit_test(test_emoji__texts_without_any_stay),
		cmocka_unit_test(test_emoji__many_do_not_make_a_text_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
