// SPDX-License-Identifier: Apache-2.0
//
// What a bank's author would want to know beyond its form: texts that repeat each other, points that are missing, too
// short or too long, texts that are not English. docs/questions.md has the rules.
//
// Threads: any; nothing blocks.
#ifndef VIVA_QUESTIONS_LINT_H
#define VIVA_QUESTIONS_LINT_H

#include "questions/question_bank.h"

struct viva_question_finding {
	const char *place;  // "question about-yourself", "set default"
	const char *field;  // "reference_points[2]"
	const char *sentence;
};

// Called for each finding; its texts are gone afterwards.
typedef void viva_question_on_finding(const struct viva_question_finding *finding, void *context);

// Goes through the bank; *ret_count = findings. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_question_bank_lint(const struct viva_question_bank *bank, viva_question_on_finding *on_finding,
					    void *context, size_t *ret_count);

#endif
