// SPDX-License-Identifier: Apache-2.0
#include "worker/frame_store.h"

#include "base/macros.h"
#include "worker_fixture.h"

static struct worker_frame frame_of(const char *message_id, const char *session_id, int64_t number,
				    enum worker_outcome outcome)
{
	return (struct worker_frame){.message_id = message_id,
				     .session_id = session_id,
				     .number = number,
				     .newest = -1,
				     .is_invalid = outcome == WORKER_INVALID,
				     .outcome = outcome};
}

static void note(struct worker_fixture *fixture, const struct worker_frame *frames, size_t count)
{
	const struct worker_note note = {.frames = frames,
					 .count = count,
					 .now_ms = worker_fixture_now_ms(fixture),
					 .clock = &fixture->clock.clock,
					 .random = &fixture->random.random};
	assert_ok(worker_frames_note(fixture->store, &note, NULL));
}

struct erasing {
	const char *session_id;
	int64_t now_ms;
	bool is_new;
};

static int erase_in_transaction(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct erasing *erasing = context;
	return worker_frames_erase(transaction, erasing->session_id, erasing->now_ms, &erasing->is_new, error);
}

static bool erase(struct worker_fixture *fixture, const char *session_id)
{
	struct erasing erasing = {.session_id = session_id, .now_ms = worker_fixture_now_ms(fixture)};
	assert_ok(viva_store_transact(fixture->store, erase_in_transaction, &erasing, NULL));
	return erasing.is_new;
}

static int64_t outcomes(struct worker_fixture *fixture, const char *outcome)
{
	const struct viva_value values[] = {viva_value_text(outcome)};
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->store, fixture->arena,
				   "SELECT COUNT(*) FROM worker_ledger WHERE outcome = $1", values, 1, &rows, NULL));
	return viva_rows_int(&rows, 0, 0);
}

static void test_frame_store__what_was_noted_is_known(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame noted[] = {
		frame_of("m1", "a", 1, WORKER_SUPERSEDED), frame_of("m2", "a", 5, WORKER_ACCEPTED),
		frame_of("m3", "a", 3, WORKER_ACCEPTED), frame_of("m4", "b", 1, WORKER_SUPERSEDED)};
	note(fixture, noted, VIVA_COUNT(noted));
	struct worker_frame frames[] = {frame_of("x", "a", 1, WORKER_ACCEPTED), frame_of("x", "a", 5, WORKER_ACCEPTED),
					frame_of("x", "a", 2, WORKER_ACCEPTED), frame_of("x", "b", 2, WORKER_ACCEPTED),
					frame_of("x", "c", 1, WORKER_ACCEPTED), frame_of("x", "", 0, WORKER_INVALID)};
	assert_ok(worker_frames_look_up(fixture->store, fixture->arena, frames, VIVA_COUNT(frames), NULL));
	assert_string_equal(frames[0].known_as, "m1");
	assert_string_equal(frames[1].known_as, "m2");
	assert_null(frames[2].known_as);
	assert_int_equal(frames[0].newest, 5);
	assert_int_equal(frames[2].newest, 5);
	assert_int_equal(frames[3].newest, -1);
	assert_int_equal(frames[4].newest, -1);
	assert_null(frames[5].known_as);
}

static void test_frame_store__noting_twice_changes_nothing(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame frames[] = {
		frame_of("m1", "a", 1, WORKER_ACCEPTED),   frame_of("m2", "a", 1, WORKER_DUPLICATE),
		frame_of("m3", "a", 2, WORKER_SUPERSEDED), frame_of("m4", "", 0, WORKER_INVALID),
		frame_of("m5", "z", 1, WORKER_ERASED),     frame_of("m1", "a", 1, WORKER_REPEATED)};
	note(fixture, frames, VIVA_COUNT(frames));
	note(fixture, frames, VIVA_COUNT(frames));
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_ledger"), 5);
	assert_int_equal(outcomes(fixture, "accepted"), 1);
	assert_int_equal(outcomes(fixture, "superseded"), 1);
	assert_int_equal(outcomes(fixture, "duplicate"), 1);
	assert_int_equal(outcomes(fixture, "erased"), 1);
	assert_int_equal(outcomes(fixture, "invalid"), 1);
}

static void test_frame_store__a_frame_that_another_worker_noted_first_is_a_duplicate(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame first[] = {frame_of("m1", "a", 1, WORKER_ACCEPTED)};
	const struct worker_frame second[] = {frame_of("m2", "a", 1, WORKER_ACCEPTED)};
	note(fixture, first, 1);
	note(fixture, second, 1);
	assert_int_equal(outcomes(fixture, "accepted"), 1);
	assert_int_equal(outcomes(fixture, "duplicate"), 1);
}

static void test_frame_store__messages_without_an_id_are_counted_each(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame frames[] = {frame_of("", "", 0, WORKER_INVALID), frame_of("", "", 0, WORKER_INVALID)};
	note(fixture, frames, VIVA_COUNT(frames));
	assert_int_equal(outcomes(fixture, "invalid"), 2);
}

