// SPDX-License-Identifier: Apache-2.0
#include "resilience/rate_limiter.h"

#include "viva_test.h"

static int take_all(struct viva_rate_limiter *limiter)
{
	int taken = 0;
	while (viva_rate_limiter_take(limiter))
		taken++;
	return taken;
}

static void test_rate_limiter__a_burst_and_then_the_rate(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	struct viva_rate_limiter limiter;
	viva_rate_limiter_init(&limiter, 10, 5, &clock.clock);
	assert_int_equal(take_all(&limiter), 5);
	assert_int_equal(viva_rate_limiter_wait_ms(&limiter), 100);
	fake_clock_advance_ms(&clock, 99);
	assert_false(viva_rate_limiter_take(&limiter));
	assert_int_equal(viva_rate_limiter_wait_ms(&limiter), 1);
	fake_clock_advance_ms(&clock, 1);
	assert_int_equal(viva_rate_limiter_wait_ms(&limiter), 0);
	assert_int_equal(take_all(&limiter), 1);
}

static void test_rate_limiter__a_long_rest_earns_no_more_than_the_burst(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	struct viva_rate_limiter limiter;
	viva_rate_limiter_init(&limiter, 10, 5, &clock.clock);
	fake_clock_advance_ms(&clock, 1000LL * 3600 * 24 * 365);
	assert_int_equal(take_all(&limiter), 5);
}

static void test_rate_limiter__no_spacing_of_attempts_gains_or_loses_tokens(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 3);
	for (int round = 0; round < 50; round++) {
		struct fake_clock clock;
		fake_clock_init(&clock);
		struct viva_rate_limiter limiter;
		double per_second = 1 + (double)viva_random_below(&random.random, 300);
		viva_rate_limiter_init(&limiter, per_second, 7, &clock.clock);
		int64_t passed_us = 0;
		int taken = take_all(&limiter);
		while (passed_us < 20000000) {
			// Never so long that the bucket would run over.
			int64_t us = (int64_t)viva_random_below(&random.random, (uint64_t)(5e6 / per_second));
			fake_clock_advance_us(&clock, us);
			passed_us += us;
			taken += take_all(&limiter);
		}
		double expected = 7 + per_second * (double)passed_us / 1e6;
		assert_true(taken <= expected + 0.001 && taken > expected - 1.001);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_limiter__a_burst_and_then_the_rate),
		cmocka_unit_test(test_rate_limiter__a_long_rest_earns_no_more_than_the_burst),
		cmocka_unit_test(test_rate_limiter__no_spacing_of_attempts_gains_or_loses_tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
