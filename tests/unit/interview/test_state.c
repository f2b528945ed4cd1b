// SPDX-License-Identifier: Apache-2.0
#include "interview/state.h"
#include "viva_test.h"

struct transition {
	enum interview_state from;
	enum interview_event event;
	bool is_all_answered;
	enum interview_state to;
};

static const struct transition LIFE[] = {
	{INTERVIEW_IN_PROGRESS, INTERVIEW_COMPLETE, false, INTERVIEW_COMPLETED},
	{INTERVIEW_IN_PROGRESS, INTERVIEW_COMPLETE, true, INTERVIEW_COMPLETED},
	{INTERVIEW_IN_PROGRESS, INTERVIEW_TIME_OUT, false, INTERVIEW_EXPIRED},
	{INTERVIEW_IN_PROGRESS, INTERVIEW_TIME_OUT, true, INTERVIEW_COMPLETED},
	{INTERVIEW_COMPLETED, INTERVIEW_SCORE, false, INTERVIEW_SCORED},
	{INTERVIEW_COMPLETED, INTERVIEW_SCORE, true, INTERVIEW_SCORED},
};

static const struct transition *find(enum interview_state from, enum interview_event event, bool is_all_answered)
{
	for (size_t i = 0; i < sizeof LIFE / sizeof LIFE[0]; i++) {
		if (LIFE[i].from == from && LIFE[i].event == event && LIFE[i].is_all_answered == is_all_answered)
			return &LIFE[i];
	}
	return NULL;
}

static void test_state__takes_the_drawn_transitions_and_no_other(void **state)
{
	(void)state;
	for (int from = INTERVIEW_IN_PROGRESS; from <= INTERVIEW_EXPIRED; from++) {
		for (int event = INTERVIEW_COMPLETE; event <= INTERVIEW_TIME_OUT; event++) {
			for (int all = 0; all <= 1; all++) {
				const struct transition *drawn =
					find((enum interview_state)from, (enum interview_event)event, all);
				enum interview_state next = (enum interview_state)99;
				bool is_taken = interview_state_follow((enum interview_state)from,
								       (enum interview_event)event, all, &next);
				assert_int_equal(is_taken, drawn != NULL);
				assert_int_equal(next, drawn ? drawn->to : (enum interview_state)99);
			}
		}
	}
}

static void test_state__names_read_back_as_what_they_name(void **state)
{
	(void)state;
	for (int i = INTERVIEW_IN_PROGRESS; i <= INTERVIEW_EXPIRED; i++) {
		enum interview_state read;
		assert_true(interview_state_parse(interview_state_name((enum interview_state)i), &read));
		assert_int_equal(read, i);
	}
	enum interview_mode mode;
	assert_true(interview_mode_parse("recruitment", &mode));
	assert_int_equal(mode, INTERVIEW_RECRUITMENT);
	assert_string_equal(interview_mode_name(INTERVIEW_PRACTICE), "practice");
}

static void test_state__no_other_text_is_a_name(void **state)
{
	(void)state;
	enum interview_state read_state = INTERVIEW_SCORED;
	enum interview_mode mode = INTERVIEW_RECRUITMENT;
	static const char *const texts[] = {NULL, "", "Completed", "completed ", "exam"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_false(interview_state_parse(texts[i], &read_state));
		assert_false(interview_mode_parse(texts[i], &mode));
	}
	assert_int_equal(read_state, INTERVIEW_SCORED);
	assert_int_equal(mode, INTERVIEW_RECRUITMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state__takes_the_drawn_transitions_and_no_other),
		cmocka_unit_test(test_state__names_read_back_as_what_they_name),
		cmocka_unit_test(test_state__no_other_text_is_a_name),
	};
	return cmocka_run_group_tests_name("interview/state", tests, NULL, NULL);
}
