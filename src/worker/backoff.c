// SPDX-License-Identifier: Apache-2.0
#include "worker/backoff.h"

#include "base/macros.h"

static int64_t doubled(int64_t first_ms, int64_t last_ms, int64_t times)
{
	enum { MAX_DOUBLINGS = 16 };
	return VIVA_MIN(first_ms << VIVA_MIN(times, (int64_t)MAX_DOUBLINGS), last_ms);
}

static int64_t with_jitter(int64_t backoff_ms, struct viva_random *random)
{
	return backoff_ms + (int64_t)viva_random_below(random, (uint64_t)backoff_ms);
}

int64_t worker_backoff_ms(int64_t failures, struct viva_random *random)
{
	enum { FIRST_MS = 1000, LAST_MS = 30 * 1000 };
	return with_jitter(doubled(FIRST_MS, LAST_MS, failures - 1), random);
}

int64_t worker_webhook_backoff_ms(int64_t failures, struct viva_random *random)
{
	enum { QUICK = 6, FIRST_MS = 60 * 1000, LAST_MS = 60 * 60 * 1000 };
	if (failures <= QUICK)
		return worker_backoff_ms(failures, random);
	return with_jitter(doubled(FIRST_MS, LAST_MS, failures - QUICK - 1), random);
}
