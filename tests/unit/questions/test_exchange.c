// SPDX-License-Identifier: Apache-2.0
#include "questions/exchange.h"

#include <string.h>

#include "viva_test.h"

static struct viva_question_bank *bank_of(const json_t *json)
{
	struct viva_question_bank *bank = NULL;
	struct viva_error error = {0};
	char *text = json_dumps(json, JSON_COMPACT);
	assert_non_null(text);
	if (viva_question_bank_read(viva_bytes_of_text(text), "import", &bank, &error) != 0)
		fail_msg("%s", error.message);
	free(text);
	return bank;
}

static void assert_same_question(const struct viva_question *a, const struct viva_question *b)
{
	assert_non_null(b);
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->text, b->text);
	assert_string_equal(a->category, b->category);
	assert_string_equal(a->topic, b->topic);
	assert_int_equal(a->difficulty, b->difficulty);
	assert_int_equal(a->seconds, b->seconds);
	assert_int_equal(a->reference_point_count, b->reference_point_count);
	for (size_t i = 0; i < a->reference_point_count; i++)
		assert_string_equal(a->reference_points[i], b->reference_points[i]);
	assert_true(!a->point_labels == !b->point_labels);
	for (size_t i = 0; a->point_labels && i < a->reference_point_count; i++)
		assert_string_equal(a->point_labels[i], b->point_labels[i]);
	assert_int_equal(a->follow_up_count, b->follow_up_count);
	for (size_t i = 0; i < a->follow_up_count; i++)
		assert_string_equal(a->follow_ups[i], b->follow_ups[i]);
	assert_string_equal(a->reference_answer, b->reference_answer);
	assert_int_equal(a->graded_answer_count, b->graded_answer_count);
	for (size_t i = 0; i < a->graded_answer_count; i++) {
		assert_string_equal(a->graded_answers[i].answer, b->graded_answers[i].answer);
		assert_true(a->graded_answers[i].points == b->graded_answers[i].points);
	}
}

static void assert_same_questions(const struct viva_question_bank *a, const struct viva_question_bank *b)
{
	assert_int_equal(viva_question_bank_question_count(a), viva_question_bank_question_count(b));
	for (size_t i = 0; i < viva_question_bank_question_count(a); i++)
		assert_same_question(viva_question_bank_question_at(a, i), viva_question_bank_question_at(b, i));
	assert_int_equal(viva_question_bank_set_count(a), viva_question_bank_set_count(b));
}

static void test_exchange__the_bank_survives_json_and_csv(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	assert_ok(viva_question_bank_open(NULL, &bank, NULL));

	VIVA_AUTO_JSON json = viva_questions_to_json(bank, NULL);
	VIVA_AUTO(viva_question_bank) from_json = bank_of(json);
	assert_same_questions(bank, from_json);
	const struct viva_question_set *set = viva_question_bank_set(from_json, "backend-engineer");
	assert_true(set->is_adaptive);
	assert_int_equal(set->asked, viva_question_bank_set(bank, "backend-engineer")->asked);

	struct viva_buffer csv = {.limit = 4 << 20};
	struct viva_error error = {0};
	VIVA_AUTO_JSON read = NULL;
	assert_ok(viva_questions_to_csv(bank, NULL, &csv));
	assert_ok(viva_questions_from_csv(viva_bytes_of(csv.data, csv.size), &read, &error));
	viva_buffer_finish(&csv);
	VIVA_AUTO(viva_question_bank) from_csv = bank_of(read);
	assert_same_questions(bank, from_csv);
}

