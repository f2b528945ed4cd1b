// SPDX-License-Identifier: Apache-2.0
//
// What is said to a language model that judges an answer, and what it may say back. The answer goes out as data: a JSON
// string inside a JSON document, after instructions that are the same for all. Only a reply that has exactly the form
// that was asked for counts. docs/llm-judge.md.
//
// Threads: any; nothing blocks.
#ifndef VIVA_SCORING_LLM_MESSAGE_H
#define VIVA_SCORING_LLM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

// Of the instructions and the reply's form: a verdict under another one is asked for again.
#define SCORING_LLM_VERSION "llm-1"

enum {
	SCORING_LLM_MAX_ANSWER_BYTES = 16000,  // of a transcript; the rest is not sent
	SCORING_LLM_MAX_REPLY_BYTES = 64 << 10,
	SCORING_LLM_MAX_REASON = 400,  // bytes, of the sentence that explains
	SCORING_LLM_MAX_REPLY_TOKENS = 400,
};

struct scoring_llm_question {
	const char *question;
	const char *const *points;  // what a full answer holds
	size_t point_count;
	const char *transcript;
};

struct scoring_llm_verdict {
	double relevance, depth;  // 0–1
	double coverage;          // 0–1; negative = there were no points
	char reason[SCORING_LLM_MAX_REASON + 1];
	char model[128];        // as the server names it
	char fingerprint[128];  // of the server's configuration; "" = not told
	int64_t tokens;         // that the call used; 0 = not told
};

// The body of a call of /chat/completions, in the arena. VIVA_EINVAL (not UTF-8), VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_llm_write(const struct scoring_llm_question *question, const char *model,
				      struct viva_arena *arena, const char **ret_body);
// Reads the answer to it. VIVA_EBADGATEWAY: the sentence says what is wrong with it, and quotes nothing of it.
VIVA_MUST_CHECK int scoring_llm_read(struct viva_bytes body, size_t point_count,
				     struct scoring_llm_verdict *ret_verdict, struct viva_error *error);

#endif
