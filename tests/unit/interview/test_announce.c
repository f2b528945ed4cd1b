// SPDX-License-Identifier: Apache-2.0
#include "interview/announce.h"

#include <string.h>

#include "events/events.h"
#include "interview/erase.h"
#include "interview/janitor.h"
#include "interview/life.h"
#include "interview_fixture.h"

static const char ONE_QUESTION[] = "{\"user_id\":\"u\",\"total_questions\":1}";
static const char TRACE[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static void test_announce__completing_tells_once(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, ONE_QUESTION);
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
	fake_clock_advance_ms(&fixture->clock, 12345);
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, TRACE, fixture->arena, &record, NULL));
	assert_ok(interview_complete(&fixture->service, id, TRACE, fixture->arena, &record, NULL));

	const struct viva_bus_message *message = interview_fixture_take(fixture, VIVA_QUEUE_WORKER_COMPLETIONS);
	struct viva_interview_completed event;
	assert_ok(viva_event_read_interview_completed(message->body, fixture->arena, &event, NULL));
	assert_string_equal(message->type, VIVA_EVENT_INTERVIEW_COMPLETED);
	assert_string_equal(message->session_id, id);
	assert_string_equal(message->traceparent, TRACE);
	assert_string_equal(event.session_id, id);
	assert_string_equal(event.user_id, "u");
	assert_true(event.completed_at_ms == record.completed_at);
	assert_int_equal(event.total_duration_s, 12);
	assert_int_equal(event.answer_count, 1);
	assert_int_equal(event.queued_frames, 0);
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_WORKER_COMPLETIONS), 0);
}

static void test_announce__an_interview_timed_out_with_all_answered_is_told_and_an_expired_one_is_not(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *finished = interview_fixture_start(fixture, ONE_QUESTION);
	interview_fixture_start(fixture, ONE_QUESTION);
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, finished, "", &result));
	fake_clock_advance_ms(&fixture->clock, fixture->service.timeout_ms);
	interview_janitor_round(&fixture->service);
	const struct viva_bus_message *message = interview_fixture_take(fixture, VIVA_QUEUE_WORKER_COMPLETIONS);
	assert_string_equal(message->session_id, finished);
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_WORKER_COMPLETIONS), 0);
}

static void test_announce__two_instances_that_complete_at_once_tell_once(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	interview_fixture_init_instance(fixture, &other);
	enum { INTERVIEWS = 20 };
	struct interview_record record;
	for (int i = 0; i < INTERVIEWS; i++) {
		const char *id = interview_fixture_start(fixture, ONE_QUESTION);
		assert_ok(interview_complete(i % 2 ? &other : &fixture->service, id, NULL, fixture->arena, &record,
					     NULL));
		assert_ok(interview_complete(i % 2 ? &fixture->service : &other, id, NULL, fixture->arena, &record,
					     NULL));
	}
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_WORKER_COMPLETIONS), INTERVIEWS);
	interview_fixture_finish_instance(&other);
}

static void assert_is_erasure(struct interview_fixture *fixture, const struct viva_bus_message *message, const char *id)
{
	struct viva_interview_erased event;
	assert_ok(viva_event_read_interview_erased(message->body, fixture->arena, &event, NULL));
	assert_string_equal(message->type, VIVA_EVENT_INTERVIEW_ERASED);
	assert_string_equal(message->session_id, id);
	assert_string_equal(event.session_id, id);
	assert_true(event.erased_at_ms > 0);
}

static void test_announce__erasing_tells_every_service_once(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, ONE_QUESTION);
	assert_ok(interview_erase(&fixture->service, id, TRACE, fixture->arena, NULL));
	assert_error(interview_erase(&fixture->service, id, TRACE, fixture->arena, NULL), VIVA_ENOTFOUND);
	static const enum viva_bus_queue queues[] = {VIVA_QUEUE_EMOTION_ERASURES, VIVA_QUEUE_SCORING_ERASURES,
						     VIVA_QUEUE_WORKER_ERASURES};
	for (size_t i = 0; i < VIVA_COUNT(queues); i++) {
		const struct viva_bus_message *message = interview_fixture_take(fixture, queues[i]);
		assert_is_erasure(fixture, message, id);
		assert_string_equal(message->traceparent, TRACE);
		assert_int_equal(interview_fixture_waiting(fixture, queues[i]), 0);
	}
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_interviews"), 0);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_erasures"), 1);
}

static void test_announce__a_tombstone_goes_after_a_month(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, ONE_QUESTION);
	assert_ok(interview_erase(&fixture->service, id, NULL, fixture->arena, NULL));
	const int64_t month_ms = INT64_C(30) * 24 * 60 * 60 * 1000;
	fake_clock_advance_ms(&fixture->clock, month_ms);
	interview_janitor_round(&fixture->service);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_erasures"), 1);
	fake_clock_advance_ms(&fixture->clock, 1);
	interview_janitor_round(&fixture->service);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_erasures"), 0);
}

static void execute(struct interview_fixture *fixture, const char *sql, const char *id)
{
	struct viva_value values[] = {viva_value_text(id)};
	assert_ok(viva_store_execute(fixture->service.store, sql, values, VIVA_COUNT(values), NULL, NULL));
}

static void test_announce__what_the_first_version_left_to_be_done_is_told_once(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, ONE_QUESTION);
	execute(fixture,
		"UPDATE interview_interviews SET state = 'completed', completed_at = started_at + 1000 WHERE id = $1",
		id);
	const char *erased = "00000000-0000-7000-8000-000000000000";
	execute(fixture,
		"INSERT INTO interview_erasures (interview_id, erased_at, sweeps_left, sweep_after)"
		" VALUES ($1, 1, 2, 0)",
		erased);
	interview_janitor_round(&fixture->service);
	interview_janitor_round(&fixture->service);
	assert_string_equal(interview_fixture_take(fixture, VIVA_QUEUE_WORKER_COMPLETIONS)->session_id, id);
	assert_is_erasure(fixture, interview_fixture_take(fixture, VIVA_QUEUE_EMOTION_ERASURES), erased);
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_WORKER_COMPLETIONS), 0);
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_EMOTION_ERASURES), 0);
}

static void test_announce__a_completion_that_cannot_be_told_does_not_happen(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, ONE_QUESTION);
	assert_ok(viva_store_execute(fixture->service.store, "ALTER TABLE interview_outbox RENAME TO lost", NULL, 0,
				     NULL, NULL));
	struct interview_record record;
	assert_error(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL), VIVA_EIO);
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_IN_PROGRESS);
	assert_error(interview_erase(&fixture->service, id, NULL, fixture->arena, NULL), VIVA_EIO);
	assert_int_equal(interview_fixture_count(fixture, "SELECT count(*) FROM interview_interviews"), 1);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(test_announce__completing_tells_once),
		WITH_SERVICE(test_announce__an_interview_timed_out_with_all_answered_is_told_and_an_expired_one_is_not),
		WITH_SERVICE(test_announce__two_instances_that_complete_at_once_tell_once),
		WITH_SERVICE(test_announce__erasing_tells_every_service_once),
		WITH_SERVICE(test_announce__a_tombstone_goes_after_a_month),
		WITH_SERVICE(test_announce__what_the_first_version_left_to_be_done_is_told_once),
		WITH_SERVICE(test_announce__a_completion_that_cannot_be_told_does_not_happen),
	};
	return cmocka_run_group_tests_name("interview/announce", tests, NULL, NULL);
}
