// SPDX-License-Identifier: Apache-2.0
//
// Erasure of an interview (GDPR art. 17): here at once; in the other services at once where they can be reached, and by
// the event InterviewErased in any case.
//
// Threads: any but the loop's: calls block on the store and other services.
#ifndef VIVA_INTERVIEW_ERASE_H
#define VIVA_INTERVIEW_ERASE_H

#include "interview/context.h"

// Erases the interview, and writes in the same transaction a tombstone and the event that makes the others follow; then
// asks those that can be reached to follow at once. What remains is its id. Sockets are told and closed. `traceparent`
// is the request's, or NULL. VIVA_ENOTFOUND, the store's errors.
VIVA_MUST_CHECK int interview_erase(struct interview_service *service, const char *id, const char *traceparent,
				    struct viva_arena *arena, struct viva_error *error);

// The interview was erased, here or by another instance: tells its sockets here, closes them and forgets the session.
// Never blocks.
void interview_forget_erased(struct interview_service *service, const char *id, struct viva_arena *arena);

// Overwrites in the store's files what could not be overwritten at once, and forgets tombstones of old erasures. The
// store's errors.
VIVA_MUST_CHECK int interview_finish_erasures(struct interview_service *service, struct viva_arena *arena,
					      struct viva_error *error);

#endif
