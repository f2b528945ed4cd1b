// SPDX-License-Identifier: Apache-2.0
//
// Score requests from outside: read from JSON, and checked, whichever way they came.
//
// Threads: any; nothing blocks.
#ifndef VIVA_SCORING_REQUEST_H
#define VIVA_SCORING_REQUEST_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"
#include "scoring.pb-c.h"
#include "speech/segments.h"

// Whether the text can name a session: 1–63 of A–Z a–z 0–9 . _ -
bool scoring_session_id_is_valid(const char *id);

// Reads a ScoreRequest's members by their proto names. Texts are borrowed from `json`, structures live in the arena.
// VIVA_EFIELD names the member ("answers[2].duration"), VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_request_from_json(const json_t *json, struct viva_arena *arena,
					      Scoring__ScoreRequest **ret_request, struct viva_error *error);

// Checks every limit and range. VIVA_EFIELD names the member.
VIVA_MUST_CHECK int scoring_request_check(const Scoring__ScoreRequest *request, struct viva_error *error);
VIVA_MUST_CHECK int scoring_answer_request_check(const Scoring__AnswerRequest *request, struct viva_error *error);

// An answer's segments; texts are borrowed, the array is the caller's, to be freed. VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_segments_of(const Scoring__Answer *answer, struct viva_speech_segment **ret_segments);

// The weight of an emotion in the emotion score, 0–1, or a negative number for an unknown name.
double scoring_emotion_value(const char *emotion);

#endif
