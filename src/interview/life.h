// SPDX-License-Identifier: Apache-2.0
//
// The end of an interview: completed, timed out, scored. Every step is one transaction that checks the version it read.
//
// Threads: any but the loop's: calls block on the store and other services.
#ifndef VIVA_INTERVIEW_LIFE_H
#define VIVA_INTERVIEW_LIFE_H

#include "interview/context.h"
#include "interview/records.h"

// Completes an interview; one that is completed or scored already stays as it is. *ret_record is how it is now.
// VIVA_ENOTFOUND, VIVA_ECOMPLETED (it expired), the store's errors.
VIVA_MUST_CHECK int interview_complete(struct interview_service *service, const char *id, struct viva_arena *arena,
				       struct interview_record *ret_record, struct viva_error *error);

// Ends an interview whose time is over: completed when all questions are answered, else expired. Tells its sockets.
VIVA_MUST_CHECK int interview_time_out(struct interview_service *service, const char *id, struct viva_arena *arena,
				       struct viva_error *error);

// Has a completed interview scored, stores the score and tells the sockets. Whoever comes second finds the first one's
// score in place. VIVA_ESCORINGDOWN, VIVA_EEMOTIONDOWN (then the score is tried again later), the store's errors.
VIVA_MUST_CHECK int interview_score(struct interview_service *service, const char *id, int64_t deadline_us,
				    struct viva_error *error);

// How long to wait after so many attempts in vain: 2 s, doubling, at most 5 minutes.
int64_t interview_retry_after_ms(int attempts);

#endif
