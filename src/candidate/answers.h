// SPDX-License-Identifier: Apache-2.0
//
// What the candidate says: answers from a file, each for a certain question, a category, or whatever comes next.
//
// Threads: one owner at a time.
#ifndef VIVA_CANDIDATE_ANSWERS_H
#define VIVA_CANDIDATE_ANSWERS_H

#include <jansson.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct candidate_answers;

struct candidate_answer {
	const char *transcript;
	double duration;         // seconds
	double confidence;       // 0–1; negative = not given
	const json_t *segments;  // with times, as the platform takes them; NULL = not given
};

// Reads a JSON array, an object with such an array as "answers", or a JSON object a line. Each holds "transcript"
// (1–20,000 bytes), "duration"?, "confidence"?, "segments"? and what it is for: "question_id"?, "key"?, "category"?. At
// most 1000. VIVA_EUSAGE says what is wrong and where; VIVA_ENOMEM.
VIVA_MUST_CHECK int candidate_answers_parse(struct viva_bytes text, struct candidate_answers **ret_answers,
					    struct viva_error *error);
// The same from a file of at most 4 MiB; errors name it.
VIVA_MUST_CHECK int candidate_answers_open(const char *path, struct candidate_answers **ret_answers,
					   struct viva_error *error);
struct candidate_answers *candidate_answers_destroy(struct candidate_answers *answers);
VIVA_DEFINE_AUTO(candidate_answers)

// The best unused answer to a question: by its id (or key), else its category, else the first that is for none, else
// the first left; when all are used, they begin anew. Marks it as used. Borrowed from `answers`. Any text may be NULL.
struct candidate_answer candidate_answers_take(struct candidate_answers *answers, const char *question_id,
					       const char *key, const char *category);

#endif
