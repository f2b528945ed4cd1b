// SPDX-License-Identifier: Apache-2.0
#include "worker/frames.h"

#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "worker/frame_store.h"
#include "worker_bus.h"

enum { MAX_AGE_MS = 60 * 1000, LATE_MS = 2 * MAX_AGE_MS };

static struct viva_bus *bus;
static struct worker_frames *frames;

static int set_up(void **state)
{
	if (worker_fixture_set_up(state))
		return 1;
	bus = worker_bus_open(*state);
	return 0;
}

static int tear_down(void **state)
{
	frames = worker_frames_destroy(frames);
	bus = viva_bus_destroy(bus);
	return worker_fixture_tear_down(state);
}

static void start_with(struct worker_fixture *fixture, int64_t max_backlog)
{
	const struct worker_frames_options options = {.store = fixture->store,
						      .bus = bus,
						      .clock = viva_system_clock(),
						      .random = viva_system_random(),
						      .prefetch = 64,
						      .max_age_ms = MAX_AGE_MS,
						      .max_backlog = max_backlog};
	assert_ok(worker_frames_create(&options, &frames, NULL));
}

static void start(struct worker_fixture *fixture)
{
	start_with(fixture, 0);
}

// All that was published has been dealt with.
static void wait_for_end(void)
{
	worker_bus_wait_for_queue(bus, "worker.frames", 0, 0);
}

static bool has_come(void *context)
{
	return worker_bus_frames_count(context) > 0;
}

static void wait_for_passed_on(void)
{
	worker_bus_wait_for_queue(bus, "emotion.frames.0", 0, 0);
	worker_bus_wait_for_queue(bus, "emotion.frames.1", 0, 0);
}

static int64_t outcomes(struct worker_fixture *fixture, const char *outcome)
{
	const struct viva_value values[] = {viva_value_text(outcome)};
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->store, fixture->arena,
				   "SELECT COUNT(*) FROM worker_ledger WHERE outcome = $1", values, 1, &rows, NULL));
	return viva_rows_int(&rows, 0, 0);
}

static void assert_in_order(struct worker_bus_frames *taken, const char *session_id)
{
	int64_t last = -1;
	size_t count = worker_bus_frames_count(taken);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(taken->frames[i].session_id, session_id) != 0)
			continue;
		assert_true(taken->frames[i].number > last);
		last = taken->frames[i].number;
	}
}

static void test_frames__are_passed_on_in_order_and_noted(void **state)
{
	struct worker_fixture *fixture = *state;
	static const char *const sessions[] = {"a", "b", "c"};
	enum { FRAMES = 90 };
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	start(fixture);
	for (int i = 0; i < FRAMES; i++) {
		char message_id[24];
		snprintf(message_id, sizeof message_id, "message-%d", i);
		worker_bus_publish_frame(bus, sessions[i % 3], i, message_id, 0);
	}
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), FRAMES);
	for (size_t i = 0; i < VIVA_COUNT(sessions); i++)
		assert_in_order(taken, sessions[i]);
	char message_id[24];
	snprintf(message_id, sizeof message_id, "message-%d", (int)taken->frames[7].number);
	assert_string_equal(taken->frames[7].message_id, message_id);
	assert_int_equal(outcomes(fixture, "accepted"), FRAMES);
}

static void test_frames__a_frame_has_its_effect_once(void **state)
{
	struct worker_fixture *fixture = *state;
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	worker_bus_publish_frame(bus, "a", 1, "m1", 0);
	worker_bus_publish_frame(bus, "a", 1, "m2", 0);
	start(fixture);
	wait_for_end();
	worker_bus_publish_frame(bus, "a", 1, "m1", 0);
	worker_bus_publish_frame(bus, "a", 1, "m3", 0);
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), 1);
	assert_int_equal(outcomes(fixture, "accepted"), 1);
	assert_int_equal(outcomes(fixture, "duplicate"), 2);
}

