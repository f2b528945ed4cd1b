// SPDX-License-Identifier: Apache-2.0
#include "scoring/band.h"

#include <math.h>

#include "viva_test.h"

static struct scoring_sample sample_of(const double *scores, size_t count)
{
	struct scoring_sample sample = {0};
	for (size_t i = 0; i < count; i++)
		scoring_sample_add(&sample, scores[i]);
	return sample;
}

static void test_band__of_one_answer_is_that_of_the_grading(void **state)
{
	(void)state;
	struct scoring_sample sample = sample_of((const double[]){70}, 1);
	assert_true(fabs(scoring_sample_mean(&sample) - 70) < 1e-9);
	assert_true(fabs(scoring_sample_error(&sample) - 17.4) < 1e-9);
	struct scoring_band band = scoring_band_around(70, 17.4);
	assert_true(fabs(band.low - (70 - 1.645 * 17.4)) < 1e-9);
	assert_true(fabs(band.high - (70 + 1.645 * 17.4)) < 1e-9);
}

static void test_band__narrows_with_answers_and_widens_with_their_spread(void **state)
{
	(void)state;
	struct scoring_sample even = sample_of((const double[]){60, 60, 60, 60}, 4);
	struct scoring_sample more = sample_of((const double[]){60, 60, 60, 60, 60, 60, 60, 60}, 8);
	struct scoring_sample uneven = sample_of((const double[]){10, 100, 30, 100}, 4);
	// sqrt((4 × 17.4²) ÷ (4 + 3) ÷ 4)
	assert_true(fabs(scoring_sample_error(&even) - sqrt(4 * 17.4 * 17.4 / 7 / 4)) < 1e-9);
	assert_true(scoring_sample_error(&more) < scoring_sample_error(&even));
	assert_true(scoring_sample_error(&uneven) > scoring_sample_error(&even));
}

static void test_band__stays_within_the_scale(void **state)
{
	(void)state;
	struct scoring_band low = scoring_band_around(3, 10), high = scoring_band_around(99, 10);
	assert_true(low.low == 0 && high.high == 100);
	assert_true(low.high < high.low);
}

static void test_band__of_nothing_is_none(void **state)
{
	(void)state;
	struct scoring_sample none = {0};
	assert_true(scoring_sample_mean(&none) == 0 && scoring_sample_error(&none) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_band__of_one_answer_is_that_of_the_grading),
		cmocka_unit_test(test_band__narrows_with_answers_and_widens_with_their_spread),
		cmocka_unit_test(test_band__stays_within_the_scale),
		cmocka_unit_test(test_band__of_nothing_is_none),
	};
	return cmocka_run_group_tests_name("band", tests, NULL, NULL);
}
