// SPDX-License-Identifier: Apache-2.0
#include "resilience/retry.h"

#include <stdbool.h>
#include <string.h>

#include "viva_test.h"

enum { MAX_PAUSES = 64 };

// One retried call: the codes that its attempts give, and what was slept between.
struct script {
	struct fake_clock clock;
	struct viva_seeded_random random;
	struct viva_retry_options options;
	const int *codes;
	int code_count;  // the last one repeats
	int attempts;
	int64_t attempt_takes_us;
	int64_t pauses_us[MAX_PAUSES];
	int pause_count;
};

static void note_sleep(int64_t us, void *context)
{
	struct script *script = context;
	assert_true(script->pause_count < MAX_PAUSES);
	script->pauses_us[script->pause_count++] = us;
	fake_clock_advance_us(&script->clock, us);
}

static int attempt(void *context, struct viva_error *error)
{
	struct script *script = context;
	int index = script->attempts++;
	int code = script->codes[VIVA_MIN(index, script->code_count - 1)];
	fake_clock_advance_us(&script->clock, script->attempt_takes_us);
	return code ? viva_fail(error, code, NULL, "attempt %d", script->attempts) : 0;
}

static void script_init(struct script *script, const int *codes, int code_count)
{
	*script = (struct script){.codes = codes, .code_count = code_count};
	fake_clock_init(&script->clock);
	viva_seeded_random_init(&script->random, 42);
	script->options = viva_retry_defaults();
	script->options.clock = &script->clock.clock;
	script->options.random = &script->random.random;
	script->options.sleep_us = note_sleep;
	script->options.sleep_context = script;
}

static int run(struct script *script, struct viva_error *error)
{
	return viva_retry(&script->options, attempt, script, error);
}

static const int always_down[] = {VIVA_EUNAVAILABLE};

static void test_retry__a_success_needs_one_attempt_and_no_sleep(void **state)
{
	(void)state;
	static const int fine[] = {0};
	struct script script;
	script_init(&script, fine, 1);
	struct viva_error error = {0};
	assert_ok(run(&script, &error));
	assert_int_equal(script.attempts, 1);
	assert_int_equal(script.pause_count, 0);
	assert_int_equal(error.code, 0);
}

static void test_retry__a_late_success_leaves_the_error_untouched(void **state)
{
	(void)state;
	static const int recovering[] = {VIVA_EUNAVAILABLE, VIVA_EDEADLINE, 0};
	struct script script;
	script_init(&script, recovering, 3);
	struct viva_error error = {0};
	assert_ok(run(&script, &error));
	assert_int_equal(script.attempts, 3);
	assert_string_equal(error.message, "");
}

static void test_retry__max_retries_counts_all_attempts_and_the_last_error_is_told(void **state)
{
	(void)state;
	struct script script;
	script_init(&script, always_down, 1);
	script.options.max_retries = 4;
	struct viva_error error = {0};
	assert_error(run(&script, &error), VIVA_EUNAVAILABLE);
	assert_int_equal(script.attempts, 4);
	assert_int_equal(script.pause_count, 3);  // none after the last, as in the reference design
	assert_string_equal(error.message, "attempt 4");
}

static void test_retry__backoff_doubles_to_thirty_seconds_with_jitter_below_itself(void **state)
{
	(void)state;
	static const int64_t backoffs_s[] = {1, 2, 4, 8, 16, 30, 30, 30};
	bool had_small_jitter = false, had_large_jitter = false;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct script script;
		script_init(&script, always_down, 1);
		viva_seeded_random_init(&script.random, seed);
		script.options.max_retries = VIVA_COUNT(backoffs_s) + 1;
		assert_error(run(&script, NULL), VIVA_EUNAVAILABLE);
		assert_int_equal(script.pause_count, VIVA_COUNT(backoffs_s));
		for (size_t i = 0; i < VIVA_COUNT(backoffs_s); i++) {
			int64_t backoff_us = backoffs_s[i] * 1000000;
			int64_t jitter_us = script.pauses_us[i] - backoff_us;
			assert_true(jitter_us >= 0 && jitter_us < backoff_us);
			had_small_jitter |= jitter_us < backoff_us / 10;
			had_large_jitter |= jitter_us > backoff_us * 9 / 10;
		}
	}
	assert_true(had_small_jitter && had_large_jitter);
}

static void test_retry__what_cannot_succeed_is_not_repeated(void **state)
{
	(void)state;
	static const int final[] = {VIVA_EINVAL, VIVA_ENOTFOUND, VIVA_ECANCELLED, VIVA_EUNAUTHORIZED, VIVA_EINTERNAL};
	for (size_t i = 0; i < VIVA_COUNT(final); i++) {
		struct script script;
		script_init(&script, &final[i], 1);
		assert_error(run(&script, NULL), final[i]);
		assert_int_equal(script.attempts, 1);
	}
}

