// SPDX-License-Identifier: Apache-2.0
#include "emotion/gate.h"

#include <pthread.h>
#include <stdatomic.h>

#include "viva_test.h"

enum { FOR_EVER_MS = 3600 * 1000 };

static struct emotion_gate *make_gate(size_t room, uint32_t patience_ms)
{
	struct emotion_gate *gate = NULL;
	assert_ok(emotion_gate_create(room, patience_ms, &gate));
	return gate;
}

static atomic_bool is_room_made;

struct visit {
	struct emotion_gate *gate;
	bool has_entered;
	bool was_room_made;  // when it came in
};

static void *visit(void *context)
{
	struct visit *visit = context;
	visit->has_entered = emotion_gate_enter_queued(visit->gate);
	visit->was_room_made = is_room_made;
	if (visit->has_entered)
		emotion_gate_leave_queued(visit->gate);
	return NULL;
}

static void test_gate__a_queued_frame_enters_where_there_is_room(void **state)
{
	(void)state;
	struct emotion_gate *gate = make_gate(2, FOR_EVER_MS);
	emotion_gate_enter_live(gate);
	assert_true(emotion_gate_enter_queued(gate));
	emotion_gate_leave_queued(gate);
	assert_true(emotion_gate_enter_queued(gate));
	emotion_gate_leave_queued(gate);
	emotion_gate_leave_live(gate);
	emotion_gate_destroy(gate);
}

static void test_gate__a_live_frame_never_waits_and_a_queued_one_waits_for_it(void **state)
{
	(void)state;
	struct emotion_gate *gate = make_gate(1, FOR_EVER_MS);
	struct visit one = {.gate = gate}, other = {.gate = gate};
	pthread_t threads[2];
	is_room_made = false;
	emotion_gate_enter_live(gate);
	emotion_gate_enter_live(gate);  // more than there is room for
	assert_int_equal(pthread_create(&threads[0], NULL, visit, &one), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, visit, &other), 0);
	emotion_gate_leave_live(gate);  // still as many as there is room for
	is_room_made = true;
	emotion_gate_leave_live(gate);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(one.has_entered && one.was_room_made);
	assert_true(other.has_entered && other.was_room_made);
	emotion_gate_destroy(gate);
}

static void test_gate__a_queued_frame_out_of_patience_goes_all_the_same(void **state)
{
	(void)state;
	struct emotion_gate *gate = make_gate(1, 1);
	emotion_gate_enter_live(gate);
	assert_true(emotion_gate_enter_queued(gate));
	emotion_gate_leave_queued(gate);
	emotion_gate_leave_live(gate);
	emotion_gate_destroy(gate);
}

static void test_gate__closed_it_lets_no_queued_frame_in(void **state)
{
	(void)state;
	struct emotion_gate *gate = make_gate(1, FOR_EVER_MS);
	struct visit waiting = {.gate = gate};
	pthread_t thread;
	emotion_gate_enter_live(gate);
	assert_int_equal(pthread_create(&thread, NULL, visit, &waiting), 0);
	emotion_gate_close(gate);
	pthread_join(thread, NULL);
	assert_false(waiting.has_entered);
	emotion_gate_leave_live(gate);
	assert_false(emotion_gate_enter_queued(gate));
	emotion_gate_enter_live(gate);
	emotion_gate_leave_live(gate);
	emotion_gate_destroy(gate);
}

static void test_gate__bad_limits_and_lack_of_memory_are_told(void **state)
{
	(void)state;
	struct emotion_gate *gate = NULL;
	assert_error(emotion_gate_create(0, 1, &gate), VIVA_EINVAL);
	fail_next_allocation(0);
	assert_error(emotion_gate_create(1, 1, &gate), VIVA_ENOMEM);
	assert_null(emotion_gate_destroy(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate__a_queued_frame_enters_where_there_is_room),
		cmocka_unit_test(test_gate__a_live_frame_never_waits_and_a_queued_one_waits_for_it),
		cmocka_unit_test(test_gate__a_queued_frame_out_of_patience_goes_all_the_same),
		cmocka_unit_test(test_gate__closed_it_lets_no_queued_frame_in),
		cmocka_unit_test(test_gate__bad_limits_and_lack_of_memory_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
