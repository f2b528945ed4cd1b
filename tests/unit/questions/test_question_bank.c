// SPDX-License-Identifier: Apache-2.0
#include "questions/question_bank.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "viva_test.h"

#define QUESTION_A                                                                                                     \
	"{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"A?\",\"category\":\"technical\","   \
	"\"difficulty\":1,\"seconds\":60,\"reference_points\":[\"One.\",\"Two.\"],\"follow_ups\":[\"More?\"]}"
#define QUESTION_B                                                                                                     \
	"{\"id\":\"00000000-0000-4000-8000-00000000000b\",\"key\":\"b\",\"text\":\"B?\",\"category\":\"behavioural\"," \
	"\"difficulty\":5,\"seconds\":90}"
#define GRADED(members)                                                                                                \
	"{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"A?\",\"category\":\"technical\","   \
	"\"difficulty\":1,\"seconds\":60," members "}"
#define ONLY_A "{\"name\":\"default\",\"title\":\"All\",\"questions\":[\"a\"]}"
#define SET_DEFAULT "{\"name\":\"default\",\"title\":\"All\",\"questions\":[\"b\",\"a\"]}"
#define BANK(questions, sets) "{\"format\":1,\"questions\":[" questions "],\"sets\":[" sets "]}"

static int open_text(const char *text, struct viva_question_bank **ret_bank, struct viva_error *error)
{
	char directory[PATH_MAX];
	char path[PATH_MAX + 16];
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/bank.json", directory);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	int code = viva_question_bank_open(path, ret_bank, error);
	remove_test_directory(directory);
	return code;
}

static void test_question_bank__keeps_questions_sets_and_their_order(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct viva_error error = {0};
	assert_ok(open_text(BANK(QUESTION_A "," QUESTION_B, SET_DEFAULT), &bank, &error));

	assert_int_equal(viva_question_bank_question_count(bank), 2);
	assert_int_equal(viva_question_bank_set_count(bank), 1);
	const struct viva_question_set *set = viva_question_bank_set(bank, "default");
	assert_non_null(set);
	assert_int_equal(set->question_count, 2);
	assert_string_equal(set->questions[0]->key, "b");
	assert_string_equal(set->questions[1]->key, "a");
	assert_int_equal(set->questions[1]->reference_point_count, 2);
	assert_string_equal(set->questions[1]->reference_points[1], "Two.");
	assert_string_equal(set->questions[1]->follow_ups[0], "More?");
	assert_int_equal(set->questions[0]->difficulty, 5);
	assert_int_equal(set->questions[0]->reference_point_count, 0);
}

static void test_question_bank__finds_by_id_in_either_case_and_by_key(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	assert_ok(open_text(BANK(QUESTION_A "," QUESTION_B, SET_DEFAULT), &bank, NULL));

	assert_string_equal(viva_question_bank_find(bank, "00000000-0000-4000-8000-00000000000A")->key, "a");
	assert_string_equal(viva_question_bank_find_key(bank, "b")->text, "B?");
	assert_null(viva_question_bank_find(bank, "a"));
	assert_null(viva_question_bank_find(bank, ""));
	assert_null(viva_question_bank_set(bank, "none"));
	assert_null(viva_question_bank_set_at(bank, 1));
	assert_null(viva_question_bank_question_at(bank, 2));
}

static void test_question_bank__keeps_what_scoring_compares_answers_with(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct viva_error error = {0};
	assert_ok(open_text(BANK(GRADED("\"reference_answer\":\"All of it.\",\"graded_answers\":[{\"answer\":\"Half."
					"\",\"points\":0.5},{\"answer\":\"All.\",\"points\":1}]") "," QUESTION_B,
				 SET_DEFAULT),
			    &bank, &error));
	const struct viva_question *question = viva_question_bank_find_key(bank, "a");
	assert_string_equal(question->reference_answer, "All of it.");
	assert_int_equal(question->graded_answer_count, 2);
	assert_string_equal(question->graded_answers[0].answer, "Half.");
	assert_true(question->graded_answers[0].points == .5 && question->graded_answers[1].points == 1);
	const struct viva_question *other = viva_question_bank_find_key(bank, "b");
	assert_string_equal(other->reference_answer, "");
	assert_int_equal(other->graded_answer_count, 0);
}

static void test_question_bank__takes_no_more_graded_answers_than_scoring_does(void **state)
{
	(void)state;
	VIVA_AUTO_JSON graded = json_array();
	for (int i = 0; i < VIVA_QUESTION_MAX_GRADED; i++)
		json_array_append_new(graded, json_pack("{s:s, s:f}", "answer", "It is so.", "points", 1.0));
	for (int extra = 0; extra < 2; extra++) {
		VIVA_AUTO_JSON json = json_pack(
			"{s:i, s:[{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:O}], s:[{s:s, s:s, s:[s]}]}", "format", 1,
			"questions", "id", "00000000-0000-4000-8000-00000000000a", "key", "a", "text", "A?", "category",
			"technical", "difficulty", 1, "seconds", 60, "reference_answer", "So.", "graded_answers",
			graded, "sets", "name", "default", "title", "x", "questions", "a");
		VIVA_AUTO_FREE char *text = json_dumps(json, 0);
		VIVA_AUTO(viva_question_bank) bank = NULL;
		struct viva_error error = {0};
		assert_int_equal(open_text(text, &bank, &error), extra ? VIVA_EFIELD : 0);
		json_array_append_new(graded, json_pack("{s:s, s:f}", "answer", "One more.", "points", .5));
	}
}