static void test_frames__late_ones_are_thinned_out_and_each_is_accounted_for(void **state)
{
	struct worker_fixture *fixture = *state;
	enum { FRAMES = 60 };
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	for (int i = 1; i <= FRAMES; i++)
		worker_bus_publish_frame(bus, "a", i, NULL, LATE_MS);
	worker_bus_publish_frame(bus, "b", 1, NULL, LATE_MS);
	start(fixture);
	wait_for_end();
	wait_for_passed_on();
	int64_t accepted = outcomes(fixture, "accepted"), superseded = outcomes(fixture, "superseded");
	assert_int_equal(accepted + superseded, FRAMES + 1);
	// Those that wait are gathered before they are thinned out.
	assert_true(superseded > 0);
	assert_int_equal(worker_bus_frames_count(taken), accepted);
	assert_in_order(taken, "a");
	assert_int_equal(worker_fixture_number(fixture, "SELECT newest FROM worker_sessions WHERE session_id = 'a'"),
			 FRAMES);
	assert_int_equal(worker_fixture_number(fixture, "SELECT newest FROM worker_sessions WHERE session_id = 'b'"),
			 1);
}

static void test_frames__what_is_none_is_a_dead_letter_and_holds_up_nothing(void **state)
{
	struct worker_fixture *fixture = *state;
	char reason[256];
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	start(fixture);
	worker_bus_publish(bus, VIVA_KEY_FRAME_CAPTURED, VIVA_EVENT_FRAME_CAPTURED, "a", "no JSON");
	worker_bus_wait_for_dead_letters(bus, 1, reason);
	assert_int_not_equal(reason[0], '\0');
	worker_bus_publish(bus, VIVA_KEY_FRAME_CAPTURED, VIVA_EVENT_SCORE_CALCULATED, "a", "{}");
	worker_bus_publish(bus, VIVA_KEY_FRAME_CAPTURED, VIVA_EVENT_FRAME_CAPTURED, "a", "{}");
	worker_bus_publish_frame(bus, "a", 1, NULL, 0);
	worker_bus_wait_for_dead_letters(bus, 3, reason);
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), 1);
	assert_int_equal(outcomes(fixture, "invalid"), 3);
}

static void test_frames__those_of_an_erased_session_are_dropped(void **state)
{
	struct worker_fixture *fixture = *state;
	assert_ok(viva_store_execute(fixture->store,
				     "INSERT INTO worker_sessions (session_id, newest, erased_at, updated_at)"
				     " VALUES ('a', -1, 1, 1)",
				     NULL, 0, NULL, NULL));
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	worker_bus_publish_frame(bus, "a", 1, NULL, 0);
	worker_bus_publish_frame(bus, "b", 1, NULL, 0);
	start(fixture);
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), 1);
	assert_string_equal(taken->frames[0].session_id, "b");
	assert_int_equal(outcomes(fixture, "erased"), 1);
}

static void test_frames__are_held_back_while_the_emotion_service_is_behind(void **state)
{
	struct worker_fixture *fixture = *state;
	enum { BACKLOG = 5 };
	start_with(fixture, BACKLOG);
	for (int i = 1; i <= BACKLOG; i++)
		worker_bus_publish_frame(bus, "a", i, NULL, 0);
	wait_for_end();
	for (int i = BACKLOG + 1; i <= 2 * BACKLOG; i++)
		worker_bus_publish_frame(bus, "a", i, NULL, 0);
	worker_bus_wait_for_queue(bus, "worker.frames", 0, BACKLOG);
	assert_int_equal(outcomes(fixture, "accepted"), BACKLOG);
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	wait_for_end();
	wait_until(has_come, taken, "frames go on");
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), 2 * BACKLOG);
	assert_in_order(taken, "a");
}

