// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_outage.h"

#include "base/macros.h"

enum { FIRST_US = 50 * 1000, LAST_US = 5 * 1000 * 1000 };

void viva_postgres_outage_init(struct viva_postgres_outage *outage, int64_t patience_us)
{
	*outage = (struct viva_postgres_outage){.patience_us = patience_us};
}

void viva_postgres_outage_on_failure(struct viva_postgres_outage *outage, int64_t now_us, struct viva_random *random)
{
	if (outage->began_us == 0) {
		outage->began_us = now_us;
		outage->backoff_us = FIRST_US;
	}
	int64_t jitter_us = (int64_t)viva_random_below(random, (uint64_t)outage->backoff_us);
	outage->try_us = now_us + outage->backoff_us + jitter_us;
	outage->backoff_us = VIVA_MIN(2 * outage->backoff_us, (int64_t)LAST_US);
}

void viva_postgres_outage_on_success(struct viva_postgres_outage *outage)
{
	viva_postgres_outage_init(outage, outage->patience_us);
}

bool viva_postgres_outage_may_try(const struct viva_postgres_outage *outage, int64_t now_us)
{
	return outage->began_us == 0 || now_us >= outage->try_us;
}

bool viva_postgres_outage_is_over_patience(const struct viva_postgres_outage *outage, int64_t now_us)
{
	return outage->began_us != 0 && now_us - outage->began_us >= outage->patience_us;
}

int64_t viva_postgres_outage_changes_us(const struct viva_postgres_outage *outage)
{
	return VIVA_MIN(outage->try_us, outage->began_us + outage->patience_us);
}
