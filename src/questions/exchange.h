// SPDX-License-Identifier: Apache-2.0
//
// Banks in the forms that other programs read and write: JSON as schemas/questions.schema.json has it, and CSV with a
// question a row. docs/questions.md describes the columns.
//
// Threads: any; nothing blocks.
#ifndef VIVA_QUESTIONS_EXCHANGE_H
#define VIVA_QUESTIONS_EXCHANGE_H

#include "base/json.h"
#include "questions/question_bank.h"

// The whole bank as JSON; with a set (of this bank) only its questions, and that set under its name and as "default".
// The caller's; NULL = no memory.
json_t *viva_questions_to_json(const struct viva_question_bank *bank, const struct viva_question_set *set);
// The same as CSV (RFC 4180, UTF-8). VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_questions_to_csv(const struct viva_question_bank *bank, const struct viva_question_set *set,
					  struct viva_buffer *out);

// CSV with a heading row, as a bank's JSON that is still to be checked by viva_question_bank_read. A question without
// id or key gets one, of its key or text. VIVA_EFIELD (the sentence names row and column), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_questions_from_csv(struct viva_bytes text, json_t **ret_bank, struct viva_error *error);

// Puts the questions and sets of `added`, a bank or a plain list of questions, into `bank`: those of the same id or key
// (sets: name) are replaced. Neither need be checked yet. A bank without a set called default gets one of all its
// questions. VIVA_EFIELD, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_questions_merge(json_t *bank, const json_t *added, struct viva_error *error);

#endif