static void test_frame_store__counts_what_a_completion_waits_for(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame frames[] = {
		frame_of("m1", "a", 1, WORKER_ACCEPTED),   frame_of("m2", "a", 2, WORKER_ACCEPTED),
		frame_of("m3", "a", 3, WORKER_SUPERSEDED), frame_of("m4", "a", 0, WORKER_INVALID),
		frame_of("m5", "a", 1, WORKER_DUPLICATE),  frame_of("m6", "b", 1, WORKER_ACCEPTED)};
	note(fixture, frames, VIVA_COUNT(frames));
	struct worker_frame_counts counts;
	assert_ok(worker_frames_count(fixture->store, "a", &counts, NULL));
	assert_int_equal(counts.accepted, 2);
	assert_int_equal(counts.dropped, 2);
	assert_int_equal(counts.newest, 2);
	assert_false(counts.is_erased);
	assert_ok(worker_frames_count(fixture->store, "unknown", &counts, NULL));
	assert_int_equal(counts.accepted + counts.dropped, 0);
	assert_int_equal(counts.newest, -1);
	assert_true(erase(fixture, "a"));
	assert_ok(worker_frames_count(fixture->store, "a", &counts, NULL));
	assert_true(counts.is_erased);
	assert_int_equal(counts.accepted + counts.dropped, 0);
}

static void test_frame_store__an_erased_session_leaves_only_that_it_was_erased(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	const struct worker_frame frames[] = {frame_of("m1", "a", 1, WORKER_ACCEPTED),
					      frame_of("m2", "a", 1, WORKER_DUPLICATE),
					      frame_of("m3", "b", 1, WORKER_ACCEPTED)};
	note(fixture, frames, VIVA_COUNT(frames));
	assert_true(erase(fixture, "a"));
	assert_false(erase(fixture, "a"));
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_ledger"), 1);
	struct worker_frame later[] = {frame_of("m4", "a", 2, WORKER_ACCEPTED)};
	assert_ok(worker_frames_look_up(fixture->store, fixture->arena, later, 1, NULL));
	assert_true(later[0].is_erased);
	assert_int_equal(later[0].newest, -1);
}

static void test_frame_store__an_erasure_between_look_up_and_note_wins(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_frame frames[] = {frame_of("m1", "a", 1, WORKER_ACCEPTED),
					frame_of("m2", "a", 2, WORKER_SUPERSEDED)};
	assert_ok(worker_frames_look_up(fixture->store, fixture->arena, frames, VIVA_COUNT(frames), NULL));
	assert_false(frames[0].is_erased);
	assert_true(erase(fixture, "a"));
	note(fixture, frames, VIVA_COUNT(frames));
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_frames"), 0);
	assert_int_equal(outcomes(fixture, "erased"), 2);
}

static void test_frame_store__what_is_old_is_forgotten_in_portions(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	enum { OLD = 1500 };
	struct worker_frame frames[OLD];
	for (int i = 0; i < OLD; i++)
		frames[i] = frame_of("m", "a", i, WORKER_ACCEPTED);
	note(fixture, frames, OLD);
	const struct worker_frame drop[] = {frame_of("m1", "a", 1, WORKER_DUPLICATE)};
	note(fixture, drop, 1);
	fake_clock_advance_ms(&fixture->clock, 1000);
	const struct worker_frame young[] = {frame_of("m9", "b", 1, WORKER_ACCEPTED)};
	note(fixture, young, 1);
	int64_t before_ms = worker_fixture_now_ms(fixture) - 500;
	assert_ok(worker_frames_expire(fixture->store, before_ms, 0, NULL));
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_ledger"), 1);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_sessions"), 2);
	assert_ok(worker_frames_expire(fixture->store, before_ms, before_ms, NULL));
	assert_string_equal(worker_fixture_text(fixture, "SELECT session_id FROM worker_sessions"), "b");
}

static void test_frame_store__a_failing_store_notes_nothing(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	assert_ok(viva_store_execute(fixture->store, "ALTER TABLE worker_drops RENAME TO away", NULL, 0, NULL, NULL));
	const struct worker_frame frames[] = {frame_of("m1", "a", 1, WORKER_ACCEPTED),
					      frame_of("m2", "a", 1, WORKER_DUPLICATE)};
	const struct worker_note failing = {.frames = frames,
					    .count = VIVA_COUNT(frames),
					    .now_ms = 1,
					    .clock = &fixture->clock.clock,
					    .random = &fixture->random.random};
	assert_error(worker_frames_note(fixture->store, &failing, NULL), VIVA_EIO);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_frames"), 0);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_sessions"), 0);
}

#ifdef VIVA_TEST_ON_POSTGRES
#define BACKEND "postgres"
#else
#define BACKEND "sqlite"
#endif
#define TEST(name) cmocka_unit_test_setup_teardown(name, worker_fixture_set_up, worker_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frame_store__what_was_noted_is_known),
		TEST(test_frame_store__noting_twice_changes_nothing),
		TEST(test_frame_store__a_frame_that_another_worker_noted_first_is_a_duplicate),
		TEST(test_frame_store__messages_without_an_id_are_counted_each),
		TEST(test_frame_store__counts_what_a_completion_waits_for),
		TEST(test_frame_store__an_erased_session_leaves_only_that_it_was_erased),
		TEST(test_frame_store__an_erasure_between_look_up_and_note_wins),
		TEST(test_frame_store__what_is_old_is_forgotten_in_portions),
		TEST(test_frame_store__a_failing_store_notes_nothing),
	};
	return cmocka_run_group_tests_name("frame_store on " BACKEND, tests, NULL, NULL);
}
