// SPDX-License-Identifier: Apache-2.0
#include "resilience/breaker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"

enum { SLICES = 10, STATES = 3 };

// The results of a tenth of the window.
struct slice {
	int64_t number;  // its beginning in units of its length
	uint32_t calls, failures;
};

struct viva_breaker {
	struct viva_breaker_options options;
	struct viva_metric *state_metric;
	struct viva_metric *transition_metrics[STATES];
	struct viva_metric *trip_in_a_row_metric, *trip_failures_metric, *trip_calls_metric;

	pthread_mutex_t mutex;  // guards all below
	enum viva_breaker_state state;
	uint64_t generation;  // changes with the state and with each trial: permits of another one are ignored
	int64_t changes_us;   // OPEN: when it becomes half-open. HALF_OPEN: when the trial's lease ends; 0 = no trial.
	uint32_t failures_in_a_row;
	struct slice slices[SLICES];
};

struct viva_breaker_options viva_breaker_defaults(const char *target)
{
	return (struct viva_breaker_options){.target = target,
					     .open_ms = 10000,
					     .max_failures_in_a_row = 5,
					     .min_calls = 20,
					     .failure_share = 0.5,
					     .window_ms = 10000,
					     .clock = viva_system_clock()};
}

const char *viva_breaker_state_name(enum viva_breaker_state state)
{
	static const char *const names[] = {"closed", "open", "half_open"};
	return names[state];
}

static void register_metrics(struct viva_breaker *breaker)
{
	char labels[128];
	snprintf(labels, sizeof labels, "target=\"%.40s\"", breaker->options.target);
	breaker->state_metric = viva_gauge("viva_breaker_state", labels, "0 closed, 1 open, 2 half-open");
	for (int state = 0; state < STATES; state++) {
		snprintf(labels, sizeof labels, "target=\"%.40s\",to=\"%s\"", breaker->options.target,
			 viva_breaker_state_name((enum viva_breaker_state)state));
		breaker->transition_metrics[state] =
			viva_counter("viva_breaker_transitions_total", labels, "Changes of a breaker's state");
	}
	viva_metric_set(breaker->state_metric, VIVA_BREAKER_CLOSED);
	snprintf(labels, sizeof labels, "target=\"%.40s\"", breaker->options.target);
	breaker->trip_in_a_row_metric =
		viva_gauge("viva_breaker_trip_failures_in_a_row", labels, "Failures in a row when it opened last");
	breaker->trip_failures_metric =
		viva_gauge("viva_breaker_trip_failures", labels, "Failures in the window when it opened last");
	breaker->trip_calls_metric =
		viva_gauge("viva_breaker_trip_calls", labels, "Calls in the window when it opened last");
}

static bool are_in_range(const struct viva_breaker_options *options)
{
	return options->open_ms > 0 && options->min_calls > 0 && options->window_ms >= SLICES &&
	       options->failure_share > 0 && options->failure_share <= 1;
}

int viva_breaker_create(const struct viva_breaker_options *options, struct viva_breaker **ret_breaker)
{
	if (!options->target || !are_in_range(options))
		return VIVA_EINVAL;
	struct viva_breaker *breaker = calloc(1, sizeof *breaker);
	if (!breaker)
		return VIVA_ENOMEM;
	breaker->options = *options;
	pthread_mutex_init(&breaker->mutex, NULL);
	register_metrics(breaker);
	*ret_breaker = breaker;
	return 0;
}

struct viva_breaker *viva_breaker_destroy(struct viva_breaker *breaker)
{
	if (!breaker)
		return NULL;
	pthread_mutex_destroy(&breaker->mutex);
	free(breaker);
	return NULL;
}

int viva_breaker_tune(struct viva_breaker *breaker, const struct viva_breaker_options *options)
{
	if (!are_in_range(options))
		return VIVA_EINVAL;
	pthread_mutex_lock(&breaker->mutex);
	if (options->window_ms != breaker->options.window_ms)
		memset(breaker->slices, 0, sizeof breaker->slices);
	breaker->options.open_ms = options->open_ms;
	breaker->options.max_failures_in_a_row = options->max_failures_in_a_row;
	breaker->options.min_calls = options->min_calls;
	breaker->options.failure_share = options->failure_share;
	breaker->options.window_ms = options->window_ms;
	pthread_mutex_unlock(&breaker->mutex);
	return 0;
}

static int64_t slice_number(const struct viva_breaker *breaker, int64_t now_us)
{
	return now_us / ((int64_t)breaker->options.window_ms * 1000 / SLICES);
}

static void count(struct viva_breaker *breaker, int64_t now_us, bool is_failure)
{
	int64_t number = slice_number(breaker, now_us);
	struct slice *slice = &breaker->slices[number % SLICES];
	if (slice->number != number)
		*slice = (struct slice){.number = number};
	slice->calls++;
	slice->failures += is_failure;
	breaker->failures_in_a_row = is_failure ? breaker->failures_in_a_row + 1 : 0;
}

// What the window that ends now has seen.
static struct slice sum(const struct viva_breaker *breaker, int64_t now_us)
{
	int64_t number = slice_number(breaker, now_us);
	struct slice total = {.number = number};
	for (int i = 0; i < SLICES; i++) {
		const struct slice *slice = &breaker->slices[i];
		if (slice->number <= number - SLICES)
			continue;
		total.calls += slice->calls;
		total.failures += slice->failures;
	}
	return total;
}

