// SPDX-License-Identifier: Apache-2.0
//
// Erasure of an interview (GDPR art. 17): here at once, in the other services at once or as soon as they can be
// reached.
//
// Threads: any but the loop's: calls block on the store and other services.
#ifndef VIVA_INTERVIEW_ERASE_H
#define VIVA_INTERVIEW_ERASE_H

#include "interview/context.h"

// Erases the interview and remembers, in the same transaction, that the other services must follow; then asks them to.
// What remains is its id. Sockets are told and closed. VIVA_ENOTFOUND, the store's errors.
VIVA_MUST_CHECK int interview_erase(struct interview_service *service, const char *id, struct viva_arena *arena,
				    struct viva_error *error);

// Carries on with erasures that are not done everywhere, and forgets old ones. The store's errors.
VIVA_MUST_CHECK int interview_sweep_erasures(struct interview_service *service, struct viva_arena *arena,
					     struct viva_error *error);

#endif
