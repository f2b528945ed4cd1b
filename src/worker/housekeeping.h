// SPDX-License-Identifier: Apache-2.0
//
// What happens without a message: the depths of the queues and the state of deliveries are measured, what is old is
// forgotten.
//
// Threads: create on the main thread; stop on the loop or after it; the work is done on the pool, one round at a time.
#ifndef VIVA_WORKER_HOUSEKEEPING_H
#define VIVA_WORKER_HOUSEKEEPING_H

#include "worker/context.h"

// Begins a round every 15 seconds. VIVA_ENOMEM.
VIVA_MUST_CHECK int worker_housekeeping_create(struct worker_service *service,
					       struct worker_housekeeping **ret_housekeeping);
void worker_housekeeping_stop(struct worker_housekeeping *housekeeping);  // on the loop: no round begins after it
// When no round runs any more. NULL is fine. Always NULL.
struct worker_housekeeping *worker_housekeeping_destroy(struct worker_housekeeping *housekeeping);

// One round; for tests and for the timer.
void worker_housekeeping_round(struct worker_service *service);

#endif