struct refusal {
	const char *text;
	int code;
	const char *sentence;  // that the message must hold
};

static void test_question_bank__refuses_what_the_schema_does_not_allow_and_says_where(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{"{", VIVA_EJSON, "bank.json"},
		{"[]", VIVA_EFIELD, "bank.json"},
		{"{\"format\":2,\"questions\":[],\"sets\":[]}", VIVA_EFIELD, "format"},
		{BANK(QUESTION_A, "{\"name\":\"other\",\"title\":\"x\",\"questions\":[\"a\"]}"), VIVA_EFIELD,
		 "default"},
		{BANK(QUESTION_A "," QUESTION_A, SET_DEFAULT), VIVA_EFIELD, "question 2: id"},
		{BANK(QUESTION_A, SET_DEFAULT), VIVA_EFIELD, "set 1: question key 1"},
		{BANK(QUESTION_A, "{\"name\":\"default\",\"title\":\"x\",\"questions\":[\"a\",\"a\"]}"), VIVA_EFIELD,
		 "twice"},
		{BANK(QUESTION_A, "{\"name\":\"default\",\"title\":\"x\",\"questions\":[]}"), VIVA_EFIELD,
		 "at least one"},
		{BANK("{\"id\":\"1\",\"key\":\"a\",\"text\":\"t\",\"category\":\"technical\",\"difficulty\":1,"
		      "\"seconds\":60}",
		      ""),
		 VIVA_EFIELD, "question 1: id must be a UUID"},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\",\"category\":"
		      "\"x\","
		      "\"difficulty\":1,\"seconds\":60}",
		      ""),
		 VIVA_EFIELD, "category"},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\",\"category\":"
		      "\"technical\",\"difficulty\":1,\"seconds\":60,\"reference_points\":[\"One.\",\"Two.\"],"
		      "\"point_labels\":[\"one\"]}",
		      ""),
		 VIVA_EFIELD, "one for each of the reference_points"},
		{BANK(QUESTION_A, "{\"name\":\"default\",\"title\":\"x\",\"ask\":2,\"questions\":[\"a\"]}"),
		 VIVA_EFIELD, "set 1: \"ask\" must be"},
		{BANK(QUESTION_A, "{\"name\":\"default\",\"title\":\"x\",\"adaptive\":1,\"questions\":[\"a\"]}"),
		 VIVA_EFIELD, "set 1: \"adaptive\""},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\",\"category\":"
		      "\"technical\",\"topic\":\"C and systems\",\"difficulty\":1,\"seconds\":60}",
		      ""),
		 VIVA_EFIELD, "topic"},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\",\"category\":"
		      "\"technical\",\"difficulty\":1,\"seconds\":60,\"follow_ups\":[\"Why?\",\"Why?\"]}",
		      ""),
		 VIVA_EFIELD, "same text twice"},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\","
		      "\"category\":\"technical\",\"difficulty\":6,\"seconds\":60}",
		      ""),
		 VIVA_EFIELD, "difficulty"},
		{BANK("{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"key\":\"a\",\"text\":\"t\","
		      "\"category\":\"technical\",\"difficulty\":1,\"seconds\":60,\"referencepoints\":[]}",
		      ""),
		 VIVA_EFIELD, "referencepoints"},
		{BANK(GRADED("\"reference_answer\":\"\""), ONLY_A), VIVA_EFIELD, "question 1: \"reference_answer\""},
		{BANK(GRADED("\"graded_answers\":[{\"answer\":\"x\",\"points\":1}]"), ONLY_A), VIVA_EFIELD,
		 "say nothing without a reference_answer"},
		{BANK(GRADED("\"reference_answer\":\"r\",\"graded_answers\":[{\"answer\":\"x\",\"points\":1.01}]"),
		      ONLY_A),
		 VIVA_EFIELD, "graded_answers[0]: \"points\""},
		{BANK(GRADED("\"reference_answer\":\"r\",\"graded_answers\":[{\"answer\":\"x\",\"points\":1},"
			     "{\"points\":1}]"),
		      ONLY_A),
		 VIVA_EFIELD, "graded_answers[1]: \"answer\""},
		{BANK(GRADED("\"reference_answer\":\"r\",\"graded_answers\":[{\"answer\":\"x\",\"score\":1}]"), ONLY_A),
		 VIVA_EFIELD, "graded_answers[0]: score is not a known member"},
		{BANK(GRADED("\"reference_answer\":\"r\",\"graded_answers\":[\"x\"]"), ONLY_A), VIVA_EFIELD,
		 "graded_answers[0]: it must be an object"},
	};
	for (size_t i = 0; i < VIVA_COUNT(refusals); i++) {
		struct viva_question_bank *bank = NULL;
		struct viva_error error = {0};
		assert_error(open_text(refusals[i].text, &bank, &error), refusals[i].code);
		assert_null(bank);
		if (!strstr(error.message, refusals[i].sentence))
			fail_msg("“%s” does not say “%s”", error.message, refusals[i].sentence);
	}
}

