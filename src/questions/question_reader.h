// SPDX-License-Identifier: Apache-2.0
//
// From the JSON of a question bank to its questions and sets, each member checked. Internal to questions/.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_QUESTIONS_QUESTION_READER_H
#define VIVA_QUESTIONS_QUESTION_READER_H

#include "base/arena.h"
#include "base/json.h"
#include "questions/question_bank.h"

struct viva_question_bank {
	struct viva_arena *arena;  // of all texts and arrays
	struct viva_question *questions;
	size_t question_count;
	struct viva_question_set *sets;
	size_t set_count;
};

// Fills the bank, which has an arena and nothing else yet; `name` stands for the file in sentences. The errors of
// viva_question_bank_read; then the bank is half filled, and to be destroyed.
VIVA_MUST_CHECK int viva_question_bank_fill(struct viva_question_bank *bank, const json_t *json, const char *name,
					    struct viva_error *error);

#endif
