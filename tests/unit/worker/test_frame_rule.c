// SPDX-License-Identifier: Apache-2.0
#include "worker/frame_rule.h"

#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

enum { MAX_AGE_MS = 10000, LATE_MS = MAX_AGE_MS + 1 };

static struct worker_frame frame_of(const char *message_id, const char *session_id, int64_t number, int64_t age_ms)
{
	return (struct worker_frame){
		.message_id = message_id, .session_id = session_id, .number = number, .age_ms = age_ms, .newest = -1};
}

static void assert_outcomes(struct worker_frame *frames, size_t count, const enum worker_outcome *wanted)
{
	worker_frames_decide(frames, count, MAX_AGE_MS);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(worker_outcome_name(frames[i].outcome), worker_outcome_name(wanted[i]));
}

static void test_frame_rule__frames_in_time_all_go_through(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, 0), frame_of("m2", "a", 2, MAX_AGE_MS),
					frame_of("m3", "b", 1, 5)};
	const enum worker_outcome wanted[] = {WORKER_ACCEPTED, WORKER_ACCEPTED, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__of_a_sessions_late_frames_only_the_newest_goes_through(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, LATE_MS), frame_of("m2", "b", 7, LATE_MS),
					frame_of("m3", "a", 2, LATE_MS), frame_of("m4", "a", 3, LATE_MS)};
	const enum worker_outcome wanted[] = {WORKER_SUPERSEDED, WORKER_ACCEPTED, WORKER_SUPERSEDED, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__what_may_have_been_passed_on_is_never_thinned_out(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, LATE_MS), frame_of("m2", "a", 2, LATE_MS),
					frame_of("m3", "a", 3, LATE_MS)};
	frames[0].is_repeated = true;
	frames[1].newest = 5;
	const enum worker_outcome wanted[] = {WORKER_ACCEPTED, WORKER_SUPERSEDED, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__a_frame_in_time_supersedes_the_late_ones_before_it(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, LATE_MS), frame_of("m2", "a", 2, LATE_MS),
					frame_of("m3", "a", 3, 100), frame_of("m4", "a", 4, 50)};
	const enum worker_outcome wanted[] = {WORKER_SUPERSEDED, WORKER_SUPERSEDED, WORKER_ACCEPTED, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__newest_is_who_has_the_highest_number_however_they_arrive(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m3", "a", 3, LATE_MS), frame_of("m1", "a", 1, LATE_MS),
					frame_of("m2", "a", 2, LATE_MS)};
	const enum worker_outcome wanted[] = {WORKER_ACCEPTED, WORKER_SUPERSEDED, WORKER_SUPERSEDED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__a_late_frame_behind_one_that_was_passed_on_is_superseded(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 4, LATE_MS), frame_of("m2", "a", 4, MAX_AGE_MS),
					frame_of("m3", "b", 6, LATE_MS)};
	frames[0].newest = 5;
	frames[2].newest = 5;
	frames[1].session_id = "c";
	frames[1].newest = 5;
	const enum worker_outcome wanted[] = {WORKER_SUPERSEDED, WORKER_ACCEPTED, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__a_frame_that_another_message_brought_is_a_duplicate(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, 0), frame_of("m2", "a", 1, 0), frame_of("m1", "a", 1, 0),
					frame_of("m4", "a", 2, 0), frame_of("m5", "a", 3, 0), frame_of("", "a", 4, 0),
					frame_of("", "a", 4, 0)};
	frames[3].known_as = "m9";
	frames[4].known_as = "m5";
	const enum worker_outcome wanted[] = {WORKER_ACCEPTED, WORKER_DUPLICATE, WORKER_REPEATED, WORKER_DUPLICATE,
					      WORKER_REPEATED, WORKER_ACCEPTED,  WORKER_DUPLICATE};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__an_erased_session_and_an_invalid_frame_go_before_all_else(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, LATE_MS), frame_of("m2", "b", 1, 0),
					frame_of("m3", "b", 9, LATE_MS), frame_of("m4", "c", 1, LATE_MS)};
	frames[0].is_erased = true;
	frames[1].is_erased = true;
	frames[1].is_invalid = true;
	frames[2].is_invalid = true;
	frames[3].is_invalid = false;
	const enum worker_outcome wanted[] = {WORKER_ERASED, WORKER_INVALID, WORKER_INVALID, WORKER_ACCEPTED};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