static bool is_too_bad(const struct viva_breaker *breaker, int64_t now_us)
{
	const struct viva_breaker_options *options = &breaker->options;
	if (breaker->failures_in_a_row > options->max_failures_in_a_row)
		return true;
	struct slice seen = sum(breaker, now_us);
	return seen.calls >= options->min_calls && seen.failures >= options->failure_share * seen.calls;
}

// To a new generation with nothing counted.
static void move_to(struct viva_breaker *breaker, enum viva_breaker_state state, int64_t now_us)
{
	breaker->state = state;
	breaker->generation++;
	breaker->failures_in_a_row = 0;
	memset(breaker->slices, 0, sizeof breaker->slices);
	breaker->changes_us = state == VIVA_BREAKER_OPEN ? now_us + (int64_t)breaker->options.open_ms * 1000 : 0;
	viva_metric_set(breaker->state_metric, state);
	viva_metric_add(breaker->transition_metrics[state], 1);
}

static void trip(struct viva_breaker *breaker, int64_t now_us, int code)
{
	struct slice seen = sum(breaker, now_us);
	uint32_t in_a_row = breaker->failures_in_a_row;
	bool was_trial = breaker->state == VIVA_BREAKER_HALF_OPEN;
	move_to(breaker, VIVA_BREAKER_OPEN, now_us);
	viva_metric_set(breaker->trip_in_a_row_metric, in_a_row);
	viva_metric_set(breaker->trip_failures_metric, seen.failures);
	viva_metric_set(breaker->trip_calls_metric, seen.calls);
	if (was_trial)
		viva_log_warn("breaker of %s: open again, the trial failed (%s)", breaker->options.target,
			      viva_error_text(code));
	else
		viva_log_warn(
			"breaker of %s: open for %u ms after %u failures in a row, %u of %u calls in %u ms failed, "
			"the last with: %s",
			breaker->options.target, breaker->options.open_ms, in_a_row, seen.failures, seen.calls,
			breaker->options.window_ms, viva_error_text(code));
}

static void refresh(struct viva_breaker *breaker, int64_t now_us)
{
	if (breaker->state != VIVA_BREAKER_OPEN || now_us < breaker->changes_us)
		return;
	move_to(breaker, VIVA_BREAKER_HALF_OPEN, now_us);
	viva_log_info("breaker of %s: half-open, one call may try", breaker->options.target);
}

// A lease makes a generation of its own, so that a trial which comes back after its deadline decides nothing.
static bool lease_trial(struct viva_breaker *breaker, int64_t now_us, int64_t deadline_us)
{
	if (breaker->changes_us > now_us)
		return false;
	int64_t longest_us = now_us + (int64_t)breaker->options.open_ms * 1000;
	breaker->changes_us = deadline_us == INT64_MAX ? longest_us : deadline_us;
	breaker->generation++;
	return true;
}

int viva_breaker_enter(struct viva_breaker *breaker, int64_t deadline_us, struct viva_breaker_permit *ret_permit,
		       struct viva_error *error)
{
	pthread_mutex_lock(&breaker->mutex);
	int64_t now_us = viva_clock_monotonic_us(breaker->options.clock);
	refresh(breaker, now_us);
	bool may_enter = breaker->state == VIVA_BREAKER_CLOSED ||
			 (breaker->state == VIVA_BREAKER_HALF_OPEN && lease_trial(breaker, now_us, deadline_us));
	if (may_enter)
		ret_permit->generation = breaker->generation;
	pthread_mutex_unlock(&breaker->mutex);
	if (!may_enter)
		return viva_fail(error, VIVA_EBREAKER, NULL, "the circuit breaker of %s is open",
				 breaker->options.target);
	return 0;
}

void viva_breaker_leave(struct viva_breaker *breaker, struct viva_breaker_permit permit, int code)
{
	bool proves_nothing = code == VIVA_ECANCELLED || code == VIVA_EBREAKER || code == VIVA_ECLOSED;
	bool is_failure = viva_error_counts_for_breaker(code);
	pthread_mutex_lock(&breaker->mutex);
	int64_t now_us = viva_clock_monotonic_us(breaker->options.clock);
	if (permit.generation == breaker->generation) {
		bool is_trial = breaker->state == VIVA_BREAKER_HALF_OPEN;
		if (proves_nothing && is_trial) {
			breaker->changes_us = 0;  // the next may try at once
		} else if (is_trial && !is_failure) {
			move_to(breaker, VIVA_BREAKER_CLOSED, now_us);
			viva_log_info("breaker of %s: closed again", breaker->options.target);
		} else if (!proves_nothing) {
			count(breaker, now_us, is_failure);
			if (is_failure && (is_trial || is_too_bad(breaker, now_us)))
				trip(breaker, now_us, code);
		}
	}
	pthread_mutex_unlock(&breaker->mutex);
}

enum viva_breaker_state viva_breaker_state(struct viva_breaker *breaker)
{
	pthread_mutex_lock(&breaker->mutex);
	refresh(breaker, viva_clock_monotonic_us(breaker->options.clock));
	enum viva_breaker_state state = breaker->state;
	pthread_mutex_unlock(&breaker->mutex);
	return state;
}
