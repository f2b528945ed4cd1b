// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_outage.h"

#include "base/macros.h"
#include "viva_test.h"

enum { SECOND_US = 1000 * 1000 };

static void test_postgres_outage__backs_off_from_50_ms_to_5_s_with_jitter(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 7);
	struct viva_postgres_outage outage;
	viva_postgres_outage_init(&outage, 5 * SECOND_US);
	int64_t now_us = SECOND_US, backoff_us = 50 * 1000;
	assert_true(viva_postgres_outage_may_try(&outage, now_us));
	for (int i = 0; i < 12; i++) {
		viva_postgres_outage_on_failure(&outage, now_us, &random.random);
		int64_t pause_us = outage.try_us - now_us;
		assert_true(pause_us >= backoff_us && pause_us < 2 * backoff_us);
		assert_false(viva_postgres_outage_may_try(&outage, outage.try_us - 1));
		assert_true(viva_postgres_outage_may_try(&outage, outage.try_us));
		now_us = outage.try_us;
		backoff_us = VIVA_MIN(2 * backoff_us, 5 * (int64_t)SECOND_US);
	}
}

static void test_postgres_outage__patience_counts_from_its_beginning(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1);
	struct viva_postgres_outage outage;
	viva_postgres_outage_init(&outage, 2 * SECOND_US);
	assert_false(viva_postgres_outage_is_over_patience(&outage, INT64_MAX / 2));
	viva_postgres_outage_on_failure(&outage, 10 * SECOND_US, &random.random);
	viva_postgres_outage_on_failure(&outage, 11 * SECOND_US, &random.random);
	assert_false(viva_postgres_outage_is_over_patience(&outage, 12 * SECOND_US - 1));
	assert_true(viva_postgres_outage_is_over_patience(&outage, 12 * SECOND_US));
	assert_true(viva_postgres_outage_changes_us(&outage) <= 12 * SECOND_US);
	assert_true(viva_postgres_outage_changes_us(&outage) > 11 * SECOND_US);
}

static void test_postgres_outage__a_success_ends_it_and_the_next_begins_anew(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1);
	struct viva_postgres_outage outage;
	viva_postgres_outage_init(&outage, SECOND_US);
	for (int i = 1; i < 8; i++)
		viva_postgres_outage_on_failure(&outage, i * SECOND_US, &random.random);
	viva_postgres_outage_on_success(&outage);
	assert_true(viva_postgres_outage_may_try(&outage, 0));
	viva_postgres_outage_on_failure(&outage, 100 * SECOND_US, &random.random);
	assert_true(outage.try_us < 100 * SECOND_US + 100 * 1000);
	assert_false(viva_postgres_outage_is_over_patience(&outage, 100 * SECOND_US + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_outage__backs_off_from_50_ms_to_5_s_with_jitter),
		cmocka_unit_test(test_postgres_outage__patience_counts_from_its_beginning),
		cmocka_unit_test(test_postgres_outage__a_success_ends_it_and_the_next_begins_anew),
	};
	return cmocka_run_group_tests_name("store/postgres_outage", tests, NULL, NULL);
}
