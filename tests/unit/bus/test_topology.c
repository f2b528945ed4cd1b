// SPDX-License-Identifier: Apache-2.0
#include "bus/topology.h"

#include <stdio.h>
#include <string.h>

#include "viva_test.h"

static void test_topology__each_queue_has_a_name_of_its_own_and_a_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < VIVA_QUEUE_COUNT; i++) {
		assert_non_null(viva_bus_bindings[i].name);
		size_t key = viva_bus_key(viva_bus_bindings[i].routing_key);
		assert_true(key <= i && viva_bus_key_has_queue(key));
		assert_string_equal(viva_bus_key_name(key), viva_bus_bindings[i].routing_key);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(viva_bus_bindings[i].name, viva_bus_bindings[j].name);
	}
	assert_true(viva_bus_bindings[VIVA_QUEUE_EMOTION_FRAMES].is_partitioned);
}

static void test_topology__other_keys_are_unknown(void **state)
{
	(void)state;
	assert_int_equal(viva_bus_key("frame"), VIVA_BUS_KEY_COUNT);
	assert_int_equal(viva_bus_key("frame.captured "), VIVA_BUS_KEY_COUNT);
	assert_int_equal(viva_bus_key(""), VIVA_BUS_KEY_COUNT);
	assert_int_equal(viva_bus_key(NULL), VIVA_BUS_KEY_COUNT);
}

static void test_topology__a_key_without_a_queue_is_known_all_the_same(void **state)
{
	(void)state;
	size_t key = viva_bus_key(VIVA_KEY_INTERVIEW_CHANGED);
	assert_true(key < VIVA_BUS_KEY_COUNT && !viva_bus_key_has_queue(key));
	assert_string_equal(viva_bus_key_name(key), VIVA_KEY_INTERVIEW_CHANGED);
}

// Vectors of http://www.isthe.com/chongo/tech/comp/fnv/: FNV-1a of "", "a" and "foobar", 32 bits.
static void test_topology__the_partition_is_fnv_1a_modulo_the_partitions(void **state)
{
	(void)state;
	assert_int_equal(viva_bus_partition("", 64), 0x811c9dc5u % 64);
	assert_int_equal(viva_bus_partition("a", 64), 0xe40c292cu % 64);
	assert_int_equal(viva_bus_partition("foobar", 7), 0xbf9cf968u % 7);
	assert_int_equal(viva_bus_partition("foobar", 1), 0);
}

static void test_topology__sessions_spread_over_the_partitions(void **state)
{
	(void)state;
	enum { SESSIONS = 8000, PARTITIONS = 8 };
	int counts[PARTITIONS] = {0};
	for (int i = 0; i < SESSIONS; i++) {
		char session[40];
		snprintf(session, sizeof session, "01890a5d-ac96-774b-bcce-b302%08x", (unsigned)i * 2654435761u);
		counts[viva_bus_partition(session, PARTITIONS)]++;
	}
	for (size_t i = 0; i < PARTITIONS; i++)
		assert_in_range(counts[i], SESSIONS / PARTITIONS * 8 / 10, SESSIONS / PARTITIONS * 12 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology__each_queue_has_a_name_of_its_own_and_a_key),
		cmocka_unit_test(test_topology__other_keys_are_unknown),
		cmocka_unit_test(test_topology__a_key_without_a_queue_is_known_all_the_same),
		cmocka_unit_test(test_topology__the_partition_is_fnv_1a_modulo_the_partitions),
		cmocka_unit_test(test_topology__sessions_spread_over_the_partitions),
	};
	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
