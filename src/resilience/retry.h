// SPDX-License-Identifier: Apache-2.0
//
// Repeats a failed call with exponential backoff and jitter, within a deadline and a budget. For idempotent calls only.
//
// Threads: any but the event loop's: it sleeps between attempts. A budget is shared by any threads.
#ifndef VIVA_RESILIENCE_RETRY_H
#define VIVA_RESILIENCE_RETRY_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

// What all callers of one target may spend on retries: a token bucket into which each call pays its share, so that a
// target in trouble gets at most that share of additional load.
struct viva_retry_budget;

struct viva_retry_budget_options {
	uint32_t percent;  // of calls that may be retries in the long run; ≤ 100. Default 10.
	uint32_t reserve;  // retries that may be spent at once after a calm time. > 0. Default 10.
};

struct viva_retry_budget_options viva_retry_budget_defaults(void);
// Begins full. VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_retry_budget_create(const struct viva_retry_budget_options *options,
					     struct viva_retry_budget **ret_budget);
// Takes a new percentage over. VIVA_EINVAL.
VIVA_MUST_CHECK int viva_retry_budget_tune(struct viva_retry_budget *budget, uint32_t percent);
struct viva_retry_budget *viva_retry_budget_destroy(struct viva_retry_budget *budget);
VIVA_DEFINE_AUTO(viva_retry_budget)

struct viva_retry_options {
	const char *target;    // the service's name, for metrics and log; borrowed for the call. Default NULL: neither.
	uint32_t max_retries;  // attempts in all, as in the reference design. > 0. Default 3.
	uint32_t base_ms;      // backoff after the first failure; doubles. > 0. Default 1,000.
	uint32_t max_backoff_ms;                      // ≥ base_ms. Default 30,000.
	int64_t deadline_us;                          // monotonic; no sleep goes past it. Default INT64_MAX = none.
	struct viva_retry_budget *budget;             // borrowed. Default NULL: unlimited.
	const struct viva_clock *clock;               // Default the system's.
	struct viva_random *random;                   // Default the system's.
	void (*sleep_us)(int64_t us, void *context);  // Default: sleeps.
	void *sleep_context;
};

struct viva_retry_options viva_retry_defaults(void);

// Calls attempt(context, error) until it succeeds or fails for good, sleeping backoff + a random part of [0, backoff)
// between. The last attempt's code and error are given back: when max_retries are used up, when the error is not
// retryable, when the budget is empty, or when the sleep would end past the deadline. VIVA_EINVAL: bad options. There
// is no hedging: a call is never repeated before the one before it has failed.
VIVA_MUST_CHECK int viva_retry(const struct viva_retry_options *options,
			       int (*attempt)(void *context, struct viva_error *error), void *context,
			       struct viva_error *error);

#endif
