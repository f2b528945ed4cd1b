// SPDX-License-Identifier: Apache-2.0
//
// When to try again to reach a server that could not be reached, and whether to wait for it.
//
//   calm ─ a failure ─▶ patient (calls wait) ─ patience is over ─▶ resigned (calls fail at once; now and then one
//   tries)
//     ▲──────────────────────── a success ───────────────────────────┘
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_STORE_POSTGRES_OUTAGE_H
#define VIVA_STORE_POSTGRES_OUTAGE_H

#include <stdbool.h>

#include "base/clock.h"

struct viva_postgres_outage {
	int64_t patience_us;  // how long calls wait for the end of an outage, from its beginning
	int64_t began_us;     // 0 = there is none
	int64_t try_us;       // not before
	int64_t backoff_us;
};

// Backoff from 50 ms, doubling, at most 5 s, plus a random part of the same size.
void viva_postgres_outage_init(struct viva_postgres_outage *outage, int64_t patience_us);
void viva_postgres_outage_on_failure(struct viva_postgres_outage *outage, int64_t now_us, struct viva_random *random);
void viva_postgres_outage_on_success(struct viva_postgres_outage *outage);
bool viva_postgres_outage_may_try(const struct viva_postgres_outage *outage, int64_t now_us);
bool viva_postgres_outage_is_over_patience(const struct viva_postgres_outage *outage, int64_t now_us);
// When one of the two becomes true, if neither is.
int64_t viva_postgres_outage_changes_us(const struct viva_postgres_outage *outage);

#endif
