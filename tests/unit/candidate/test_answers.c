// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "candidate/answers.h"
#include "viva_test.h"

static struct candidate_answers *answers_of(const char *text)
{
	struct candidate_answers *answers = NULL;
	assert_ok(candidate_answers_parse(viva_bytes_of_text(text), &answers, NULL));
	return answers;
}

static void test_answers__every_form_of_file_is_read(void **state)
{
	(void)state;
	static const char *const forms[] = {
		"[{\"transcript\":\"a\"},{\"transcript\":\"b\"}]",
		"{\"about\":\"x\",\"answers\":[{\"transcript\":\"a\"},{\"transcript\":\"b\"}]}",
		"{\"transcript\":\"a\"}\n\n  \n{\"transcript\":\"b\"}\n",
		"{\"transcript\":\"a\"}\r\n{\"transcript\":\"b\"}",
	};
	for (size_t i = 0; i < VIVA_COUNT(forms); i++) {
		VIVA_AUTO(candidate_answers) answers = answers_of(forms[i]);
		assert_string_equal(candidate_answers_take(answers, "q", NULL, "c").transcript, "a");
		assert_string_equal(candidate_answers_take(answers, "q", NULL, "c").transcript, "b");
		assert_string_equal(candidate_answers_take(answers, "q", NULL, "c").transcript, "a");
	}
}

static void test_answers__one_object_is_one_answer(void **state)
{
	(void)state;
	VIVA_AUTO(candidate_answers)
	answers = answers_of("{\"transcript\":\"only\",\"duration\":2.5,\"confidence\":0.5,"
			     "\"segments\":[{\"start\":0,\"end\":1,\"text\":\"only\"}]}");
	struct candidate_answer answer = candidate_answers_take(answers, "q", NULL, NULL);
	assert_string_equal(answer.transcript, "only");
	assert_true(answer.duration == 2.5 && answer.confidence == 0.5);
	assert_int_equal(json_array_size(answer.segments), 1);
}

static void test_answers__the_questions_own_answer_comes_first_then_its_category_then_any(void **state)
{
	(void)state;
	VIVA_AUTO(candidate_answers)
	answers = answers_of("[{\"transcript\":\"any\"},"
			     "{\"transcript\":\"technical\",\"category\":\"technical\"},"
			     "{\"transcript\":\"by id\",\"question_id\":\"q1\",\"category\":\"technical\"},"
			     "{\"transcript\":\"by key\",\"key\":\"k\"}]");
	assert_string_equal(candidate_answers_take(answers, "q2", NULL, "technical").transcript, "technical");
	assert_string_equal(candidate_answers_take(answers, "q1", NULL, "technical").transcript, "by id");
	assert_string_equal(candidate_answers_take(answers, "q3", NULL, "technical").transcript, "any");
	assert_string_equal(candidate_answers_take(answers, "q4", "k", NULL).transcript, "by key");
}

static void test_answers__an_answer_for_another_question_is_better_than_none(void **state)
{
	(void)state;
	VIVA_AUTO(candidate_answers) answers = answers_of("[{\"transcript\":\"x\",\"question_id\":\"other\"}]");
	assert_string_equal(candidate_answers_take(answers, "q", NULL, NULL).transcript, "x");
}

static void test_answers__what_is_wrong_is_said_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *place;
	} wrong[] = {
		{"", ""},
		{"{", ""},
		{"[]", "no answer"},
		{"3", "neither"},
		{"{\"answers\":{}}", "neither"},
		{"[{\"transcript\":\"a\"},{\"transcript\":\"\"}]", "answer 2"},
		{"[{\"duration\":1}]", "transcript"},
		{"[{\"transcript\":7}]", "transcript"},
		{"[{\"transcript\":\"a\",\"duration\":-1}]", "duration"},
		{"[{\"transcript\":\"a\",\"confidence\":1.5}]", "confidence"},
		{"[\"a\"]", "answer 1"},
		{"{\"transcript\":\"a\"}\n{\"transcript\":\n", "line 2"},
	};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct candidate_answers *answers = NULL;
		struct viva_error error = {0};
		assert_error(candidate_answers_parse(viva_bytes_of_text(wrong[i].text), &answers, &error), VIVA_EUSAGE);
		assert_null(answers);
		if (!strstr(error.message, wrong[i].place))
			fail_msg("%s: \"%s\" does not tell of %s", wrong[i].text, error.message, wrong[i].place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers__every_form_of_file_is_read),
		cmocka_unit_test(test_answers__one_object_is_one_answer),
		cmocka_unit_test(test_answers__the_questions_own_answer_comes_first_then_its_category_then_any),
		cmocka_unit_test(test_answers__an_answer_for_another_question_is_better_than_none),
		cmocka_unit_test(test_answers__what_is_wrong_is_said_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
