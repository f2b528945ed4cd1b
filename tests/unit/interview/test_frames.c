// SPDX-License-Identifier: Apache-2.0
#include "interview/frames.h"

#include <stdlib.h>
#include <string.h>

#include "events/events.h"
#include "interview_fixture.h"

static const char CONSENTED[] = "{\"user_id\":\"u\",\"total_questions\":2,\"consent\":{\"emotion_analysis\":true}}";
static const char TRACE[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
enum { TIME = 1700000000 };

// An interview with a session of its own and a frame for it.
struct sitter {
	struct interview_service *service;
	struct interview_session *session;
	struct viva_arena *arena;
	struct interview_frame frame;
};

static void sit_down(struct sitter *sitter, struct interview_fixture *fixture, struct interview_service *service,
		     const char *id, size_t size)
{
	*sitter = (struct sitter){.service = service, .arena = fixture->arena};
	assert_ok(interview_session_get(service->sessions, id, &sitter->session, NULL));
	sitter->frame = (struct interview_frame){.format = INTERVIEW_IMAGE_PNG,
						 .timestamp = TIME,
						 .call_deadline_us = INT64_MAX,
						 .deadline_us = INT64_MAX,
						 .traceparent = TRACE};
	uint8_t *bytes = NULL;
	assert_ok(viva_blob_create_uninitialised(size, &sitter->frame.image, &bytes));
	memset(bytes, 'p', size);
}

static void stand_up(struct sitter *sitter)
{
	viva_blob_destroy(sitter->frame.image);
	interview_session_unref(sitter->session);
}

static int queue_one(struct sitter *sitter, int64_t *ret_number, struct viva_error *error)
{
	return interview_queue_frame(sitter->service, sitter->session, &sitter->frame, sitter->arena, ret_number,
				     error);
}

static struct viva_frame_captured take_frame(struct interview_fixture *fixture, const char *id)
{
	const struct viva_bus_message *message = interview_fixture_take(fixture, VIVA_QUEUE_WORKER_FRAMES);
	struct viva_frame_captured event;
	assert_string_equal(message->routing_key, VIVA_KEY_FRAME_CAPTURED);
	assert_string_equal(message->type, VIVA_EVENT_FRAME_CAPTURED);
	assert_string_equal(message->session_id, id);
	assert_string_equal(message->traceparent, TRACE);
	assert_ok(viva_event_read_frame_captured(message->body, fixture->arena, &event, NULL));
	return event;
}

static void test_frames__a_queued_frame_is_published_with_all_that_it_is(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	int64_t number = 0;
	sitter.frame.may_be_kept = true;
	sitter.frame.question = 3;
	assert_ok(queue_one(&sitter, &number, NULL));
	assert_int_equal(number, 1);
	struct viva_frame_captured event = take_frame(fixture, id);
	assert_string_equal(event.session_id, id);
	assert_int_equal(event.timestamp_ms, TIME);
	assert_int_equal(event.frame_number, 1);
	assert_string_equal(event.format, "png");
	assert_true(event.keep);
	assert_int_equal(event.question, 3);
	assert_int_equal(event.image.size, 100);
	assert_memory_equal(event.image.data, viva_blob_bytes(sitter.frame.image).data, 100);
	stand_up(&sitter);
}

static void test_frames__a_live_frame_that_reaches_nobody_goes_into_the_queue_under_its_number(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	struct interview_frame_result result = {0};
	struct viva_error error = {0};
	assert_ok(interview_analyse_frame(&fixture->service, sitter.session, &sitter.frame, fixture->arena, &result,
					  &error));
	assert_int_equal(error.code, 0);
	assert_null(result.response);
	assert_int_equal(result.number, 1);
	struct viva_frame_captured event = take_frame(fixture, id);
	assert_int_equal(event.frame_number, 1);
	assert_int_equal(event.timestamp_ms, TIME);
	// Its live analysis may still be told by an event, once.
	assert_true(interview_session_take_fallen(sitter.session, 1));
	stand_up(&sitter);
}

static void test_frames__a_live_frame_that_the_queue_takes_neither_is_told_that_emotion_is_away(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 3 << 20);
	int64_t number = 0;
	struct viva_error error = {0};
	assert_ok(queue_one(&sitter, &number, NULL));
	assert_error(queue_one(&sitter, &number, &error), VIVA_EOVERLOAD);  // the bus holds 8 MiB
	assert_string_equal(error.message, "the queue takes no more frames now");
	assert_int_equal(number, 1);
	struct interview_frame_result result = {0};
	assert_error(interview_analyse_frame(&fixture->service, sitter.session, &sitter.frame, fixture->arena, &result,
					     &error),
		     VIVA_EEMOTIONDOWN);
	stand_up(&sitter);
}

static void test_frames__a_queue_that_fails_again_and_again_is_left_alone_for_a_moment(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 3 << 20);
	int64_t number = 0;
	assert_ok(queue_one(&sitter, &number, NULL));
	for (int i = 0; i < 6; i++)
		assert_error(queue_one(&sitter, &number, NULL), VIVA_EOVERLOAD);
	assert_error(queue_one(&sitter, &number, NULL), VIVA_EUNAVAILABLE);
	stand_up(&sitter);
}

