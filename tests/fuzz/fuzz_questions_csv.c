// SPDX-License-Identifier: Apache-2.0
//
// Spreadsheets from anywhere as question banks: what the bank takes survives being written as CSV and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "questions/exchange.h"
#include "questions/lint.h"

enum { MAX_SIZE = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

// The bank that a CSV makes by itself; NULL = it makes none.
static struct viva_question_bank *bank_of(struct viva_bytes csv)
{
	struct viva_question_bank *bank = NULL;
	struct viva_error error = {0};
	VIVA_AUTO_JSON read = NULL;
	VIVA_AUTO_JSON whole = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets");
	if (!whole || viva_questions_from_csv(csv, &read, &error) != 0 ||
	    viva_questions_merge(whole, read, &error) != 0) {
		require(!whole || error.message[0] != '\0');
		return NULL;
	}
	VIVA_AUTO_FREE char *text = json_dumps(whole, JSON_COMPACT);
	if (text && viva_question_bank_read(viva_bytes_of_text(text), "fuzz", &bank, &error) != 0)
		require(error.message[0] != '\0');
	return bank;
}

static void on_finding(const struct viva_question_finding *finding, void *context)
{
	(void)context;
	require(finding->place[0] && finding->field[0] && finding->sentence[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX_SIZE)
		return 0;
	VIVA_AUTO(viva_question_bank) bank = bank_of(viva_bytes_of(data, size));
	if (!bank)
		return 0;
	size_t findings = 0;
	require(viva_question_bank_lint(bank, on_finding, NULL, &findings) == 0);
	struct viva_buffer csv = {.limit = 64 << 20};
	require(viva_questions_to_csv(bank, NULL, &csv) == 0);
	VIVA_AUTO(viva_question_bank) again = bank_of(viva_bytes_of(csv.data, csv.size));
	viva_buffer_finish(&csv);
	require(again != NULL);
	size_t count = viva_question_bank_question_count(bank);
	require(viva_question_bank_question_count(again) == count);
	for (size_t i = 0; i < count; i++) {
		const struct viva_question *a = viva_question_bank_question_at(bank, i);
		const struct viva_question *b = viva_question_bank_question_at(again, i);
		require(strcmp(a->id, b->id) == 0 && strcmp(a->text, b->text) == 0);
		require(strcmp(a->reference_answer, b->reference_answer) == 0);
		require(a->graded_answer_count == b->graded_answer_count);
		for (size_t k = 0; k < a->graded_answer_count; k++)
			require(strcmp(a->graded_answers[k].answer, b->graded_answers[k].answer) == 0);
	}
	return 0;
}
