// SPDX-License-Identifier: Apache-2.0
#include "worker/backoff.h"

#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

// A source of chance that always gives the least: a multiple of each backoff, which leaves nothing over.
static void fill_least(struct viva_random *random, void *ret_bytes, size_t size)
{
	(void)random;
	const uint64_t multiple = UINT64_C(28800000) * 1000;
	assert_int_equal(size, sizeof multiple);
	memcpy(ret_bytes, &multiple, size);
}

static void test_backoff__doubles_from_a_second_to_thirty(void **state)
{
	(void)state;
	struct viva_random least = {.fill = fill_least};
	static const int64_t wanted_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	for (size_t i = 0; i < VIVA_COUNT(wanted_ms); i++)
		assert_int_equal(worker_backoff_ms((int64_t)i + 1, &least), wanted_ms[i]);
	assert_int_equal(worker_backoff_ms(INT64_MAX, &least), 30000);
}

static void test_backoff__webhooks_go_on_from_a_minute_to_an_hour(void **state)
{
	(void)state;
	struct viva_random least = {.fill = fill_least};
	static const int64_t wanted_s[] = {1, 2, 4, 8, 16, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
	for (size_t i = 0; i < VIVA_COUNT(wanted_s); i++)
		assert_int_equal(worker_webhook_backoff_ms((int64_t)i + 1, &least), wanted_s[i] * 1000);
	assert_int_equal(worker_webhook_backoff_ms(INT64_MAX, &least), 3600 * 1000);
}

static void test_backoff__jitter_is_a_part_of_the_backoff(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 7);
	bool is_spread = false;
	for (int i = 0; i < 200; i++) {
		int64_t pause_ms = worker_webhook_backoff_ms(3, &random.random);
		assert_true(pause_ms >= 4000 && pause_ms < 8000);
		is_spread = is_spread || pause_ms > 6000;
	}
	assert_true(is_spread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff__doubles_from_a_second_to_thirty),
		cmocka_unit_test(test_backoff__webhooks_go_on_from_a_minute_to_an_hour),
		cmocka_unit_test(test_backoff__jitter_is_a_part_of_the_backoff),
	};
	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
