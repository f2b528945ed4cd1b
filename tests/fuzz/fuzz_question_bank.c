// SPDX-License-Identifier: Apache-2.0
//
// A question bank from anywhere: it is refused in a sentence, or each question and each set is found by its names.
#include <stdlib.h>
#include <string.h>

#include "questions/question_bank.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_question(const struct viva_question_bank *bank, const struct viva_question *question)
{
	require(viva_question_bank_find(bank, question->id) == question);
	require(viva_question_bank_find_key(bank, question->key) == question);
	require(question->difficulty >= 1 && question->difficulty <= 5);
	require(question->seconds >= 15 && question->seconds <= 900);
	require(question->reference_point_count <= 16 && question->follow_up_count <= 8);
	require(question->graded_answer_count <= VIVA_QUESTION_MAX_GRADED);
	for (size_t i = 0; i < question->follow_up_count; i++) {
		size_t index = SIZE_MAX;
		require(viva_question_bank_find_follow_up(bank, question->follow_up_ids[i], &index) == question);
		require(strcmp(question->follow_ups[index], question->follow_ups[i]) == 0);
	}
	for (size_t i = 0; i < question->graded_answer_count; i++)
		require(question->graded_answers[i].points >= 0 && question->graded_answers[i].points <= 1);
}

static void check_set(const struct viva_question_bank *bank, const struct viva_question_set *set)
{
	require(viva_question_bank_set(bank, set->name) == set);
	require(set->question_count >= 1 && set->question_count <= VIVA_QUESTION_SET_MAX_QUESTIONS);
	require(set->asked >= 1 && set->asked <= set->question_count);
	for (size_t i = 0; i < set->question_count; i++)
		require(viva_question_bank_find(bank, set->questions[i]->id) == set->questions[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_question_bank) bank = NULL;
	struct viva_error error = {0};
	if (viva_question_bank_read(viva_bytes_of(data, size), "fuzzed", &bank, &error) != 0) {
		require(error.message[0] != '\0');
		return 0;
	}
	require(viva_question_bank_set(bank, "default"));
	for (size_t i = 0; i < viva_question_bank_question_count(bank); i++)
		check_question(bank, viva_question_bank_question_at(bank, i));
	for (size_t i = 0; i < viva_question_bank_set_count(bank); i++)
		check_set(bank, viva_question_bank_set_at(bank, i));
	return 0;
}