static void test_retry__no_sleep_goes_past_the_deadline(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct script script;
		script_init(&script, always_down, 1);
		viva_seeded_random_init(&script.random, seed);
		script.options.max_retries = 50;
		script.options.deadline_us = viva_clock_monotonic_us(&script.clock.clock) + 20000000;
		script.attempt_takes_us = 1000;
		assert_error(run(&script, NULL), VIVA_EUNAVAILABLE);
		int64_t last_attempt_began_us = viva_clock_monotonic_us(&script.clock.clock) - script.attempt_takes_us;
		assert_true(last_attempt_began_us < script.options.deadline_us);
		assert_true(script.attempts >= 3 && script.attempts < 6);
	}
}

static void test_retry__past_the_deadline_the_first_attempt_is_the_last(void **state)
{
	(void)state;
	struct script script;
	script_init(&script, always_down, 1);
	script.options.deadline_us = viva_clock_monotonic_us(&script.clock.clock) - 1;
	assert_error(run(&script, NULL), VIVA_EUNAVAILABLE);
	assert_int_equal(script.attempts, 1);
	assert_int_equal(script.pause_count, 0);
}

static void test_retry__the_budget_stops_a_storm(void **state)
{
	(void)state;
	struct viva_retry_budget_options options = viva_retry_budget_defaults();
	VIVA_AUTO(viva_retry_budget) budget = NULL;
	assert_ok(viva_retry_budget_create(&options, &budget));
	int calls = 2000, attempts = 0;
	for (int i = 0; i < calls; i++) {
		struct script script;
		script_init(&script, always_down, 1);
		script.options.budget = budget;
		assert_error(run(&script, NULL), VIVA_EUNAVAILABLE);
		attempts += script.attempts;
	}
	int retries = attempts - calls;
	assert_in_range(retries, calls / 10, calls / 10 + 10);  // a tenth, and the reserve it began with
}

static void test_retry__successes_fill_the_budget_up_to_its_reserve(void **state)
{
	(void)state;
	static const int fine[] = {0};
	struct viva_retry_budget_options options = {.percent = 10, .reserve = 2};
	VIVA_AUTO(viva_retry_budget) budget = NULL;
	assert_ok(viva_retry_budget_create(&options, &budget));
	for (int round = 0; round < 3; round++) {
		struct script script;
		for (int i = 0; i < 100; i++) {
			script_init(&script, fine, 1);
			script.options.budget = budget;
			assert_ok(run(&script, NULL));
		}
		script_init(&script, always_down, 1);
		script.options.budget = budget;
		script.options.max_retries = 10;
		assert_error(run(&script, NULL), VIVA_EUNAVAILABLE);
		assert_int_equal(script.attempts, 3);
	}
}

static void test_retry__options_that_allow_nothing_are_refused(void **state)
{
	(void)state;
	struct script script;
	script_init(&script, always_down, 1);
	script.options.max_retries = 0;
	assert_error(run(&script, NULL), VIVA_EINVAL);
	script.options = viva_retry_defaults();
	script.options.base_ms = 0;
	assert_error(run(&script, NULL), VIVA_EINVAL);
	assert_int_equal(script.attempts, 0);
	struct viva_retry_budget *budget = NULL;
	assert_error(
		viva_retry_budget_create(&(struct viva_retry_budget_options){.percent = 101, .reserve = 1}, &budget),
		VIVA_EINVAL);
	assert_error(viva_retry_budget_create(&(struct viva_retry_budget_options){.percent = 10}, &budget),
		     VIVA_EINVAL);
	assert_null(budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry__a_success_needs_one_attempt_and_no_sleep),
		cmocka_unit_test(test_retry__a_late_success_leaves_the_error_untouched),
		cmocka_unit_test(test_retry__max_retries_counts_all_attempts_and_the_last_error_is_told),
		cmocka_unit_test(test_retry__backoff_doubles_to_thirty_seconds_with_jitter_below_itself),
		cmocka_unit_test(test_retry__what_cannot_succeed_is_not_repeated),
		cmocka_unit_test(test_retry__no_sleep_goes_past_the_deadline),
		cmocka_unit_test(test_retry__past_the_deadline_the_first_attempt_is_the_last),
		cmocka_unit_test(test_retry__the_budget_stops_a_storm),
		cmocka_unit_test(test_retry__successes_fill_the_budget_up_to_its_reserve),
		cmocka_unit_test(test_retry__options_that_allow_nothing_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
