// SPDX-License-Identifier: Apache-2.0
//
// An interview's score: made once, stored once, told to each socket once, whoever asks for it and however often.
//
//   POST …/complete, the worker ─▶ interview_score ─▶ scoring ─▶ stored, if none is ─▶ told
//   ScoreCalculated ─▶ interview_adopt_score ─▶ stored, if none is ─▶ told, on each instance
//
// Threads: any but the loop's: calls block on the store and other services.
#ifndef VIVA_INTERVIEW_SCORE_H
#define VIVA_INTERVIEW_SCORE_H

#include "interview/context.h"
#include "interview/records.h"

enum { INTERVIEW_SCORE_LEASE_MS = 15000 };  // whoever has not brought a score by then may be overtaken

// Has a completed interview scored, stores the score and tells the sockets; one in another state is left alone. One
// caller at a time, of all instances. What it finds of an attempt whose answer was lost, it takes.
// VIVA_ECONFLICT (another caller is at it), VIVA_ESCORINGDOWN, VIVA_EEMOTIONDOWN, VIVA_ENOTFOUND, the store's errors.
VIVA_MUST_CHECK int interview_score(struct interview_service *service, const char *id, int64_t deadline_us,
				    struct viva_error *error);
// The same, but waits for the other caller, until the deadline.
VIVA_MUST_CHECK int interview_score_or_wait(struct interview_service *service, const char *id, int64_t deadline_us,
					    struct viva_error *error);

// The scoring service says that there is a score: stores it if the interview is completed and has none, and tells the
// sockets; *ret_told = how many did not know it yet. An interview that is unknown or not completed is left alone.
// VIVA_ESCORINGDOWN, VIVA_EBADGATEWAY, the store's errors.
VIVA_MUST_CHECK int interview_adopt_score(struct interview_service *service, const char *id, size_t *ret_told,
					  struct viva_error *error);

#endif
