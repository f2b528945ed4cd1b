// SPDX-License-Identifier: Apache-2.0
#include "resilience/breaker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "viva_test.h"

static struct fake_clock clock_of_test;

static int set_up(void **state)
{
	(void)state;
	fake_clock_init(&clock_of_test);
	viva_log_set_level(VIVA_LOG_ERROR);
	return 0;
}

static struct viva_breaker_options options_of(const char *target)
{
	struct viva_breaker_options options = viva_breaker_defaults(target);
	options.clock = &clock_of_test.clock;
	return options;
}

static struct viva_breaker *breaker_of(const char *target)
{
	struct viva_breaker_options options = options_of(target);
	struct viva_breaker *breaker = NULL;
	assert_ok(viva_breaker_create(&options, &breaker));
	return breaker;
}

static struct viva_breaker_permit enter(struct viva_breaker *breaker)
{
	struct viva_breaker_permit permit;
	assert_ok(viva_breaker_enter(breaker, INT64_MAX, &permit, NULL));
	return permit;
}

static void call(struct viva_breaker *breaker, int code)
{
	viva_breaker_leave(breaker, enter(breaker), code);
}

static void assert_refuses(struct viva_breaker *breaker)
{
	struct viva_breaker_permit permit;
	struct viva_error error = {0};
	assert_error(viva_breaker_enter(breaker, INT64_MAX, &permit, &error), VIVA_EBREAKER);
	assert_non_null(strstr(error.message, "breaker"));
}

static void open_up(struct viva_breaker *breaker)
{
	for (int i = 0; i < 6; i++)
		call(breaker, VIVA_EUNAVAILABLE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_OPEN);
}

static void test_breaker__opens_after_more_than_five_failures_in_a_row(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 5; i++)
		call(breaker, VIVA_EUNAVAILABLE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
	call(breaker, VIVA_EDEADLINE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_OPEN);
	assert_refuses(breaker);
}

static void test_breaker__a_success_ends_the_row(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5; i++)
			call(breaker, VIVA_EUNAVAILABLE);
		for (int i = 0; i < 20; i++)
			call(breaker, 0);
	}
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__a_row_may_take_its_time(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
		fake_clock_advance_ms(&clock_of_test, 60000);
		call(breaker, VIVA_EDEADLINE);
	}
	assert_refuses(breaker);
}

static void test_breaker__half_of_twenty_calls_is_too_much(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 19; i++)
		call(breaker, i % 2 ? VIVA_EINTERNAL : 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
	call(breaker, VIVA_EINTERNAL);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_OPEN);
}