static void test_frames__a_queued_frame_makes_the_continuation_stale(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	unsigned int before = atomic_load(&sitter.session->frame_epoch);
	int64_t number = 0;
	assert_ok(queue_one(&sitter, &number, NULL));
	assert_int_not_equal(atomic_load(&sitter.session->frame_epoch), before);
	stand_up(&sitter);
}

static struct interview_queue_count count_of(struct interview_service *service, const char *id)
{
	return interview_count_queued(service, id);
}

static int64_t queued_frames(struct interview_fixture *fixture, struct interview_service *service, const char *id)
{
	struct interview_record record = interview_fixture_load(fixture, id);
	struct interview_queue_count own = count_of(service, id);
	return interview_queued_frames(&record, &own);
}

static void test_frames__the_frames_of_one_instance_are_counted(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	assert_int_equal(queued_frames(fixture, &fixture->service, id), 0);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	int64_t number = 0;
	for (int i = 0; i < 3; i++)
		assert_ok(queue_one(&sitter, &number, NULL));
	struct interview_frame_result result = {0};
	struct viva_error error = {0};
	assert_ok(interview_analyse_frame(&fixture->service, sitter.session, &sitter.frame, fixture->arena, &result,
					  &error));
	assert_int_equal(queued_frames(fixture, &fixture->service, id), 4);
	stand_up(&sitter);
}

static void test_frames__a_publication_of_unknown_outcome_makes_the_count_unknown(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 3 << 20);
	int64_t number = 0;
	assert_ok(queue_one(&sitter, &number, NULL));
	assert_error(queue_one(&sitter, &number, NULL), VIVA_EOVERLOAD);
	assert_int_equal(queued_frames(fixture, &fixture->service, id), -1);
	stand_up(&sitter);
}

static void test_frames__two_instances_never_give_a_number_twice_and_only_know_that_they_do_not_know(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	interview_fixture_init_instance(fixture, &other);
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter one;
	struct sitter two;
	sit_down(&one, fixture, &fixture->service, id, 100);
	sit_down(&two, fixture, &other, id, 100);
	enum { FRAMES = 300 };
	static bool is_taken[4 * FRAMES];
	int64_t last[2] = {0};
	for (int i = 0; i < 2 * FRAMES; i++) {
		int64_t number = 0;
		assert_ok(queue_one(i % 2 ? &one : &two, &number, NULL));
		assert_true(number > last[i % 2] && number < 4 * FRAMES);
		assert_false(is_taken[number]);
		is_taken[number] = true;
		last[i % 2] = number;
	}
	assert_int_equal(queued_frames(fixture, &fixture->service, id), -1);
	assert_int_equal(queued_frames(fixture, &other, id), -1);
	stand_up(&one);
	stand_up(&two);
	interview_fixture_finish_instance(&other);
}

static void test_frames__an_instance_that_forgot_an_interview_does_not_know_its_frames(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	int64_t number = 0;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	assert_ok(queue_one(&sitter, &number, NULL));
	interview_session_forget(sitter.session);
	stand_up(&sitter);
	assert_int_equal(queued_frames(fixture, &fixture->service, id), -1);
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	assert_ok(queue_one(&sitter, &number, NULL));
	assert_int_equal(queued_frames(fixture, &fixture->service, id), -1);
	stand_up(&sitter);
}

static void test_frames__of_an_erased_interview_none_is_taken(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = "00000000-0000-7000-8000-000000000000";
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	int64_t number = 0;
	assert_error(queue_one(&sitter, &number, NULL), VIVA_ENOTFOUND);
	assert_int_equal(interview_fixture_waiting(fixture, VIVA_QUEUE_WORKER_FRAMES), 0);
	stand_up(&sitter);
}

static void test_frames__without_memory_a_frame_is_refused_and_nothing_is_counted(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct sitter sitter;
	sit_down(&sitter, fixture, &fixture->service, id, 100);
	int64_t number = 0;
	assert_ok(queue_one(&sitter, &number, NULL));  // so that the next one has its number
	fail_next_allocation(0);
	assert_error(queue_one(&sitter, &number, NULL), VIVA_ENOMEM);
	assert_int_equal(queued_frames(fixture, &fixture->service, id), 1);
	stand_up(&sitter);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(test_frames__a_queued_frame_is_published_with_all_that_it_is),
		WITH_SERVICE(test_frames__a_live_frame_that_reaches_nobody_goes_into_the_queue_under_its_number),
		WITH_SERVICE(test_frames__a_live_frame_that_the_queue_takes_neither_is_told_that_emotion_is_away),
		WITH_SERVICE(test_frames__a_queue_that_fails_again_and_again_is_left_alone_for_a_moment),
		WITH_SERVICE(test_frames__a_queued_frame_makes_the_continuation_stale),
		WITH_SERVICE(test_frames__the_frames_of_one_instance_are_counted),
		WITH_SERVICE(test_frames__a_publication_of_unknown_outcome_makes_the_count_unknown),
		WITH_SERVICE(test_frames__two_instances_never_give_a_number_twice_and_only_know_that_they_do_not_know),
		WITH_SERVICE(test_frames__an_instance_that_forgot_an_interview_does_not_know_its_frames),
		WITH_SERVICE(test_frames__of_an_erased_interview_none_is_taken),
		WITH_SERVICE(test_frames__without_memory_a_frame_is_refused_and_nothing_is_counted),
	};
	return cmocka_run_group_tests_name("interview/frames", tests, NULL, NULL);
}
