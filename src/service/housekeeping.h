// SPDX-License-Identifier: Apache-2.0
//
// What a service does from time to time without being asked, on a worker of its pool, one round at a time.
//
// Threads: create on the main thread; stop on the loop, or after it; rounds run on the pool.
#ifndef VIVA_SERVICE_HOUSEKEEPING_H
#define VIVA_SERVICE_HOUSEKEEPING_H

#include "service/service.h"

struct viva_housekeeping;

// Calls round(context) after first_ms, and every interval_ms from then on; a round that still runs is not begun again,
// and a pool that is full has more urgent work: the next one comes. The runtime's loop and pool are borrowed.
// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_housekeeping_create(const struct viva_service_runtime *runtime, uint64_t first_ms,
					     uint64_t interval_ms, void (*round)(void *context), void *context,
					     struct viva_housekeeping **ret_housekeeping);
void viva_housekeeping_stop(struct viva_housekeeping *housekeeping);  // no round begins after it. NULL is fine.
// Stops. When no round runs any more. NULL is fine. Always NULL.
struct viva_housekeeping *viva_housekeeping_destroy(struct viva_housekeeping *housekeeping);

#endif
