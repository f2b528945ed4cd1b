// SPDX-License-Identifier: Apache-2.0
//
// A token bucket: at most `per_second` events in the long run, at most `burst` at once.
//
// Threads: one owner at a time; nothing blocks, nothing allocates.
#ifndef VIVA_RESILIENCE_RATE_LIMITER_H
#define VIVA_RESILIENCE_RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct viva_rate_limiter {
	const struct viva_clock *clock;
	double per_second;
	double burst;
	double tokens;
	int64_t updated_us;
};

// Begins full. per_second > 0, burst ≥ 1. `clock` is borrowed.
void viva_rate_limiter_init(struct viva_rate_limiter *limiter, double per_second, double burst,
			    const struct viva_clock *clock);
// Takes a token, if there is one.
bool viva_rate_limiter_take(struct viva_rate_limiter *limiter);
// How long until the next token, in ms, rounded up; 0 = there is one. For Retry-After.
int64_t viva_rate_limiter_wait_ms(struct viva_rate_limiter *limiter);

#endif
