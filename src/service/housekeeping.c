// SPDX-License-Identifier: Apache-2.0
#include "service/housekeeping.h"

#include <stdatomic.h>
#include <stdlib.h>

struct viva_housekeeping {
	struct viva_housekeeping_options options;
	struct viva_loop_timer *timer;
	atomic_bool is_busy;
};

static void run_round(void *context)
{
	struct viva_housekeeping *housekeeping = context;
	housekeeping->options.round(housekeeping->options.context);
	atomic_store(&housekeeping->is_busy, false);
}

static void on_timer(void *context)
{
	struct viva_housekeeping *housekeeping = context;
	if (atomic_exchange(&housekeeping->is_busy, true))
		return;
	if (viva_pool_submit(housekeeping->options.pool, run_round, housekeeping) != 0)
		atomic_store(&housekeeping->is_busy, false);
}

int viva_housekeeping_create(const struct viva_housekeeping_options *options,
			     struct viva_housekeeping **ret_housekeeping)
{
	struct viva_housekeeping *housekeeping = calloc(1, sizeof *housekeeping);
	if (!housekeeping)
		return VIVA_ENOMEM;
	housekeeping->options = *options;
	int code = viva_loop_timer_create(options->loop, options->first_ms, options->interval_ms, on_timer,
					  housekeeping, &housekeeping->timer);
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
