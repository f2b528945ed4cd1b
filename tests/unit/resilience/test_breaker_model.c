// SPDX-License-Identifier: Apache-2.0
//
// The breaker under thousands of random schedules of calls that overlap: beside a plain reimplementation of
// sony/gobreaker's rules, and against what must hold whatever comes.
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "resilience/breaker.h"
#include "viva_test.h"

enum { SCHEDULES = 3000, STEPS = 200, MAX_CALLS = 8, OPEN_MS = 1000, MAX_IN_A_ROW = 5, LONGEST_CALL_MS = 3000 };

// gobreaker.go of v1, with MaxRequests 1, Interval 0, Timeout OPEN_MS and the default ReadyToTrip. One difference in
// taste: it is half-open when the timeout has passed, not only after it.
struct model {
	enum viva_breaker_state state;
	uint64_t generation;
	uint32_t requests, consecutive_successes, consecutive_failures;
	int64_t expiry_us;
};

static void model_new_generation(struct model *model, enum viva_breaker_state state, int64_t now_us)
{
	*model = (struct model){.state = state, .generation = model->generation + 1};
	if (state == VIVA_BREAKER_OPEN)
		model->expiry_us = now_us + OPEN_MS * 1000;
}

static void model_current_state(struct model *model, int64_t now_us)
{
	if (model->state == VIVA_BREAKER_OPEN && now_us >= model->expiry_us)
		model_new_generation(model, VIVA_BREAKER_HALF_OPEN, now_us);
}

static bool model_before_request(struct model *model, int64_t now_us, uint64_t *ret_generation)
{
	model_current_state(model, now_us);
	if (model->state == VIVA_BREAKER_OPEN || (model->state == VIVA_BREAKER_HALF_OPEN && model->requests >= 1))
		return false;
	model->requests++;
	*ret_generation = model->generation;
	return true;
}

static void model_after_request(struct model *model, int64_t now_us, uint64_t before, bool is_success)
{
	model_current_state(model, now_us);
	if (before != model->generation)
		return;
	if (is_success) {
		model->consecutive_successes++;
		model->consecutive_failures = 0;
		if (model->state == VIVA_BREAKER_HALF_OPEN && model->consecutive_successes >= 1)
			model_new_generation(model, VIVA_BREAKER_CLOSED, now_us);
		return;
	}
	model->consecutive_failures++;
	model->consecutive_successes = 0;
	if (model->state == VIVA_BREAKER_HALF_OPEN || model->consecutive_failures > MAX_IN_A_ROW)
		model_new_generation(model, VIVA_BREAKER_OPEN, now_us);
}

// A call under way, in both.
struct call {
	bool is_used;
	struct viva_breaker_permit permit;
	uint64_t model_generation;
};

static struct viva_breaker *create(const struct fake_clock *clock)
{
	struct viva_breaker_options options = viva_breaker_defaults("model");
	options.clock = &clock->clock;
	options.open_ms = OPEN_MS;
	options.min_calls = UINT32_MAX;  // gobreaker's default knows no share of failures
	struct viva_breaker *breaker = NULL;
	assert_ok(viva_breaker_create(&options, &breaker));
	return breaker;
}

// 0, an error of the callee, or one of the caller, which proves the callee well.
static int random_outcome(struct viva_random *random, unsigned failure_percent)
{
	static const int bad[] = {VIVA_EUNAVAILABLE, VIVA_EDEADLINE, VIVA_EINTERNAL, VIVA_EOVERLOAD};
	if (viva_random_below(random, 100) < failure_percent)
		return bad[viva_random_below(random, VIVA_COUNT(bad))];
	return viva_random_below(random, 3) == 0 ? VIVA_EINVAL : 0;
}

