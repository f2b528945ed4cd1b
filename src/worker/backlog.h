// SPDX-License-Identifier: Apache-2.0
//
// How many frames may be passed on before the emotion service is too far behind.
//
// Threads: one owner; take() blocks on the bus.
#ifndef VIVA_WORKER_BACKLOG_H
#define VIVA_WORKER_BACKLOG_H

#include "bus/bus.h"

struct worker_backlog {
	struct viva_bus *bus;
	const struct viva_clock *clock;
	int64_t max_waiting;  // 0 = any number
	int64_t allowance;    // frames that may be passed on until the queues are looked at again
	int64_t looked_at_us;
	bool was_looked_at;
};

// `bus` and `clock` are borrowed.
void worker_backlog_init(struct worker_backlog *backlog, struct viva_bus *bus, const struct viva_clock *clock,
			 int64_t max_waiting);
// Whether frames may be passed on now. Looks at the queues at most five times a second.
bool worker_backlog_allows(struct worker_backlog *backlog);
// So many were passed on.
void worker_backlog_passed(struct worker_backlog *backlog, size_t count);

#endif
