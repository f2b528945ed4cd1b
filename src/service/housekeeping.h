// SPDX-License-Identifier: Apache-2.0
//
// What a service does from time to time without being asked, on a worker of its pool, one round at a time.
//
// Threads: create on the main thread; stop on the loop, or after it; rounds run on the pool.
#ifndef VIVA_SERVICE_HOUSEKEEPING_H
#define VIVA_SERVICE_HOUSEKEEPING_H

#include "base/pool.h"
#include "net/loop.h"

struct viva_housekeeping;

struct viva_housekeeping_options {
	struct viva_loop *loop;  // borrowed
	struct viva_pool *pool;  // borrowed; one that is full has more urgent work, and the next round comes
	uint64_t first_ms;       // until the first round
	uint64_t interval_ms;    // between the beginnings of rounds; one that still runs is not begun again
	void (*round)(void *context);
	void *context;
};

// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_housekeeping_create(const struct viva_housekeeping_options *options,
					     struct viva_housekeeping **ret_housekeeping);
void viva_housekeeping_stop(struct viva_housekeeping *housekeeping);  // no round begins after it. NULL is fine.
// Stops. When no round runs any more. NULL is fine. Always NULL.
struct viva_housekeeping *viva_housekeeping_destroy(struct viva_housekeeping *housekeeping);

#endif
