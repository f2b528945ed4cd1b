// SPDX-License-Identifier: Apache-2.0
//
// The consumers of frames and erasures, on the embedded bus.
#include "emotion/queue.h"

#include <stdio.h>
#include <string.h>

#include "emotion_fixture.h"
#include "events/events.h"

#define room emotion_fixture.room
#define probe emotion_fixture.probe

static struct emotion_service *const service = &emotion_fixture.service;

enum { PARTITIONS = 8 };  // as the bus has by default

static int start(void **state)
{
	(void)state;
	const struct emotion_queue_options queue = {
		.service = service, .partitions = PARTITIONS, .frames_at_a_time = 2};
	assert_ok(emotion_gate_create(2, 60000, &service->gate));
	assert_ok(emotion_queue_create(&queue, &service->queue, NULL));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	service->queue = emotion_queue_destroy(service->queue);
	service->gate = emotion_gate_destroy(service->gate);
	return 0;
}

// The fixture's gate is for tests without a queue.
static int open_all(void **state)
{
	int code = emotion_fixture_open(state);
	service->gate = emotion_gate_destroy(service->gate);
	return code;
}

static void test_queue__frames_of_many_sessions_are_analysed_each_once_and_in_order(void **state)
{
	(void)state;
	enum { SESSIONS = 6, FRAMES = 5 };
	char id[16];
	json_decref(bus_probe_events(&probe));
	for (int number = 1; number <= FRAMES; number++)
		for (int session = 0; session < SESSIONS; session++) {
			snprintf(id, sizeof id, "many-%d", session);
			emotion_fixture_publish_frame(id, room, 1000 + 40 * number, number, NULL);
			if (number == 3)  // at least once, the bus says
				emotion_fixture_publish_frame(id, room, 1000 + 40 * number, number, NULL);
		}
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	VIVA_AUTO_JSON events = bus_probe_events(&probe);
	assert_int_equal(json_array_size(events), SESSIONS * FRAMES);
	for (int session = 0; session < SESSIONS; session++) {
		size_t index;
		json_t *event;
		json_int_t last = 0;
		snprintf(id, sizeof id, "many-%d", session);
		assert_int_equal(emotion_fixture_summary(id, "frames"), FRAMES);
		json_array_foreach(events, index, event)
		{
			const json_t *body = json_object_get(event, "body");
			if (strcmp(json_string_value(json_object_get(body, "session_id")), id) != 0)
				continue;
			json_int_t number =
				json_integer_value(json_object_get(json_object_get(body, "metadata"), "frame_number"));
			assert_int_equal(number, last + 1);
			last = number;
		}
		assert_int_equal(last, FRAMES);
	}
}

static void test_queue__a_trace_goes_on_from_the_frame_to_what_is_told_of_it(void **state)
{
	(void)state;
	static const char trace[] = "00-11f7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01";
	json_decref(bus_probe_events(&probe));
	emotion_fixture_publish_frame("traced", room, 1000, 1, trace);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	VIVA_AUTO_JSON events = bus_probe_events(&probe);
	assert_string_equal(json_string_value(json_object_get(json_array_get(events, 0), "traceparent")), trace);
}

static void test_queue__a_poisonous_message_is_a_dead_letter_and_holds_up_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *type, *body;
	} poison[] = {
		{VIVA_EVENT_FRAME_CAPTURED, "{"},
		{VIVA_EVENT_FRAME_CAPTURED, "[]"},
		{VIVA_EVENT_FRAME_CAPTURED, "{}"},
		{VIVA_EVENT_FRAME_CAPTURED,
		 "{\"session_id\":7,\"timestamp\":\"2026-01-01T00:00:00Z\",\"image_data\":\"/9j/\","
		 "\"format\":\"jpeg\",\"frame_number\":1}"},
		{VIVA_EVENT_FRAME_CAPTURED, "{\"session_id\":\"s\",\"timestamp\":\"yesterday\",\"image_data\":\"/9j/\","
					    "\"format\":\"jpeg\",\"frame_number\":1}"},
		{"Nonsense", "{\"session_id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"image_data\":\"/9j/\","
			     "\"format\":\"jpeg\",\"frame_number\":1}"},
	};
	for (size_t i = 0; i < VIVA_COUNT(poison); i++)
		bus_probe_publish(&probe, VIVA_KEY_FRAME_ACCEPTED, poison[i].type, "poison",
				  viva_bytes_of_text(poison[i].body));
	emotion_fixture_publish_frame("poison", room, 1000, 1, NULL);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	assert_int_equal(emotion_fixture_summary("poison", "frames"), 1);
	assert_int_equal(bus_probe_drop_dead_letters(&probe), VIVA_COUNT(poison));
}

