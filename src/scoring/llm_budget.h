// SPDX-License-Identifier: Apache-2.0
//
// What the language model may cost, counted in the store, so that all instances share it and a restart does not forget
// it; and the verdicts that were paid for, so that scoring an interview again asks nothing again.
//
// Threads: any but the event loop's; blocks on the store.
#ifndef VIVA_SCORING_LLM_BUDGET_H
#define VIVA_SCORING_LLM_BUDGET_H

#include "scoring/llm_message.h"
#include "scoring/state.h"

struct scoring_llm_limits {
	int64_t calls_per_interview;
	int64_t calls_per_day;   // UTC
	int64_t tokens_per_day;  // prompt and reply
};

enum { SCORING_LLM_KEY_SIZE = 65 };  // of a verdict: a SHA-256 in hexadecimal and a terminator

// Takes one call of about so many tokens out of the budgets of the interview and of the day. VIVA_EOVERLOAD (the
// sentence says which is used up: nothing was taken), VIVA_ENOTFOUND (the interview was erased), the store's errors.
VIVA_MUST_CHECK int scoring_llm_reserve(struct scoring_service *service, const struct scoring_llm_limits *limits,
					const char *session_id, int64_t tokens, struct viva_error *error);
// Puts right by so many tokens what was estimated.
void scoring_llm_correct(struct scoring_service *service, int64_t tokens);

// A verdict that was kept; false = none.
bool scoring_llm_find(struct scoring_service *service, const char *session_id, const char *key,
		      struct scoring_llm_verdict *ret_verdict);
// Keeps one, unless the interview was erased.
void scoring_llm_keep(struct scoring_service *service, const char *session_id, const char *key,
		      const struct scoring_llm_verdict *verdict);

#endif
