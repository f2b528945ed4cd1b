// SPDX-License-Identifier: Apache-2.0
#include "resilience/retry.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/metrics.h"

// Tokens are counted in hundredths: a call pays `percent` of them in, a retry takes 100 out.
enum { RETRY_COST = 100 };

struct viva_retry_budget {
	uint32_t percent;
	uint64_t capacity;
	pthread_mutex_t mutex;
	uint64_t balance;
};

struct viva_retry_budget_options viva_retry_budget_defaults(void)
{
	return (struct viva_retry_budget_options){.percent = 10, .reserve = 10};
}

int viva_retry_budget_create(const struct viva_retry_budget_options *options, struct viva_retry_budget **ret_budget)
{
	if (options->percent > 100 || options->reserve == 0)
		return VIVA_EINVAL;
	struct viva_retry_budget *budget = calloc(1, sizeof *budget);
	if (!budget)
		return VIVA_ENOMEM;
	budget->percent = options->percent;
	budget->capacity = (uint64_t)options->reserve * RETRY_COST;
	budget->balance = budget->capacity;
	pthread_mutex_init(&budget->mutex, NULL);
	*ret_budget = budget;
	return 0;
}

struct viva_retry_budget *viva_retry_budget_destroy(struct viva_retry_budget *budget)
{
	if (!budget)
		return NULL;
	pthread_mutex_destroy(&budget->mutex);
	free(budget);
	return NULL;
}

int viva_retry_budget_tune(struct viva_retry_budget *budget, uint32_t percent)
{
	if (percent > 100)
		return VIVA_EINVAL;
	pthread_mutex_lock(&budget->mutex);
	budget->percent = percent;
	pthread_mutex_unlock(&budget->mutex);
	return 0;
}

static void deposit(struct viva_retry_budget *budget)
{
	if (!budget)
		return;
	pthread_mutex_lock(&budget->mutex);
	budget->balance = VIVA_MIN(budget->capacity, budget->balance + budget->percent);
	pthread_mutex_unlock(&budget->mutex);
}

static bool withdraw(struct viva_retry_budget *budget)
{
	if (!budget)
		return true;
	pthread_mutex_lock(&budget->mutex);
	bool is_covered = budget->balance >= RETRY_COST;
	if (is_covered)
		budget->balance -= RETRY_COST;
	pthread_mutex_unlock(&budget->mutex);
	return is_covered;
}

static void sleep_us(int64_t us, void *context)
{
	(void)context;
	struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
		;
}

struct viva_retry_options viva_retry_defaults(void)
{
	return (struct viva_retry_options){.max_retries = 3,
					   .base_ms = 1000,
					   .max_backoff_ms = 30000,
					   .deadline_us = INT64_MAX,
					   .clock = viva_system_clock(),
					   .random = viva_system_random(),
					   .sleep_us = sleep_us};
}

static bool ends_in_time(const struct viva_retry_options *options, int64_t pause_us)
{
	return options->deadline_us == INT64_MAX ||
	       viva_clock_monotonic_us(options->clock) < options->deadline_us - pause_us;
}

// Why a failed call is not repeated; NULL = it may be.
static const char *objection(const struct viva_retry_options *options, uint32_t attempts, int code, int64_t pause_us)
{
	if (!viva_error_is_retryable(code))
		return "final";
	if (attempts >= options->max_retries)
		return "attempts";
	if (!ends_in_time(options, pause_us))
		return "deadline";
	return withdraw(options->budget) ? NULL : "budget";
}

static void tell_pause(const struct viva_retry_options *options, uint32_t attempts, int code, int64_t backoff_us,
		       int64_t jitter_us)
{
	if (!options->target)
		return;
	char label[64];
	snprintf(label, sizeof label, "target=\"%.40s\"", options->target);
	viva_metric_add(viva_counter("viva_retries_total", label, "Calls that were repeated after a failure"), 1);
	viva_log_debug("call to %s: attempt %u of %u failed (%s), the next in %.1f ms (backoff %.1f, jitter %.1f)",
		       options->target, attempts, options->max_retries, viva_error_text(code),
		       (double)(backoff_us + jitter_us) / 1e3, (double)backoff_us / 1e3, (double)jitter_us / 1e3);
}

static void tell_end(const struct viva_retry_options *options, uint32_t attempts, int code, const char *reason)
{
	if (!options->target)
		return;
	char label[96];
	snprintf(label, sizeof label, "target=\"%.40s\",reason=\"%s\"", options->target, reason);
	viva_metric_add(
		viva_counter("viva_retries_refused_total", label, "Failed calls that were not repeated, and why"), 1);
	viva_log_debug("call to %s: attempt %u of %u failed (%s), and no more (%s)", options->target, attempts,
		       options->max_retries, viva_error_text(code), reason);
}

int viva_retry(const struct viva_retry_options *options, int (*attempt)(void *context, struct viva_error *error),
	       void *context, struct viva_error *error)
{
	if (options->max_retries == 0 || options->base_ms == 0 || options->max_backoff_ms < options->base_ms)
		return viva_fail(error, VIVA_EINVAL, NULL, "a retry needs at least one attempt and a backoff");

	deposit(options->budget);
	int64_t backoff_us = (int64_t)options->base_ms * 1000;
	for (uint32_t attempts = 1;; attempts++) {
		struct viva_error failure = {0};
		int code = attempt(context, &failure);
		if (!code)
			return 0;

		int64_t jitter_us = (int64_t)viva_random_below(options->random, (uint64_t)backoff_us);
		const char *reason = objection(options, attempts, code, backoff_us + jitter_us);
		if (reason) {
			tell_end(options, attempts, code, reason);
			if (error)
				*error = failure;
			return code;
		}
		tell_pause(options, attempts, code, backoff_us, jitter_us);
		options->sleep_us(backoff_us + jitter_us, options->sleep_context);
		backoff_us = VIVA_MIN(2 * backoff_us, (int64_t)options->max_backoff_ms * 1000);
	}
}
