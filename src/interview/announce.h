// SPDX-License-Identifier: Apache-2.0
//
// The events that tell of an interview's life, written into the outbox in the transaction that makes them true.
//
// Threads: inside a transaction's function. Whoever committed it wakes the outbox.
#ifndef VIVA_INTERVIEW_ANNOUNCE_H
#define VIVA_INTERVIEW_ANNOUNCE_H

#include "interview/context.h"
#include "interview/records.h"

// InterviewCompleted for a record that is being completed, with its completed_at. `queued_frames` as
// interview_queued_frames has it; `traceparent` may be NULL. The store's errors, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_announce_completed(struct interview_service *service,
						 struct viva_store_transaction *transaction,
						 const struct interview_record *record, int64_t queued_frames,
						 const char *traceparent, struct viva_error *error);

// InterviewErased. What the outbox still holds of the interview goes with it: nobody needs to hear of it any more.
VIVA_MUST_CHECK int interview_announce_erased(struct interview_service *service,
					      struct viva_store_transaction *transaction, const char *id,
					      int64_t erased_at, const char *traceparent, struct viva_error *error);

// Announces what an earlier version, which had no events, left to be done: completed interviews without a score, and
// erasures that had not reached every service. The store's errors.
VIVA_MUST_CHECK int interview_announce_left_over(struct interview_service *service, struct viva_arena *arena,
						 struct viva_error *error);

#endif
