// SPDX-License-Identifier: Apache-2.0
//
// A scoring.ScoreRequest made of all that is known about an interview.
//
// Threads: any but the loop's: blocks on the store and the emotion service.
#ifndef VIVA_INTERVIEW_SCORE_REQUEST_H
#define VIVA_INTERVIEW_SCORE_REQUEST_H

#include "interview/context.h"
#include "interview/records.h"
#include "scoring.pb-c.h"

enum { INTERVIEW_MAX_EMOTIONS = 4000 };  // of a request; a longer timeline is thinned out evenly

// Collects rows of a timeline of unknown length and keeps an even choice of at most INTERVIEW_MAX_EMOTIONS.
struct interview_emotions {
	Scoring__EmotionData rows[INTERVIEW_MAX_EMOTIONS];
	size_t count;
	size_t seen;
	size_t stride;  // every stride-th row is kept; a power of two
};
void interview_emotions_init(struct interview_emotions *emotions);
void interview_emotions_add(struct interview_emotions *emotions, const Scoring__EmotionData *row);

// The request and all it points to live in the arena. Emotions are left out where they were not to be analysed; when
// the emotion service can't be reached they are VIVA_EEMOTIONDOWN if `needs_emotions`, else left out. The store's
// errors.
VIVA_MUST_CHECK int interview_score_request_make(struct interview_service *service,
						 const struct interview_record *record, bool needs_emotions,
						 struct viva_arena *arena, Scoring__ScoreRequest **ret_request,
						 struct viva_error *error);

#endif