static void test_breaker__less_than_half_is_borne(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 1000; i++)
		call(breaker, i % 5 < 2 ? VIVA_EINTERNAL : 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__what_lies_ten_seconds_back_is_forgotten(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 18; i++)
		call(breaker, i % 2 ? VIVA_EINTERNAL : 0);
	fake_clock_advance_ms(&clock_of_test, 10000);
	for (int i = 0; i < 10; i++)
		call(breaker, i % 2 ? VIVA_EINTERNAL : 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__the_callers_faults_prove_the_callee_well(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 100; i++)
		call(breaker, VIVA_EINVAL);
	for (int i = 0; i < 5; i++)
		call(breaker, VIVA_EUNAVAILABLE);
	call(breaker, VIVA_EIMAGE);
	for (int i = 0; i < 5; i++)
		call(breaker, VIVA_EUNAVAILABLE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__cancelled_calls_neither_start_nor_end_a_row(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	for (int i = 0; i < 5; i++) {
		call(breaker, VIVA_EUNAVAILABLE);
		call(breaker, VIVA_ECANCELLED);
		call(breaker, VIVA_EBREAKER);
		call(breaker, VIVA_ECLOSED);
	}
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
	call(breaker, VIVA_EUNAVAILABLE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_OPEN);
}

static void test_breaker__half_open_lets_exactly_one_through(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 9999);
	assert_refuses(breaker);
	fake_clock_advance_ms(&clock_of_test, 1);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_HALF_OPEN);
	struct viva_breaker_permit trial = enter(breaker);
	for (int i = 0; i < 10; i++)
		assert_refuses(breaker);
	viva_breaker_leave(breaker, trial, 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
	call(breaker, 0);
}

static void test_breaker__a_failed_trial_opens_it_for_the_whole_time_again(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	struct viva_breaker_permit trial = enter(breaker);
	fake_clock_advance_ms(&clock_of_test, 500);
	viva_breaker_leave(breaker, trial, VIVA_EUNAVAILABLE);
	fake_clock_advance_ms(&clock_of_test, 9999);
	assert_refuses(breaker);
	fake_clock_advance_ms(&clock_of_test, 1);
	call(breaker, VIVA_EINVAL);  // answered: the callee is back
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__a_trial_that_hangs_loses_its_lease_at_its_deadline(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	struct viva_breaker_permit hung, second;
	int64_t now_us = viva_clock_monotonic_us(&clock_of_test.clock);
	assert_ok(viva_breaker_enter(breaker, now_us + 2000000, &hung, NULL));
	fake_clock_advance_ms(&clock_of_test, 1999);
	assert_refuses(breaker);
	fake_clock_advance_ms(&clock_of_test, 1);
	assert_ok(viva_breaker_enter(breaker, now_us + 9000000, &second, NULL));

	viva_breaker_leave(breaker, hung, 0);  // too late to decide anything
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_HALF_OPEN);
	assert_refuses(breaker);
	viva_breaker_leave(breaker, second, 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__a_trial_without_a_deadline_cannot_wedge_it(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	enter(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	viva_breaker_leave(breaker, enter(breaker), 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__a_cancelled_trial_makes_room_for_the_next(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	viva_breaker_leave(breaker, enter(breaker), VIVA_ECANCELLED);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_HALF_OPEN);
	call(breaker, 0);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__calls_from_before_the_trip_decide_nothing_after_it(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	struct viva_breaker_permit early[20];
	for (size_t i = 0; i < VIVA_COUNT(early); i++)
		early[i] = enter(breaker);
	open_up(breaker);
	viva_breaker_leave(breaker, early[0], 0);
	assert_refuses(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	call(breaker, 0);
	for (size_t i = 1; i < VIVA_COUNT(early); i++)
		viva_breaker_leave(breaker, early[i], VIVA_EUNAVAILABLE);
	assert_int_equal(viva_breaker_state(breaker), VIVA_BREAKER_CLOSED);
}

static void test_breaker__bad_options_are_refused(void **state)
{
	(void)state;
	struct viva_breaker *breaker = NULL;
	struct viva_breaker_options options = options_of(NULL);
	assert_error(viva_breaker_create(&options, &breaker), VIVA_EINVAL);
	options = options_of("emotion");
	options.open_ms = 0;
	assert_error(viva_breaker_create(&options, &breaker), VIVA_EINVAL);
	options = options_of("emotion");
	options.failure_share = 1.5;
	assert_error(viva_breaker_create(&options, &breaker), VIVA_EINVAL);
	fail_next_allocation(0);
	options = options_of("emotion");
	assert_error(viva_breaker_create(&options, &breaker), VIVA_ENOMEM);
	assert_null(breaker);
	assert_null(viva_breaker_destroy(NULL));
}

static void test_breaker__its_state_is_in_the_metrics(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("measured");
	open_up(breaker);
	struct viva_buffer text;
	viva_buffer_init(&text, 1 << 20);
	assert_ok(viva_metrics_write(&text));
	assert_ok(viva_buffer_append(&text, "", 1));
	assert_non_null(strstr((char *)text.data, "viva_breaker_state{target=\"measured\"} 1\n"));
	assert_non_null(
		strstr((char *)text.data, "viva_breaker_transitions_total{target=\"measured\",to=\"open\"} 1\n"));
	viva_buffer_finish(&text);
}

// The rules once more, written down as plainly as can be: every result is kept, sums are made by counting them.
struct model {
	enum viva_breaker_state state;
	int64_t opened_ms;
	int64_t lease_ends_ms;  // 0 = no trial is out
	int epoch;              // a state, or a trial, of its own
	int row;
	struct {
		int64_t ms;
		bool is_failure;
	} results[4000];
	int result_count;
};

static void model_move(struct model *model, enum viva_breaker_state state, int64_t now_ms)
{
	model->state = state;
	model->epoch++;
	model->row = 0;
	model->result_count = 0;
	model->lease_ends_ms = 0;
	model->opened_ms = now_ms;
}

static enum viva_breaker_state model_state(struct model *model, int64_t now_ms)
{
	if (model->state == VIVA_BREAKER_OPEN && now_ms - model->opened_ms >= 10000)
		model_move(model, VIVA_BREAKER_HALF_OPEN, now_ms);
	return model->state;
}

// The epoch of the admitted call, or 0.
static int model_enter(struct model *model, int64_t now_ms, int64_t deadline_ms)
{
	switch (model_state(model, now_ms)) {
	case VIVA_BREAKER_CLOSED:
		return model->epoch;
	case VIVA_BREAKER_HALF_OPEN:
		if (model->lease_ends_ms > now_ms)
			return 0;
		model->lease_ends_ms = deadline_ms;
		return ++model->epoch;
	default:
		return 0;
	}
}

static bool model_is_too_bad(const struct model *model, int64_t now_ms)
{
	int calls = 0, failures = 0;
	for (int i = 0; i < model->result_count; i++) {
		if (model->results[i].ms / 1000 > now_ms / 1000 - 10) {
			calls++;
			failures += model->results[i].is_failure;
		}
	}
	return model->row > 5 || (calls >= 20 && 2 * failures >= calls);
}

static void model_leave(struct model *model, int64_t now_ms, int epoch, int code)
{
	if (epoch != model->epoch)
		return;
	bool is_failure = code == VIVA_EUNAVAILABLE || code == VIVA_EDEADLINE;
	if (code == VIVA_ECANCELLED) {
		model->lease_ends_ms = 0;
	} else if (model->state == VIVA_BREAKER_HALF_OPEN) {
		model_move(model, is_failure ? VIVA_BREAKER_OPEN : VIVA_BREAKER_CLOSED, now_ms);
	} else {
		assert_true(model->result_count < (int)VIVA_COUNT(model->results));
		model->results[model->result_count].ms = now_ms;
		model->results[model->result_count++].is_failure = is_failure;
		model->row = is_failure ? model->row + 1 : 0;
		if (is_failure && model_is_too_bad(model, now_ms))
			model_move(model, VIVA_BREAKER_OPEN, now_ms);
	}
}

static void run_against_model(uint64_t seed)
{
	static const int codes[] = {0, VIVA_EINVAL, VIVA_ECANCELLED, VIVA_EUNAVAILABLE, VIVA_EDEADLINE};
	struct viva_seeded_random seeded;
	viva_seeded_random_init(&seeded, seed);
	struct viva_random *random = &seeded.random;
	uint64_t badness = viva_random_below(random, 100);
	uint64_t pace_ms = 1 + viva_random_below(random, 3000);
	struct {
		struct viva_breaker_permit permit;
		int epoch;
	} out[8];
	size_t out_count = 0;
	static struct model model;
	memset(&model, 0, sizeof model);
	model.epoch = 1;
	fake_clock_init(&clock_of_test);
	VIVA_AUTO(viva_breaker) breaker = breaker_of("model");

	for (int step = 0; step < 3000; step++) {
		fake_clock_advance_ms(&clock_of_test, (int64_t)viva_random_below(random, pace_ms));
		int64_t now_ms = viva_clock_now_ms(&clock_of_test.clock);
		if (out_count < VIVA_COUNT(out) && viva_random_below(random, 2)) {
			int64_t deadline_ms = now_ms + 1 + (int64_t)viva_random_below(random, 5000);
			int epoch = model_enter(&model, now_ms, deadline_ms);
			int status = viva_breaker_enter(breaker, deadline_ms * 1000, &out[out_count].permit, NULL);
			assert_int_equal(status, epoch ? 0 : VIVA_EBREAKER);
			out[out_count].epoch = epoch;
			out_count += epoch != 0;
		} else if (out_count > 0) {
			size_t chosen = viva_random_below(random, out_count);
			int code = viva_random_below(random, 100) < badness ? codes[3 + viva_random_below(random, 2)]
									    : codes[viva_random_below(random, 3)];
			model_leave(&model, now_ms, out[chosen].epoch, code);
			viva_breaker_leave(breaker, out[chosen].permit, code);
			out[chosen] = out[--out_count];
		}
		assert_int_equal(viva_breaker_state(breaker), model_state(&model, now_ms));
	}
}

static void test_breaker__behaves_as_its_plain_model_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++)
		run_against_model(seed);
}

struct crowd {
	struct viva_breaker *breaker;
	atomic_int *admitted;
};

static void *try_to_enter(void *context)
{
	struct crowd *crowd = context;
	struct viva_breaker_permit permit;
	if (viva_breaker_enter(crowd->breaker, INT64_MAX, &permit, NULL) == 0)
		atomic_fetch_add(crowd->admitted, 1);
	return NULL;
}

static void test_breaker__of_many_threads_one_gets_the_trial(void **state)
{
	(void)state;
	VIVA_AUTO(viva_breaker) breaker = breaker_of("emotion");
	open_up(breaker);
	fake_clock_advance_ms(&clock_of_test, 10000);
	atomic_int admitted = 0;
	struct crowd crowd = {breaker, &admitted};
	pthread_t threads[8];
	for (size_t i = 0; i < VIVA_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try_to_enter, &crowd), 0);
	for (size_t i = 0; i < VIVA_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(admitted, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_breaker__opens_after_more_than_five_failures_in_a_row),
		TEST(test_breaker__a_success_ends_the_row),
		TEST(test_breaker__a_row_may_take_its_time),
		TEST(test_breaker__half_of_twenty_calls_is_too_much),
		TEST(test_breaker__less_than_half_is_borne),
		TEST(test_breaker__what_lies_ten_seconds_back_is_forgotten),
		TEST(test_breaker__the_callers_faults_prove_the_callee_well),
		TEST(test_breaker__cancelled_calls_neither_start_nor_end_a_row),
		TEST(test_breaker__half_open_lets_exactly_one_through),
		TEST(test_breaker__a_failed_trial_opens_it_for_the_whole_time_again),
		TEST(test_breaker__a_trial_that_hangs_loses_its_lease_at_its_deadline),
		TEST(test_breaker__a_trial_without_a_deadline_cannot_wedge_it),
		TEST(test_breaker__a_cancelled_trial_makes_room_for_the_next),
		TEST(test_breaker__calls_from_before_the_trip_decide_nothing_after_it),
		TEST(test_breaker__bad_options_are_refused),
		TEST(test_breaker__its_state_is_in_the_metrics),
		TEST(test_breaker__behaves_as_its_plain_model_whatever_happens),
		TEST(test_breaker__of_many_threads_one_gets_the_trial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
