// SPDX-License-Identifier: Apache-2.0
//
// The end of an interview: completed or timed out. Every step is one transaction that checks the version it read, and
// writes the event that tells of it.
//
// Threads: any but the loop's: calls block on the store.
#ifndef VIVA_INTERVIEW_LIFE_H
#define VIVA_INTERVIEW_LIFE_H

#include "interview/context.h"
#include "interview/records.h"

// Completes an interview; one that is completed or scored already stays as it is. *ret_record is how it is now.
// `traceparent` is the request's, or NULL. VIVA_ENOTFOUND, VIVA_ECOMPLETED (it expired), the store's errors.
VIVA_MUST_CHECK int interview_complete(struct interview_service *service, const char *id, const char *traceparent,
				       struct viva_arena *arena, struct interview_record *ret_record,
				       struct viva_error *error);

// Ends an interview whose time is over: completed when all questions are answered, else expired. Tells its sockets.
VIVA_MUST_CHECK int interview_time_out(struct interview_service *service, const char *id, struct viva_arena *arena,
				       struct viva_error *error);

#endif