static void test_queue__an_unreadable_picture_is_in_the_ledger_and_no_dead_letter(void **state)
{
	(void)state;
	emotion_fixture_publish_frame("ledger", viva_bytes_of(room.data, room.size / 2), 1000, 1, NULL);
	emotion_fixture_publish_frame("ledger", room, 1040, 2, NULL);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	assert_int_equal(emotion_fixture_summary("ledger", "frames"), 1);
	assert_int_equal(emotion_fixture_count("SELECT COUNT(*) FROM emotion_drops WHERE session_id = 'ledger'"), 1);
	assert_int_equal(bus_probe_drop_dead_letters(&probe), 0);
}

static void test_queue__an_erased_interview_leaves_nothing_and_comes_to_nothing(void **state)
{
	(void)state;
	emotion_fixture_publish_frame("leaving", room, 1000, 1, NULL);
	emotion_fixture_publish_frame("staying", room, 1000, 1, NULL);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	bus_probe_publish_erasure(&probe, "leaving");
	bus_probe_wait_for_queues(&probe, "emotion.erasures");
	json_decref(bus_probe_events(&probe));
	emotion_fixture_publish_frame("leaving", room, 2000, 2, NULL);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	assert_int_equal(emotion_fixture_summary("leaving", "frames"), 0);
	assert_int_equal(emotion_fixture_summary("staying", "frames"), 1);
	VIVA_AUTO_JSON events = bus_probe_events(&probe);
	assert_int_equal(json_array_size(events), 0);
}

static void test_queue__a_bad_erasure_is_a_dead_letter(void **state)
{
	(void)state;
	bus_probe_publish(&probe, VIVA_KEY_INTERVIEW_ERASED, VIVA_EVENT_INTERVIEW_ERASED, "x",
			  viva_bytes_of_text("{}"));
	bus_probe_publish(&probe, VIVA_KEY_INTERVIEW_ERASED, "Other", "x", viva_bytes_of_text("{}"));
	bus_probe_wait_for_queues(&probe, "emotion.erasures");
	assert_int_equal(bus_probe_drop_dead_letters(&probe), 2);
}

static void test_queue__what_was_not_begun_when_it_stopped_is_analysed_by_the_next(void **state)
{
	(void)state;
	enum { FRAMES = 16 };
	for (int number = 1; number <= FRAMES; number++)
		emotion_fixture_publish_frame("handed-on", room, 1000 + 40 * number, number, NULL);
	emotion_queue_stop(service->queue);
	stop(NULL);
	int64_t before = emotion_fixture_summary("handed-on", "frames");
	start(NULL);
	bus_probe_wait_for_queues(&probe, "emotion.frames");
	assert_in_range(before, 0, FRAMES);
	assert_int_equal(emotion_fixture_summary("handed-on", "frames"), FRAMES);
	assert_int_equal(bus_probe_drop_dead_letters(&probe), 0);
}

static void test_queue__a_queue_without_partitions_or_threads_is_refused(void **state)
{
	(void)state;
	struct emotion_queue *queue = NULL;
	struct emotion_queue_options options = {.service = service, .partitions = 0, .frames_at_a_time = 1};
	assert_error(emotion_queue_create(&options, &queue, NULL), VIVA_EINVAL);
	options = (struct emotion_queue_options){.service = service, .partitions = 1, .frames_at_a_time = 0};
	assert_error(emotion_queue_create(&options, &queue, NULL), VIVA_EINVAL);
	options.frames_at_a_time = 1;
	fail_next_allocation(0);
	assert_error(emotion_queue_create(&options, &queue, NULL), VIVA_ENOMEM);
	assert_null(emotion_queue_destroy(NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_queue__frames_of_many_sessions_are_analysed_each_once_and_in_order),
		TEST(test_queue__a_trace_goes_on_from_the_frame_to_what_is_told_of_it),
		TEST(test_queue__a_poisonous_message_is_a_dead_letter_and_holds_up_nothing),
		TEST(test_queue__an_unreadable_picture_is_in_the_ledger_and_no_dead_letter),
		TEST(test_queue__an_erased_interview_leaves_nothing_and_comes_to_nothing),
		TEST(test_queue__a_bad_erasure_is_a_dead_letter),
		TEST(test_queue__what_was_not_begun_when_it_stopped_is_analysed_by_the_next),
		TEST(test_queue__a_queue_without_partitions_or_threads_is_refused),
	};
	return cmocka_run_group_tests(tests, open_all, emotion_fixture_close);
}
