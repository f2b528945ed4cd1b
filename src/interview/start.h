// SPDX-License-Identifier: Apache-2.0
//
// Starting an interview: the request checked, the interview made once per Idempotency-Key.
//
// Threads: any but the loop's: calls block on the store.
#ifndef VIVA_INTERVIEW_START_H
#define VIVA_INTERVIEW_START_H

#include "interview/context.h"
#include "interview/state.h"

enum {
	INTERVIEW_MAX_USER_ID = 128,          // characters
	INTERVIEW_MAX_QUESTIONS = 50,         // of one interview
	INTERVIEW_MAX_IDEMPOTENCY_KEY = 255,  // bytes
};
#define INTERVIEW_IDEMPOTENCY_MS (INT64_C(24) * 60 * 60 * 1000)  // how long a key is remembered

struct interview_start {
	const char *user_id;
	const struct viva_question_set *question_set;
	int total_questions;
	enum interview_mode mode;
	bool emotion_analysis;
	bool recording;
	bool is_adaptive;
	int64_t seed;  // of the choice of questions; -1 = by chance, or the same for all where nothing is adaptive
};

// Reads a request's body; VIVA_EFIELD names the member. Texts are borrowed from `body`.
VIVA_MUST_CHECK int interview_start_parse(const json_t *body, const struct viva_question_bank *bank,
					  struct interview_start *ret_start, struct viva_error *error);

// Starts an interview and gives the answer's JSON text and the new id. With a key (NULL = none) the same body gets the
// same answer again for a day: interview, questions and key are written in one transaction, so there is no moment in
// which a second request could find the first one half done. VIVA_ECONFLICT (another request with the key is being
// answered, here or at another instance), VIVA_EIDEMPOTENCY (the key came with another body), VIVA_EFIELD (a key that
// is none), the store's errors.
VIVA_MUST_CHECK int interview_start(struct interview_service *service, const struct interview_start *start,
				    const char *idempotency_key, struct viva_bytes body, struct viva_arena *arena,
				    const char **ret_response, const char **ret_id, struct viva_error *error);

#endif
