// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

static void test_clock__the_systems_time_is_plausible_and_grows(void **state)
{
	(void)state;
	const struct viva_clock *clock = viva_system_clock();
	assert_true(viva_clock_unix_ms(clock) > 1700000000000);
	int64_t first = viva_clock_monotonic_us(clock);
	assert_true(viva_clock_monotonic_us(clock) >= first);
	assert_true(viva_clock_now_ms(clock) >= first / 1000);
}

static void test_clock__seeded_chance_repeats(void **state)
{
	(void)state;
	struct viva_seeded_random a, b, other;
	viva_seeded_random_init(&a, 7);
	viva_seeded_random_init(&b, 7);
	viva_seeded_random_init(&other, 8);
	uint8_t left[100], right[100], different[100];
	a.random.fill(&a.random, left, sizeof left);
	b.random.fill(&b.random, right, sizeof right);
	other.random.fill(&other.random, different, sizeof different);
	assert_memory_equal(left, right, sizeof left);
	assert_memory_not_equal(left, different, sizeof left);
}

// The first values of SplitMix64 with seed 1234567, as published with its reference implementation.
static void test_clock__seeded_chance_is_splitmix64(void **state)
{
	(void)state;
	static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1234567);
	for (size_t i = 0; i < VIVA_COUNT(expected); i++) {
		uint64_t drawn;
		random.random.fill(&random.random, &drawn, sizeof drawn);
		assert_true(drawn == expected[i]);
	}
}

static void test_clock__numbers_below_a_bound_are_even(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1);
	int counts[6] = {0};
	for (int i = 0; i < 60000; i++) {
		uint64_t drawn = viva_random_below(&random.random, VIVA_COUNT(counts));
		assert_true(drawn < VIVA_COUNT(counts));
		counts[drawn]++;
	}
	for (size_t i = 0; i < VIVA_COUNT(counts); i++)
		assert_in_range(counts[i], 9600, 10400);  // more than four standard deviations
	assert_int_equal(viva_random_below(&random.random, 0), 0);
	assert_int_equal(viva_random_below(&random.random, 1), 0);
}

// A bound just above 2^63 refuses nearly half of all draws.
static void test_clock__a_huge_bound_holds(void **state)
{
	(void)state;
	uint64_t bound = (UINT64_C(1) << 63) + 1;
	for (int i = 0; i < 1000; i++)
		assert_true(viva_random_below(viva_system_random(), bound) < bound);
}

static void test_clock__uuids_are_of_version_7_and_carry_the_time(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	char uuid[VIVA_UUID_SIZE];
	viva_uuid7(&clock.clock, viva_system_random(), uuid);
	assert_true(viva_uuid_is_valid(uuid));
	assert_int_equal(uuid[14], '7');
	assert_non_null(strchr("89ab", uuid[19]));
	char stamp[13] = {0};
	memcpy(stamp, uuid, 8);
	memcpy(stamp + 8, uuid + 9, 4);
	assert_true(strtoll(stamp, NULL, 16) == viva_clock_unix_ms(&clock.clock));
}

static void test_clock__uuids_of_one_millisecond_still_sort_by_birth(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	char last[VIVA_UUID_SIZE] = "", uuid[VIVA_UUID_SIZE];
	for (int i = 0; i < 10000; i++) {
		viva_uuid7(&clock.clock, viva_system_random(), uuid);
		assert_true(strcmp(last, uuid) < 0);
		memcpy(last, uuid, sizeof last);
	}
	clock.unix_ms -= 1000;  // and when the clock steps back a little
	viva_uuid7(&clock.clock, viva_system_random(), uuid);
	assert_true(strcmp(last, uuid) < 0);
}

static void test_clock__only_canonical_uuids_are_valid(void **state)
{
	(void)state;
	assert_true(viva_uuid_is_valid("0190163d-8694-739b-aea5-966c26f8ad91"));
	assert_true(viva_uuid_is_valid("0190163D-8694-739B-AEA5-966C26F8AD91"));
	static const char *const bad[] = {"",
					  "0190163d",
					  "0190163d-8694-739b-aea5-966c26f8ad9",
					  "0190163d-8694-739b-aea5-966c26f8ad911",
					  "0190163d_8694-739b-aea5-966c26f8ad91",
					  "{0190163d-8694-739b-aea5-966c26f8ad9}",
					  "0190163g-8694-739b-aea5-966c26f8ad91",
					  "0190163d8694-739b-aea5-966c26f8-ad91"};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_false(viva_uuid_is_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock__the_systems_time_is_plausible_and_grows),
		cmocka_unit_test(test_clock__seeded_chance_repeats),
		cmocka_unit_test(test_clock__seeded_chance_is_splitmix64),
		cmocka_unit_test(test_clock__numbers_below_a_bound_are_even),
		cmocka_unit_test(test_clock__a_huge_bound_holds),
		cmocka_unit_test(test_clock__uuids_are_of_version_7_and_carry_the_time),
		cmocka_unit_test(test_clock__uuids_of_one_millisecond_still_sort_by_birth),
		cmocka_unit_test(test_clock__only_canonical_uuids_are_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
