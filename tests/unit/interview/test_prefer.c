// SPDX-License-Identifier: Apache-2.0
#include "interview/prefer.h"

#include "viva_test.h"

static struct interview_preference prefer(const char *first, const char *second)
{
	const struct viva_http_header headers[] = {
		{"host", "localhost"}, {"Prefer", first}, {"accept", "wait"}, {"prefer", second ? second : ""}};
	const struct viva_http_request request = {.headers = headers, .header_count = second ? VIVA_COUNT(headers) : 3};
	return interview_prefers_wait(&request);
}

static void test_prefer__wait_is_found_among_others_in_any_case(void **state)
{
	(void)state;
	static const char *const values[] = {"wait",
					     "WAIT",
					     " wait ",
					     "respond-async, Wait",
					     "return=minimal; foo=\"a, wait=0\", wait",
					     "foo;bar=\"\\\"\",wait",
					     ", ,wait,",
					     "wait;x=1;y",
					     "wait ; x = \"1\"",
					     "wait;",
					     "wait=\"\"",
					     "handling=lenient,wait , wait=0"};
	for (size_t i = 0; i < VIVA_COUNT(values); i++) {
		struct interview_preference preference = prefer(values[i], NULL);
		assert_true(preference.is_given);
		assert_false(preference.has_limit);
	}
}

static void test_prefer__wait_with_seconds_says_how_long(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		int64_t seconds;
	} cases[] = {{"wait=10", 10},
		     {"respond-async, wait=10", 10},
		     {"Wait = 7", 7},
		     {"wait=\"3\"", 3},
		     {"wait=0", 0},
		     {"wait=10;q=1", 10},
		     {"wait=99999999999999999999999999", INTERVIEW_MAX_WAIT_S}};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct interview_preference preference = prefer(cases[i].value, NULL);
		assert_true(preference.is_given);
		assert_true(preference.has_limit);
		assert_int_equal(preference.wait_s, cases[i].seconds);
	}
}

static void test_prefer__what_is_no_wait_is_none(void **state)
{
	(void)state;
	static const char *const values[] = {
		"",          "respond-async", "waiting",           "no-wait",  "a=wait",
		"a=\"wait",  "wait=soon",     "wait=-1",           "wait=1.5", "wait=",
		"wait wait", "wait==1",       "foo bar, \"wait\"", "foo;wait", "\"wait, wait"};
	for (size_t i = 0; i < VIVA_COUNT(values); i++)
		assert_false(prefer(values[i], NULL).is_given);
}

static void test_prefer__a_malformed_neighbour_hides_nothing(void **state)
{
	(void)state;
	assert_true(prefer("=, wait", NULL).is_given);
	assert_true(prefer("foo bar, wait", NULL).is_given);
	assert_true(prefer("foo=\"a,b\" c, wait", NULL).is_given);
	assert_false(prefer("foo=\"a, wait", NULL).is_given);  // the string never ends
}

static void test_prefer__headers_make_one_list_of_which_the_first_wait_counts(void **state)
{
	(void)state;
	assert_true(prefer("return=minimal", "wait").is_given);
	struct interview_preference preference = prefer("wait=5", "wait");
	assert_true(preference.has_limit);
	assert_int_equal(preference.wait_s, 5);
	assert_false(prefer("wait=soon", "wait").is_given);  // the first one, which can't be honoured
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefer__wait_is_found_among_others_in_any_case),
		cmocka_unit_test(test_prefer__wait_with_seconds_says_how_long),
		cmocka_unit_test(test_prefer__what_is_no_wait_is_none),
		cmocka_unit_test(test_prefer__a_malformed_neighbour_hides_nothing),
		cmocka_unit_test(test_prefer__headers_make_one_list_of_which_the_first_wait_counts),
	};
	return cmocka_run_group_tests_name("interview/prefer", tests, NULL, NULL);
}