static void run_beside_model(uint64_t seed)
{
	struct fake_clock clock;
	struct viva_seeded_random random;
	struct model model = {0};
	struct call calls[MAX_CALLS] = {0};
	fake_clock_init(&clock);
	viva_seeded_random_init(&random, seed);
	VIVA_AUTO(viva_breaker) breaker = create(&clock);
	unsigned failure_percent = (unsigned)viva_random_below(&random.random, 100);
	for (int step = 0; step < STEPS; step++) {
		int64_t now_us = viva_clock_monotonic_us(&clock.clock);
		struct call *call = &calls[viva_random_below(&random.random, MAX_CALLS)];
		if (viva_random_below(&random.random, 5) == 0) {
			fake_clock_advance_us(&clock, (int64_t)viva_random_below(&random.random, 700 * 1000));
		} else if (call->is_used) {
			int outcome = random_outcome(&random.random, failure_percent);
			viva_breaker_leave(breaker, call->permit, outcome);
			model_after_request(&model, now_us, call->model_generation,
					    !viva_error_counts_for_breaker(outcome));
			call->is_used = false;
		} else {
			// A deadline beyond the schedule: gobreaker's trials have none.
			int result = viva_breaker_enter(breaker, now_us + INT64_C(1000000000000), &call->permit, NULL);
			call->is_used = model_before_request(&model, now_us, &call->model_generation);
			if ((result == 0) != call->is_used)
				fail_msg("seed %llu, step %d: one lets the call pass, the other doesn't",
					 (unsigned long long)seed, step);
		}
		model_current_state(&model, viva_clock_monotonic_us(&clock.clock));
		if (viva_breaker_state(breaker) != model.state)
			fail_msg("seed %llu, step %d: %s, and gobreaker is %s", (unsigned long long)seed, step,
				 viva_breaker_state_name(viva_breaker_state(breaker)),
				 viva_breaker_state_name(model.state));
	}
}

static void test_breaker__does_what_gobreaker_does(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
		run_beside_model(seed);
}

// A call under way, and what the observer remembers of it.
struct watched {
	bool is_used;
	bool is_trial;
	struct viva_breaker_permit permit;
	int64_t entered_in;  // how many changes of state there had been
};

struct observer {
	uint64_t seed;
	struct fake_clock clock;
	struct viva_seeded_random random;
	struct viva_breaker *breaker;
	struct watched calls[MAX_CALLS];
	enum viva_breaker_state seen;
	int64_t changes;        // of state
	int64_t opened_us;      // when it opened last
	int64_t lease_ends_us;  // of the last trial in this half-open time; 0 = none, or cancelled
	uint32_t in_a_row;      // failures that counted since the last change or success
};

static int64_t now_of(const struct observer *observer)
{
	return viva_clock_monotonic_us(&observer->clock.clock);
}

static void check(const struct observer *observer, bool is_right, const char *what)
{
	if (!is_right)
		fail_msg("seed %llu: %s", (unsigned long long)observer->seed, what);
}

static void observe(struct observer *observer, bool may_open, bool may_close)
{
	enum viva_breaker_state state = viva_breaker_state(observer->breaker);
	if (state == observer->seen)
		return;
	if (state == VIVA_BREAKER_OPEN) {
		check(observer, may_open, "it opened without a failure that says so");
		observer->opened_us = now_of(observer);
	} else if (state == VIVA_BREAKER_HALF_OPEN) {
		check(observer, now_of(observer) - observer->opened_us >= OPEN_MS * 1000, "it was open too short");
	} else {
		check(observer, may_close, "it closed without a trial that succeeded");
	}
	observer->seen = state;
	observer->changes++;
	observer->in_a_row = 0;
	observer->lease_ends_us = 0;
}

static void begin_call(struct observer *observer, struct watched *call)
{
	int64_t now_us = now_of(observer);
	int64_t deadline_us = now_us + 1 + (int64_t)viva_random_below(&observer->random.random, LONGEST_CALL_MS * 1000);
	observe(observer, false, false);
	if (viva_breaker_enter(observer->breaker, deadline_us, &call->permit, NULL) != 0) {
		check(observer, observer->seen != VIVA_BREAKER_CLOSED, "a closed one refused");
		check(observer, observer->seen == VIVA_BREAKER_OPEN || observer->lease_ends_us > now_us,
		      "a half-open one refused without a trial under way");
		return;
	}
	check(observer, observer->seen != VIVA_BREAKER_OPEN, "an open one let a call pass");
	call->is_used = true;
	call->is_trial = observer->seen == VIVA_BREAKER_HALF_OPEN;
	call->entered_in = observer->changes;
	if (!call->is_trial)
		return;
	check(observer, observer->lease_ends_us <= now_us, "two trials at a time");
	for (size_t i = 0; i < MAX_CALLS; i++)
		if (&observer->calls[i] != call)
			observer->calls[i].is_trial = false;  // a trial whose lease has ended decides nothing
	observer->lease_ends_us = deadline_us;
}