static void test_exchange__a_text_of_two_lines_stays_one_text_in_csv(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json =
		json_pack("{s:i, s:[{s:s, s:s, s:s, s:s, s:i, s:i, s:[s, s], s:[s, s], s:[s]}],"
			  " s:[{s:s, s:s, s:[s]}]}",
			  "format", 1, "questions", "id", "0198c9a1-7c1e-7b1e-8f3a-2f6d1f0a9b11", "key", "a", "text",
			  "Why?", "category", "technical", "difficulty", 1, "seconds", 60, "reference_points",
			  "It is\nfast.", "It costs.", "point_labels", "speed", "the\r\ncost", "follow_ups",
			  "And\nthen?", "sets", "name", "default", "title", "All", "questions", "a");
	assert_non_null(json);
	VIVA_AUTO(viva_question_bank) bank = bank_of(json);
	struct viva_buffer csv = {.limit = 1 << 16};
	VIVA_AUTO_JSON read = NULL;
	assert_ok(viva_questions_to_csv(bank, NULL, &csv));
	assert_ok(viva_questions_from_csv(viva_bytes_of(csv.data, csv.size), &read, NULL));
	viva_buffer_finish(&csv);
	VIVA_AUTO(viva_question_bank) again = bank_of(read);
	const struct viva_question *question = viva_question_bank_question_at(again, 0);
	assert_int_equal(question->reference_point_count, 2);
	assert_string_equal(question->reference_points[0], "It is fast.");
	assert_string_equal(question->point_labels[1], "the  cost");
	assert_int_equal(question->follow_up_count, 1);
	assert_string_equal(question->follow_ups[0], "And then?");
}

static void test_exchange__a_set_can_be_exported_alone(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	assert_ok(viva_question_bank_open(NULL, &bank, NULL));
	const struct viva_question_set *set = viva_question_bank_set(bank, "team-lead");
	VIVA_AUTO_JSON json = viva_questions_to_json(bank, set);
	VIVA_AUTO(viva_question_bank) part = bank_of(json);
	assert_int_equal(viva_question_bank_question_count(part), set->question_count);
	assert_int_equal(viva_question_bank_set_count(part), 2);
	assert_int_equal(viva_question_bank_set(part, "default")->question_count, set->question_count);
}

static json_t *from_csv(const char *text)
{
	json_t *json = NULL;
	struct viva_error error = {0};
	if (viva_questions_from_csv(viva_bytes_of_text(text), &json, &error) != 0)
		fail_msg("%s", error.message);
	return json;
}

static void test_exchange__a_spreadsheet_needs_text_and_category_only(void **state)
{
	(void)state;
	VIVA_AUTO_JSON bank = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets");
	VIVA_AUTO_JSON read =
		from_csv("\xef\xbb\xbf"
			 "Category;Text;Reference_Points;Sets\r\n"
			 "technical;\"What is a \"\"lock\"\"; when is it needed?\";\"One holds it.\n\n Others "
			 "wait. \";ours\r\n\r\nbehavioural;Tell me of a day.;;\"ours, more\"\r\n");
	assert_ok(viva_questions_merge(bank, read, NULL));
	VIVA_AUTO(viva_question_bank) opened = bank_of(bank);
	const struct viva_question *question = viva_question_bank_find_key(opened, "what-is-a-lock-when-is-it-needed");
	assert_non_null(question);
	assert_string_equal(question->text, "What is a \"lock\"; when is it needed?");
	assert_int_equal(question->reference_point_count, 2);
	assert_string_equal(question->reference_points[1], "Others wait.");
	assert_int_equal(question->difficulty, 3);
	assert_int_equal(viva_question_bank_set(opened, "default")->question_count, 2);
	assert_int_equal(viva_question_bank_set(opened, "ours")->question_count, 2);
	assert_int_equal(viva_question_bank_set(opened, "more")->question_count, 1);

	// Once more: the same questions, not twice as many.
	VIVA_AUTO_JSON again =
		from_csv("category,text,difficulty\ntechnical,\"What is a \"\"lock\"\"; when is it needed?\",5\n");
	assert_ok(viva_questions_merge(bank, again, NULL));
	VIVA_AUTO(viva_question_bank) merged = bank_of(bank);
	assert_int_equal(viva_question_bank_question_count(merged), 2);
	assert_int_equal(viva_question_bank_find(merged, question->id)->difficulty, 5);
}

