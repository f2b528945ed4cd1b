// SPDX-License-Identifier: Apache-2.0
#include "worker/backlog.h"

#include <string.h>

enum {
	LOOK_EVERY_US = 200 * 1000,  // while there is no allowance
	TRUST_FOR_US = 1000 * 1000,  // an allowance that was not used up
};

void worker_backlog_init(struct worker_backlog *backlog, struct viva_bus *bus, const struct viva_clock *clock,
			 int64_t max_waiting)
{
	*backlog = (struct worker_backlog){.bus = bus, .clock = clock, .max_waiting = max_waiting};
}

static int count_waiting(struct viva_bus *bus, int64_t *ret_waiting)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	int status = viva_bus_queues(bus, arena, &queues, &count, NULL);
	if (status)
		return status;
	const char *prefix = viva_bus_bindings[VIVA_QUEUE_EMOTION_FRAMES].name;
	int64_t waiting = 0;
	for (size_t i = 0; i < count; i++)
		if (strncmp(queues[i].name, prefix, strlen(prefix)) == 0)
			waiting += queues[i].waiting + VIVA_MAX(queues[i].unsettled, INT64_C(0));
	*ret_waiting = waiting;
	return 0;
}

static bool must_look(const struct worker_backlog *backlog)
{
	if (!backlog->was_looked_at)
		return true;
	int64_t past_us = viva_clock_monotonic_us(backlog->clock) - backlog->looked_at_us;
	return past_us >= (backlog->allowance > 0 ? TRUST_FOR_US : LOOK_EVERY_US);
}

bool worker_backlog_allows(struct worker_backlog *backlog)
{
	if (backlog->max_waiting == 0)
		return true;
	if (must_look(backlog)) {
		int64_t waiting = 0;
		// A bus that can't tell is asked again; meanwhile its answer to what is published will do.
		if (count_waiting(backlog->bus, &waiting))
			waiting = 0;
		backlog->allowance = backlog->max_waiting - waiting;
		backlog->looked_at_us = viva_clock_monotonic_us(backlog->clock);
		backlog->was_looked_at = true;
	}
	return backlog->allowance > 0;
}

void worker_backlog_passed(struct worker_backlog *backlog, size_t count)
{
	backlog->allowance -= (int64_t)count;
}
