// SPDX-License-Identifier: Apache-2.0
//
// Answers: taken once, stored before anything else, judged by the scoring service now or later.
//
// Threads: any but the loop's: calls block on the store and the scoring service.
#ifndef VIVA_INTERVIEW_ANSWERS_H
#define VIVA_INTERVIEW_ANSWERS_H

#include "interview/context.h"
#include "interview/records.h"
#include "speech/segments.h"

enum {
	INTERVIEW_MAX_TRANSCRIPT = 50000,  // characters
	INTERVIEW_MAX_DURATION_S = 7200,
	INTERVIEW_MAX_ANSWER_BYTES = 512 * 1024,  // of the JSON; a transcript may be escaped throughout
};

struct interview_answer_request {
	const char *question_id;
	const char *transcript;  // may be empty: nothing was said
	double duration;         // seconds
	double confidence;       // 0–1; negative = not given
	const char *language;    // BCP 47; "" = not given
	const struct viva_speech_segment *segments;
	size_t segment_count;  // 0 = no times given
};

// Reads {"question_id","transcript","duration","confidence"?,"language"?,"segments"?}; VIVA_EFIELD names the member.
// Texts are borrowed from `body`, segments live in the arena.
VIVA_MUST_CHECK int interview_answer_parse(const json_t *body, struct viva_arena *arena,
					   struct interview_answer_request *ret_request, struct viva_error *error);

struct interview_answer_result {
	struct interview_record record;  // after the answer
	const char *question_id;
	const char *analysis;  // JSON; NULL = the scoring service can't be reached: it follows
	bool has_next;
	struct interview_question next;
};

// Takes an answer. Once it returns 0 the answer is stored, whether it could be judged or not.
// VIVA_ENOTFOUND, VIVA_ECOMPLETED, VIVA_EQUESTION, VIVA_EANSWERED, the store's errors.
VIVA_MUST_CHECK int interview_answer(struct interview_service *service, const char *id,
				     const struct interview_answer_request *request, int64_t deadline_us,
				     struct viva_arena *arena, struct interview_answer_result *ret_result,
				     struct viva_error *error);

// Has a stored answer judged and stores the analysis; *ret_analysis is its JSON. VIVA_ESCORINGDOWN, the store's.
VIVA_MUST_CHECK int interview_analyse_answer(struct interview_service *service, const struct interview_answer *answer,
					     int64_t deadline_us, struct viva_arena *arena, const char **ret_analysis,
					     struct viva_error *error);

// The same for all answers of an interview that have no analysis yet, and spreads the news. An answer that fails for
// another reason than an unreachable service is left to the janitor. VIVA_ESCORINGDOWN, the store's.
VIVA_MUST_CHECK int interview_analyse_pending(struct interview_service *service, const char *id, int64_t deadline_us,
					      struct viva_arena *arena, struct viva_error *error);

// Nothing came of trying: when the janitor may try again.
void interview_put_answer_off(struct interview_service *service, const struct interview_answer *answer);

#endif
