// SPDX-License-Identifier: Apache-2.0
//
// What must happen without a request or an event: interviews time out, analyses of answers that had to wait for the
// scoring service are made up for, freed pages are overwritten, old tombstones and idempotency keys go. Scores that had
// to wait are no duty of it: the worker asks for them until they are there (InterviewCompleted).
//
// Threads: create on the main thread; stop on the loop or after it; the work is done on the pool, one round at a time.
#ifndef VIVA_INTERVIEW_JANITOR_H
#define VIVA_INTERVIEW_JANITOR_H

#include "interview/context.h"

// Begins a round every `interval_ms`. VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_janitor_create(struct interview_service *service, uint32_t interval_ms,
					     struct interview_janitor **ret_janitor);
void interview_janitor_stop(struct interview_janitor *janitor);  // on the loop: no round begins after it
struct interview_janitor *interview_janitor_destroy(struct interview_janitor *janitor);  // when no round runs any more

// One round; for tests and for the timer.
void interview_janitor_round(struct interview_service *service);

#endif