static void test_frames__wait_in_order_while_the_store_is_away(void **state)
{
	struct worker_fixture *fixture = *state;
	enum { FRAMES = 20 };
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	assert_ok(
		viva_store_execute(fixture->store, "ALTER TABLE worker_sessions RENAME TO away", NULL, 0, NULL, NULL));
	start(fixture);
	for (int i = 1; i <= FRAMES; i++)
		worker_bus_publish_frame(bus, "a", i, NULL, 0);
	worker_bus_wait_for_queue(bus, "worker.frames", 0, FRAMES);
	assert_int_equal(worker_bus_frames_count(taken), 0);
	assert_ok(
		viva_store_execute(fixture->store, "ALTER TABLE away RENAME TO worker_sessions", NULL, 0, NULL, NULL));
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), FRAMES);
	assert_in_order(taken, "a");
	assert_int_equal(outcomes(fixture, "accepted"), FRAMES);
}

static void test_frames__what_was_passed_on_is_noted_once_the_store_takes_it(void **state)
{
	struct worker_fixture *fixture = *state;
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	assert_ok(viva_store_execute(fixture->store,
				     "CREATE TRIGGER away BEFORE INSERT ON worker_frames"
				     " BEGIN SELECT RAISE(ABORT, 'away'); END",
				     NULL, 0, NULL, NULL));
	start(fixture);
	worker_bus_publish_frame(bus, "a", 1, NULL, 0);
	wait_until(has_come, taken, "the frame is passed on");
	assert_int_equal(outcomes(fixture, "accepted"), 0);
	assert_ok(viva_store_execute(fixture->store, "DROP TRIGGER away", NULL, 0, NULL, NULL));
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(outcomes(fixture, "accepted"), 1);
	assert_int_equal(worker_bus_frames_count(taken), 1);
}

static void test_frames__none_is_lost_by_a_stop(void **state)
{
	struct worker_fixture *fixture = *state;
	enum { FRAMES = 200 };
	VIVA_AUTO(worker_bus_frames) taken = worker_bus_take_frames(bus);
	start(fixture);
	for (int i = 1; i <= FRAMES; i++) {
		worker_bus_publish_frame(bus, "a", i, NULL, 0);
		if (i % 50 == 0) {
			frames = worker_frames_destroy(frames);
			start(fixture);
		}
	}
	wait_for_end();
	wait_for_passed_on();
	assert_int_equal(worker_bus_frames_count(taken), FRAMES);
	assert_in_order(taken, "a");
	assert_int_equal(outcomes(fixture, "accepted"), FRAMES);
}

static void test_frames__no_memory_starts_nothing(void **state)
{
	struct worker_fixture *fixture = *state;
	const struct worker_frames_options options = {.store = fixture->store,
						      .bus = bus,
						      .clock = viva_system_clock(),
						      .random = viva_system_random(),
						      .prefetch = 64};
	for (unsigned skipped = 0; skipped < 2; skipped++) {
		fail_next_allocation(skipped);
		assert_error(worker_frames_create(&options, &frames, NULL), VIVA_ENOMEM);
		assert_null(frames);
	}
	struct worker_frames_options none = options;
	none.prefetch = 0;
	assert_error(worker_frames_create(&none, &frames, NULL), VIVA_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frames__are_passed_on_in_order_and_noted),
		TEST(test_frames__a_frame_has_its_effect_once),
		TEST(test_frames__late_ones_are_thinned_out_and_each_is_accounted_for),
		TEST(test_frames__what_is_none_is_a_dead_letter_and_holds_up_nothing),
		TEST(test_frames__those_of_an_erased_session_are_dropped),
		TEST(test_frames__are_held_back_while_the_emotion_service_is_behind),
		TEST(test_frames__wait_in_order_while_the_store_is_away),
		TEST(test_frames__what_was_passed_on_is_noted_once_the_store_takes_it),
		TEST(test_frames__none_is_lost_by_a_stop),
		TEST(test_frames__no_memory_starts_nothing),
	};
	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