static void end_call(struct observer *observer, struct watched *call, int outcome)
{
	observe(observer, false, false);
	bool is_current = call->entered_in == observer->changes;
	bool is_trial = is_current && call->is_trial && observer->seen == VIVA_BREAKER_HALF_OPEN;
	bool counts = is_current && (is_trial || observer->seen == VIVA_BREAKER_CLOSED) && outcome != VIVA_ECANCELLED;
	bool is_failure = viva_error_counts_for_breaker(outcome);
	if (counts)
		observer->in_a_row = is_failure ? observer->in_a_row + 1 : 0;
	bool may_open = counts && is_failure && (is_trial || observer->in_a_row > MAX_IN_A_ROW);
	viva_breaker_leave(observer->breaker, call->permit, outcome);
	call->is_used = false;
	if (is_trial && outcome == VIVA_ECANCELLED)
		observer->lease_ends_us = 0;  // the next may try at once
	enum viva_breaker_state before = observer->seen;
	observe(observer, may_open, is_trial && !is_failure);
	check(observer, !may_open || observer->changes > call->entered_in, "it did not open");
	check(observer, !(is_trial && outcome == 0) || before != observer->seen, "it did not close");
}

static void run_observed(uint64_t seed)
{
	struct observer observer = {.seed = seed};
	fake_clock_init(&observer.clock);
	viva_seeded_random_init(&observer.random, seed);
	VIVA_AUTO(viva_breaker) breaker = create(&observer.clock);
	observer.breaker = breaker;
	unsigned failure_percent = (unsigned)viva_random_below(&observer.random.random, 101);
	for (int step = 0; step < STEPS; step++) {
		struct watched *call = &observer.calls[viva_random_below(&observer.random.random, MAX_CALLS)];
		uint64_t kind = viva_random_below(&observer.random.random, 10);
		if (kind < 2)
			fake_clock_advance_us(&observer.clock,
					      (int64_t)viva_random_below(&observer.random.random, 900 * 1000));
		else if (!call->is_used)
			begin_call(&observer, call);
		else if (kind < 3)
			call->is_used = false;  // never comes back
		else if (kind < 4)
			end_call(&observer, call, VIVA_ECANCELLED);
		else
			end_call(&observer, call, random_outcome(&observer.random.random, failure_percent));
	}
	// Whatever has happened, it is never shut for good.
	struct viva_breaker_permit permit;
	fake_clock_advance_ms(&observer.clock, OPEN_MS + LONGEST_CALL_MS);
	check(&observer, viva_breaker_enter(breaker, INT64_MAX, &permit, NULL) == 0, "it is shut for good");
}

static void test_breaker__no_schedule_breaks_its_promises(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SCHEDULES; seed++)
		run_observed(seed);
}

static void test_breaker__takes_other_limits_over_while_it_works(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	VIVA_AUTO(viva_breaker) breaker = create(&clock);
	struct viva_breaker_options options = viva_breaker_defaults("model");
	struct viva_breaker_permit permit;
	options.max_failures_in_a_row = 1;
	options.open_ms = 50;
	assert_ok(viva_breaker_tune(breaker, &options));
	for (int i = 0; i < 2; i++) {
		assert_ok(viva_breaker_enter(breaker, INT64_MAX, &permit, NULL));
		viva_breaker_leave(breaker, permit, VIVA_EUNAVAILABLE);
	}
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_OPEN);
	fake_clock_advance_ms(&clock, 50);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_HALF_OPEN);
	options.open_ms = 0;
	assert_error(viva_breaker_tune(breaker, &options), VIVA_EINVAL);
}

int main(void)
{
	viva_log_set_level(VIVA_LOG_ERROR);  // of the many changes of state
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_breaker__does_what_gobreaker_does),
		cmocka_unit_test(test_breaker__no_schedule_breaks_its_promises),
		cmocka_unit_test(test_breaker__takes_other_limits_over_while_it_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
