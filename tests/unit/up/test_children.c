// SPDX-License-Identifier: Apache-2.0
#include "up/children.h"

#include <signal.h>

#include "viva_test.h"

enum { PID = 42, GRACE_MS = 500, STATUS_1 = 1 << 8, STATUS_2 = 2 << 8, STATUS_0 = 0 };

static struct fake_clock the_clock;

static struct viva_child new_child(void)
{
	struct viva_child child;
	fake_clock_init(&the_clock);
	viva_child_init(&child, &the_clock.clock);
	return child;
}

static struct viva_child ready_child(void)
{
	struct viva_child child = new_child();
	viva_child_on_started(&child, PID);
	viva_child_on_ready(&child);
	return child;
}

// How long the child waits for its next start, in steps of 1 ms.
static int64_t waited_ms(struct viva_child *child)
{
	int64_t ms = 0;
	for (; !viva_child_must_start(child); ms++)
		fake_clock_advance_ms(&the_clock, 1);
	return ms;
}

static void test_children__a_new_child_is_started_at_once(void **state)
{
	(void)state;
	struct viva_child child = new_child();
	assert_true(viva_child_must_start(&child));
	viva_child_on_started(&child, PID);
	assert_false(viva_child_must_start(&child));
	assert_true(viva_child_is_running(&child));
	assert_int_equal(child.state, VIVA_CHILD_STARTING);
}

static void test_children__the_wait_doubles_from_100_ms_to_10_s(void **state)
{
	(void)state;
	static const int64_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
	struct viva_child child = new_child();
	for (size_t i = 0; i < VIVA_COUNT(expected); i++) {
		viva_child_on_started(&child, PID);
		viva_child_on_exit(&child, SIGSEGV);
		assert_int_equal(viva_child_wakes_at_ms(&child), viva_clock_now_ms(&the_clock.clock) + expected[i]);
		assert_int_equal(waited_ms(&child), expected[i]);
	}
	assert_int_equal(child.restarts, VIVA_COUNT(expected));
}

static void test_children__having_run_well_resets_the_wait(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	viva_child_on_exit(&child, SIGSEGV);
	waited_ms(&child);
	viva_child_on_started(&child, PID);
	viva_child_on_ready(&child);
	fake_clock_advance_ms(&the_clock, VIVA_CHILD_RAN_WELL_MS);
	viva_child_on_exit(&child, SIGSEGV);
	assert_int_equal(waited_ms(&child), VIVA_CHILD_BACKOFF_MIN_MS);
}

static void test_children__a_little_less_does_not_reset_it(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	viva_child_on_exit(&child, SIGSEGV);
	waited_ms(&child);
	viva_child_on_started(&child, PID);
	viva_child_on_ready(&child);
	fake_clock_advance_ms(&the_clock, VIVA_CHILD_RAN_WELL_MS - 1);
	viva_child_on_exit(&child, SIGSEGV);
	assert_int_equal(waited_ms(&child), 2 * VIVA_CHILD_BACKOFF_MIN_MS);
}

static void test_children__three_failed_starts_in_a_row_are_the_end(void **state)
{
	(void)state;
	static const int statuses[] = {STATUS_1, STATUS_2, STATUS_1};
	struct viva_child child = new_child();
	for (size_t i = 0; i < VIVA_COUNT(statuses); i++) {
		assert_int_equal(child.state, VIVA_CHILD_WAITING);
		waited_ms(&child);
		viva_child_on_started(&child, PID);
		viva_child_on_exit(&child, statuses[i]);
	}
	assert_int_equal(child.state, VIVA_CHILD_FAILED);
	assert_false(viva_child_is_running(&child));
	assert_int_equal(viva_child_wakes_at_ms(&child), VIVA_CHILD_NEVER_MS);
}

static void test_children__a_crash_between_failed_starts_counts_anew(void **state)
{
	(void)state;
	static const int statuses[] = {STATUS_1, STATUS_1, SIGSEGV, STATUS_1, STATUS_1};
	struct viva_child child = new_child();
	for (size_t i = 0; i < VIVA_COUNT(statuses); i++) {
		viva_child_on_started(&child, PID);
		viva_child_on_exit(&child, statuses[i]);
	}
	assert_int_equal(child.state, VIVA_CHILD_WAITING);
}

static void test_children__one_that_was_ever_ready_is_never_given_up(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	for (int i = 0; i < 10; i++) {
		viva_child_on_exit(&child, STATUS_1);
		assert_int_equal(child.state, VIVA_CHILD_WAITING);
		viva_child_on_started(&child, PID);
	}
}

static void test_children__a_stop_gives_grace_and_then_kills_once(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	assert_true(viva_child_stop(&child, GRACE_MS));
	assert_false(viva_child_stop(&child, GRACE_MS));
	fake_clock_advance_ms(&the_clock, GRACE_MS - 1);
	assert_false(viva_child_must_kill(&child));
	fake_clock_advance_ms(&the_clock, 1);
	assert_true(viva_child_must_kill(&child));
	assert_false(viva_child_must_kill(&child));
	viva_child_on_exit(&child, SIGKILL);
	assert_int_equal(child.state, VIVA_CHILD_STOPPED);
}

static void test_children__an_end_that_was_asked_for_is_no_crash(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	assert_true(viva_child_stop(&child, GRACE_MS));
	viva_child_on_exit(&child, STATUS_0);
	assert_int_equal(child.state, VIVA_CHILD_STOPPED);
	assert_int_equal(child.restarts, 0);
	assert_false(viva_child_must_start(&child));
}

static void test_children__a_stop_while_it_waits_needs_no_signal(void **state)
{
	(void)state;
	struct viva_child child = ready_child();
	viva_child_on_exit(&child, SIGSEGV);
	assert_false(viva_child_stop(&child, GRACE_MS));
	assert_int_equal(child.state, VIVA_CHILD_STOPPED);
	fake_clock_advance_ms(&the_clock, VIVA_CHILD_BACKOFF_MAX_MS);
	assert_false(viva_child_must_start(&child));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children__a_new_child_is_started_at_once),
		cmocka_unit_test(test_children__the_wait_doubles_from_100_ms_to_10_s),
		cmocka_unit_test(test_children__having_run_well_resets_the_wait),
		cmocka_unit_test(test_children__a_little_less_does_not_reset_it),
		cmocka_unit_test(test_children__three_failed_starts_in_a_row_are_the_end),
		cmocka_unit_test(test_children__a_crash_between_failed_starts_counts_anew),
		cmocka_unit_test(test_children__one_that_was_ever_ready_is_never_given_up),
		cmocka_unit_test(test_children__a_stop_gives_grace_and_then_kills_once),
		cmocka_unit_test(test_children__an_end_that_was_asked_for_is_no_crash),
		cmocka_unit_test(test_children__a_stop_while_it_waits_needs_no_signal),
	};
	return cmocka_run_group_tests_name("children", tests, NULL, NULL);
}