static void test_exchange__graded_answers_survive_json_and_csv(void **state)
{
	(void)state;
	VIVA_AUTO_JSON bank = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets");
	VIVA_AUTO_JSON read =
		from_csv("text,category,reference_answer,graded_answers\r\n"
			 "What is a lock?,technical,\"One holds it,\nothers wait.\",\"0.75 One \"\"holds\"\" "
			 "it.\n\n 0  A key.\n1 One holds it, others wait.\"\r\nWhat is a key?,technical,,\r\n");
	assert_ok(viva_questions_merge(bank, read, NULL));
	VIVA_AUTO(viva_question_bank) opened = bank_of(bank);
	const struct viva_question *question = viva_question_bank_find_key(opened, "what-is-a-lock");
	assert_string_equal(question->reference_answer, "One holds it,\nothers wait.");
	assert_int_equal(question->graded_answer_count, 3);
	assert_string_equal(question->graded_answers[0].answer, "One \"holds\" it.");
	assert_true(question->graded_answers[0].points == .75 && question->graded_answers[1].points == 0);

	VIVA_AUTO_JSON json = viva_questions_to_json(opened, NULL);
	VIVA_AUTO(viva_question_bank) from_json = bank_of(json);
	assert_same_questions(opened, from_json);
	struct viva_buffer csv = {.limit = 1 << 16};
	VIVA_AUTO_JSON again = NULL;
	assert_ok(viva_questions_to_csv(opened, NULL, &csv));
	assert_ok(viva_questions_from_csv(viva_bytes_of(csv.data, csv.size), &again, NULL));
	viva_buffer_finish(&csv);
	VIVA_AUTO(viva_question_bank) back = bank_of(again);
	assert_same_questions(opened, back);
}

static void test_exchange__faults_of_a_csv_are_named_by_row(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"", "no row of headings"},
		{"text,colour\n", "row 1: there is no column \"colour\""},
		{"key,text\n", "row 1: the columns text and category"},
		{"text,category\nA?,technical\n\"B?,technical\n", "row 3: a quote is not closed"},
		{"text,category\n\"A\"?,technical\n", "row 2: text follows a closed quote"},
		{"text,category,seconds\nA?,technical,two\n", "row 2: seconds: \"two\" is no number"},
		{"text,category\n\xff,technical\n", "row 2 is not valid UTF-8"},
		{"text,category,reference_points\nA?,technical,\xff\n", "row 2 is not valid UTF-8"},
		{"text,category,graded_answers\nA?,technical,\"1 Yes.\n2 No.\"\n", "row 2: graded_answers: line 2"},
		{"text,category,graded_answers\nA?,technical,All of it.\n", "row 2: graded_answers: line 1"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		VIVA_AUTO_JSON json = NULL;
		struct viva_error error = {0};
		assert_error(viva_questions_from_csv(viva_bytes_of_text(cases[i].text), &json, &error), VIVA_EFIELD);
		if (!strstr(error.message, cases[i].sentence))
			fail_msg("“%s” does not say “%s”", error.message, cases[i].sentence);
	}
}

static void test_exchange__what_is_no_list_of_questions_is_refused(void **state)
{
	(void)state;
	VIVA_AUTO_JSON bank = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets");
	VIVA_AUTO_JSON text = json_string("questions");
	VIVA_AUTO_JSON object = json_pack("{s:i}", "questions", 1);
	assert_error(viva_questions_merge(bank, text, NULL), VIVA_EFIELD);
	assert_error(viva_questions_merge(bank, object, NULL), VIVA_EFIELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange__the_bank_survives_json_and_csv),
		cmocka_unit_test(test_exchange__a_text_of_two_lines_stays_one_text_in_csv),
		cmocka_unit_test(test_exchange__a_set_can_be_exported_alone),
		cmocka_unit_test(test_exchange__a_spreadsheet_needs_text_and_category_only),
		cmocka_unit_test(test_exchange__graded_answers_survive_json_and_csv),
		cmocka_unit_test(test_exchange__faults_of_a_csv_are_named_by_row),
		cmocka_unit_test(test_exchange__what_is_no_list_of_questions_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
