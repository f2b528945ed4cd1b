// SPDX-License-Identifier: Apache-2.0
//
// One interview, from its start to its score: streams frames, answers each question, and picks up the thread whenever
// the connection breaks.
//
// Threads: one owner at a time; blocks until the interview is over.
#ifndef VIVA_CANDIDATE_CONVERSATION_H
#define VIVA_CANDIDATE_CONVERSATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"
#include "candidate/answers.h"
#include "candidate/client.h"
#include "candidate/view.h"
#include "film/film.h"

struct candidate_plan {
	const char *user_id;
	const char *question_set;  // NULL = the platform's default
	int question_count;        // 0 = the whole set
	const char *mode;          // "practice", "recruitment"
	bool consents_to_emotion;
	bool consents_to_recording;   // a few pictures may be stored
	double frames_per_second;     // 0 = the next one when the update of the last has come
	double seconds_per_question;  // of frames before each answer
	const char *report_path;      // NULL = no report
};

struct candidate_outcome {
	char interview_id[64];
	int64_t frames, updates, blinks;
	int64_t reconnections;
	json_t *answers;  // [{"question_id","question","analysis", …}], as the platform keeps them
	json_t *score;
};

// `frames` may be NULL. On success the caller owns the outcome's JSON; on failure there is none. Errors as of
// candidate_call; VIVA_EIO (the report can't be written, a frame can't be read).
VIVA_MUST_CHECK int candidate_converse(struct candidate_client *client, const struct candidate_plan *plan,
				       struct viva_film *frames, struct candidate_answers *answers,
				       struct candidate_view *view, struct candidate_outcome *ret_outcome,
				       struct viva_error *error);

#endif
