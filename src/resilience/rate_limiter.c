// SPDX-License-Identifier: Apache-2.0
#include "resilience/rate_limiter.h"

#include <math.h>

#include "base/macros.h"

void viva_rate_limiter_init(struct viva_rate_limiter *limiter, double per_second, double burst,
			    const struct viva_clock *clock)
{
	*limiter = (struct viva_rate_limiter){.clock = clock,
					      .per_second = per_second,
					      .burst = burst,
					      .tokens = burst,
					      .updated_us = viva_clock_monotonic_us(clock)};
}

static void refill(struct viva_rate_limiter *limiter)
{
	int64_t now_us = viva_clock_monotonic_us(limiter->clock);
	double earned = (double)(now_us - limiter->updated_us) * limiter->per_second / 1e6;
	limiter->tokens = VIVA_MIN(limiter->burst, limiter->tokens + earned);
	limiter->updated_us = now_us;
}

// Sums of fractions fall short of a whole by some 1e-16; a token may not be lost to that.
static const double almost_one = 1 - 1e-9;

bool viva_rate_limiter_take(struct viva_rate_limiter *limiter)
{
	refill(limiter);
	if (limiter->tokens < almost_one)
		return false;
	limiter->tokens = VIVA_MAX(limiter->tokens - 1, 0.0);
	return true;
}

int64_t viva_rate_limiter_wait_ms(struct viva_rate_limiter *limiter)
{
	refill(limiter);
	if (limiter->tokens >= almost_one)
		return 0;
	return (int64_t)ceil((almost_one - limiter->tokens) / limiter->per_second * 1000);
}
