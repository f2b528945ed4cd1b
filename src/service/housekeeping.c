// SPDX-License-Identifier: Apache-2.0
#include "service/housekeeping.h"

#include <stdatomic.h>
#include <stdlib.h>

struct viva_housekeeping {
	struct viva_pool *pool;
	void (*round)(void *context);
	void *context;
	struct viva_loop_timer *timer;
	atomic_bool is_busy;
};

static void run_round(void *context)
{
	struct viva_housekeeping *housekeeping = context;
	housekeeping->round(housekeeping->context);
	atomic_store(&housekeeping->is_busy, false);
}

static void on_timer(void *context)
{
	struct viva_housekeeping *housekeeping = context;
	if (atomic_exchange(&housekeeping->is_busy, true))
		return;
	if (viva_pool_submit(housekeeping->pool, run_round, housekeeping) != 0)
		atomic_store(&housekeeping->is_busy, false);
}

int viva_housekeeping_create(const struct viva_service_runtime *runtime, uint64_t first_ms, uint64_t interval_ms,
			     void (*round)(void *context), void *context, struct viva_housekeeping **ret_housekeeping)
{
	struct viva_housekeeping *housekeeping = calloc(1, sizeof *housekeeping);
	if (!housekeeping)
		return VIVA_ENOMEM;
	housekeeping->pool = runtime->pool;
	housekeeping->round = round;
	housekeeping->context = context;
	int code = viva_loop_timer_create(runtime->loop, first_ms, interval_ms, on_timer, housekeeping,
					  &housekeeping->timer);
	if (code == 0)
		*ret_housekeeping = housekeeping;
	else
		free(housekeeping);
	return code;
}

void viva_housekeeping_stop(struct viva_housekeeping *housekeeping)
{
	if (housekeeping)
		housekeeping->timer = viva_loop_timer_destroy(housekeeping->timer);
}

struct viva_housekeeping *viva_housekeeping_destroy(struct viva_housekeeping *housekeeping)
{
	viva_housekeeping_stop(housekeeping);
	free(housekeeping);
	return NULL;
}
