// SPDX-License-Identifier: Apache-2.0
#include "resilience/retry.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

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

int viva_retry(const struct viva_retry_options *options, int (*attempt)(void *context, struct viva_error *error),
	       void *context, struct viva_error *error)
{
	if (options->max_retries == 0 || options->base_ms == 0 || options->max_backoff_ms < options->base_ms)
		return viva_fail(error, VIVA_EINVAL, NULL, "a retry needs at least one attempt and a backoff");

	deposit(options->budget);
	int64_t backoff_us = (int64_t)options->base_ms * 1000;
	for (uint32_t i = 0;; i++) {
		struct viva_error failure = {0};
		int code = attempt(context, &failure);
		if (!code)
			return 0;

		int64_t jitter_us = (int64_t)viva_random_below(options->random, (uint64_t)backoff_us);
		int64_t pause_us = backoff_us + jitter_us;
		bool may_go_on = i + 1 < options->max_retries && viva_error_is_retryable(code) &&
				 ends_in_time(options, pause_us) && withdraw(options->budget);
		if (!may_go_on) {
			if (error)
				*error = failure;
			return code;
		}
		options->sleep_us(pause_us, options->sleep_context);
		backoff_us = VIVA_MIN(2 * backoff_us, (int64_t)options->max_backoff_ms * 1000);
	}
}