static void test_frame_rule__an_invalid_frame_supersedes_none(void **state)
{
	(void)state;
	struct worker_frame frames[] = {frame_of("m1", "a", 1, LATE_MS), frame_of("m2", "a", 2, LATE_MS)};
	frames[1].is_invalid = true;
	const enum worker_outcome wanted[] = {WORKER_ACCEPTED, WORKER_INVALID};
	assert_outcomes(frames, VIVA_COUNT(frames), wanted);
}

// Whatever the ages, however the queue is cut into batches: the newest frame of each session goes through, and what
// goes through of late frames is in order.
static void test_frame_rule__no_cut_into_batches_loses_the_newest_or_the_order(void **state)
{
	(void)state;
	enum { FRAMES = 48, SESSIONS = 3 };
	static const char *const sessions[SESSIONS] = {"a", "b", "c"};
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 20261125);
	for (int round = 0; round < 300; round++) {
		struct worker_frame frames[FRAMES];
		int64_t newest[SESSIONS] = {-1, -1, -1}, last[SESSIONS] = {0};
		for (int i = 0; i < FRAMES; i++) {
			size_t session = (size_t)viva_random_below(&random.random, SESSIONS);
			int64_t age_ms = viva_random_below(&random.random, 4) > 0 ? LATE_MS : 0;
			frames[i] = frame_of("", sessions[session], ++last[session], age_ms);
		}
		for (size_t at = 0, size; at < FRAMES; at += size) {
			size_t drawn = 1 + (size_t)viva_random_below(&random.random, 16);
			size = VIVA_MIN(drawn, FRAMES - at);
			for (size_t i = at; i < at + size; i++)
				frames[i].newest = newest[frames[i].session_id[0] - 'a'];
			worker_frames_decide(frames + at, size, MAX_AGE_MS);
			for (size_t i = at; i < at + size; i++) {
				int64_t *reached = &newest[frames[i].session_id[0] - 'a'];
				if (frames[i].outcome != WORKER_ACCEPTED)
					continue;
				assert_true(frames[i].number > *reached);
				*reached = frames[i].number;
			}
		}
		for (size_t i = 0; i < SESSIONS; i++)
			assert_int_equal(newest[i], last[i] > 0 ? last[i] : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_rule__frames_in_time_all_go_through),
		cmocka_unit_test(test_frame_rule__of_a_sessions_late_frames_only_the_newest_goes_through),
		cmocka_unit_test(test_frame_rule__what_may_have_been_passed_on_is_never_thinned_out),
		cmocka_unit_test(test_frame_rule__a_frame_in_time_supersedes_the_late_ones_before_it),
		cmocka_unit_test(test_frame_rule__newest_is_who_has_the_highest_number_however_they_arrive),
		cmocka_unit_test(test_frame_rule__a_late_frame_behind_one_that_was_passed_on_is_superseded),
		cmocka_unit_test(test_frame_rule__a_frame_that_another_message_brought_is_a_duplicate),
		cmocka_unit_test(test_frame_rule__an_erased_session_and_an_invalid_frame_go_before_all_else),
		cmocka_unit_test(test_frame_rule__an_invalid_frame_supersedes_none),
		cmocka_unit_test(test_frame_rule__no_cut_into_batches_loses_the_newest_or_the_order),
	};
	return cmocka_run_group_tests_name("frame_rule", tests, NULL, NULL);
}