static void test_question_bank__a_missing_file_is_named(void **state)
{
	(void)state;
	struct viva_question_bank *bank = NULL;
	struct viva_error error = {0};
	assert_error(viva_question_bank_open("/nowhere/bank.json", &bank, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "/nowhere/bank.json"));
}

static void test_question_bank__the_bank_that_comes_with_viva_has_questions_of_every_category(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct viva_error error = {0};
	assert_ok(viva_question_bank_open(NULL, &bank, &error));

	assert_true(viva_question_bank_question_count(bank) >= 120);
	static const char *const topics[] = {"c-systems", "databases", "networking", "distributed-systems",
					     "web",       "data-ml",   "operations"};
	for (size_t t = 0; t < VIVA_COUNT(topics); t++) {
		unsigned difficulties = 0;
		for (size_t i = 0; i < viva_question_bank_question_count(bank); i++) {
			const struct viva_question *question = viva_question_bank_question_at(bank, i);
			if (strcmp(question->topic, topics[t]) == 0)
				difficulties |= 1u << question->difficulty;
		}
		assert_true((difficulties & 0x1c) == 0x1c);  // 2, 3 and 4: an interview can get easier and harder
	}
	static const char *const categories[] = {"introduction", "behavioural", "technical", "situational"};
	for (size_t c = 0; c < VIVA_COUNT(categories); c++) {
		size_t with_points = 0;
		for (size_t i = 0; i < viva_question_bank_question_count(bank); i++) {
			const struct viva_question *question = viva_question_bank_question_at(bank, i);
			with_points +=
				strcmp(question->category, categories[c]) == 0 && question->reference_point_count >= 3;
		}
		assert_true(with_points >= 4);
	}
	assert_non_null(viva_question_bank_set(bank, "backend-engineer"));
	assert_non_null(viva_question_bank_set(bank, "general"));
	// Whoever relies on the default set gets it as it is.
	assert_int_equal(viva_question_bank_set(bank, "default")->question_count, 5);
	assert_false(viva_question_bank_set(bank, "default")->is_adaptive);
	assert_true(viva_question_bank_set(bank, "backend-engineer")->is_adaptive);
	assert_int_equal(viva_question_bank_set(bank, "backend-engineer")->asked, 9);
}

static void test_question_bank__a_follow_up_has_an_id_of_its_own_by_which_its_question_is_found(void **state)
{
	(void)state;
	VIVA_AUTO(viva_question_bank) bank = NULL;
	VIVA_AUTO(viva_question_bank) again = NULL;
	assert_ok(viva_question_bank_open(NULL, &bank, NULL));
	assert_ok(viva_question_bank_open(NULL, &again, NULL));
	size_t count = viva_question_bank_question_count(bank);
	for (size_t i = 0; i < count; i++) {
		const struct viva_question *question = viva_question_bank_question_at(bank, i);
		for (size_t k = 0; k < question->follow_up_count; k++) {
			size_t index = SIZE_MAX;
			const char *id = question->follow_up_ids[k];
			assert_true(viva_uuid_is_valid(id));
			assert_null(viva_question_bank_find(bank, id));
			assert_ptr_equal(viva_question_bank_find_follow_up(bank, id, &index), question);
			assert_int_equal(index, k);
			assert_string_equal(viva_question_bank_question_at(again, i)->follow_up_ids[k], id);
		}
	}
	size_t index = 0;
	assert_null(viva_question_bank_find_follow_up(bank, viva_question_bank_question_at(bank, 0)->id, &index));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_bank__keeps_questions_sets_and_their_order),
		cmocka_unit_test(test_question_bank__finds_by_id_in_either_case_and_by_key),
		cmocka_unit_test(test_question_bank__keeps_what_scoring_compares_answers_with),
		cmocka_unit_test(test_question_bank__takes_no_more_graded_answers_than_scoring_does),
		cmocka_unit_test(test_question_bank__refuses_what_the_schema_does_not_allow_and_says_where),
		cmocka_unit_test(test_question_bank__a_missing_file_is_named),
		cmocka_unit_test(test_question_bank__the_bank_that_comes_with_viva_has_questions_of_every_category),
		cmocka_unit_test(test_question_bank__a_follow_up_has_an_id_of_its_own_by_which_its_question_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
