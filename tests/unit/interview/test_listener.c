// SPDX-License-Identifier: Apache-2.0
#include "interview/listener.h"

#include <string.h>

#include "events/events.h"
#include "interview/erase.h"
#include "interview/life.h"
#include "interview/messages.h"
#include "interview/score.h"
#include "interview_sockets.h"

// ---- events

static void publish(struct interview_fixture *fixture, const char *key, const char *type, const char *id,
		    struct viva_bytes body)
{
	const struct viva_bus_message message = {.routing_key = key, .type = type, .session_id = id, .body = body};
	assert_ok(viva_bus_publish(fixture->service.runtime.bus, &message, 1, INT64_MAX, NULL));
}

static void publish_emotion(struct interview_fixture *fixture, const char *id, int64_t number, const char *source,
			    bool has_face)
{
	VIVA_AUTO_JSON metadata =
		json_pack("{s:I, s:b, s:i, s:s, s:f, s:i}", "frame_number", (json_int_t)number, "face_detected",
			  has_face, "latency_ms", 3, "source", source, "attention", .5, "face_count", has_face);
	const struct viva_emotion_analyzed event = {.session_id = id,
						    .timestamp_ms = 1000 * number,
						    .emotion = has_face ? "happy" : "",
						    .confidence = .75,
						    .blink_count = number,
						    .metadata = metadata};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	assert_ok(viva_event_write_emotion_analyzed(&event, &body));
	publish(fixture, VIVA_KEY_EMOTION_ANALYZED, VIVA_EVENT_EMOTION_ANALYZED, id,
		viva_bytes_of(body.data, body.size));
	viva_buffer_finish(&body);
}

static void expect_update(struct viva_websocket_client *client, int64_t number)
{
	VIVA_AUTO_JSON data = socket_receive(client, "emotion_update");
	assert_int_equal(json_integer_value(json_object_get(data, "timestamp")), 1000 * number);
	assert_string_equal(json_string_value(json_object_get(data, "emotion")), "happy");
	assert_int_equal(json_integer_value(json_object_get(data, "blink_count")), number);
	assert_true(json_real_value(json_object_get(data, "attention")) == .5);
	assert_int_equal(json_object_size(data), 10);
}

static void test_listener__updates_of_queued_frames_are_told_and_those_of_live_ones_are_not(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = socket_begin(fixture, &id);
	publish_emotion(fixture, id, 1, "live", true);
	publish_emotion(fixture, id, 2, "queue", true);
	publish_emotion(fixture, "00000000-0000-7000-8000-000000000000", 3, "queue", true);
	publish(fixture, VIVA_KEY_EMOTION_ANALYZED, VIVA_EVENT_EMOTION_ANALYZED, id, viva_bytes_of_text("{\"no\":1"));
	publish_emotion(fixture, id, 4, "queue", true);
	publish_emotion(fixture, id, 3, "queue", true);  // late, but told
	expect_update(client, 2);
	expect_update(client, 4);
	expect_update(client, 3);
}

static void test_listener__a_missing_face_is_told_now_and_then_and_never_of_old_frames(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = socket_begin(fixture, &id);
	for (int64_t number = 10; number < 13; number++)
		publish_emotion(fixture, id, number, "queue", false);
	publish_emotion(fixture, id, 20, "queue", true);
	publish_emotion(fixture, id, 15, "queue", false);
	publish_emotion(fixture, id, 21, "queue", true);
	VIVA_AUTO_JSON notice = socket_receive(client, "error");
	assert_string_equal(json_string_value(json_object_get(notice, "code")), "FACE_NOT_DETECTED");
	expect_update(client, 20);
	expect_update(client, 21);
}

static void test_listener__a_live_frame_that_fell_into_the_queue_is_told_by_whichever_event_comes(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = socket_begin(fixture, &id);
	// A PNG's head is enough for what the interview service looks at.
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0,
				      0,    0,   64,  0,   0,    0,    64,   8,    2, 0, 0, 0,  0,   0,   0,   0};
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_BINARY, png, sizeof png));
	const struct viva_bus_message *message = interview_fixture_take(fixture, VIVA_QUEUE_WORKER_FRAMES);
	struct viva_frame_captured event;
	assert_ok(viva_event_read_frame_captured(message->body, fixture->arena, &event, NULL));
	assert_string_equal(event.session_id, id);
	assert_int_equal(event.frame_number, 1);
	// Neither an error nor anything else was said; the answer that got lost is now told by its event, once.
	publish_emotion(fixture, id, 1, "live", true);
	publish_emotion(fixture, id, 1, "live", true);
	publish_emotion(fixture, id, 2, "queue", true);
	expect_update(client, 1);
	expect_update(client, 2);
}

static void publish_score(struct interview_fixture *fixture, const char *id)
{
	const struct viva_score_calculated event = {.session_id = id, .calculated_at_ms = 1};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	assert_ok(viva_event_write_score_calculated(&event, &body));
	publish(fixture, VIVA_KEY_SCORE_CALCULATED, VIVA_EVENT_SCORE_CALCULATED, id,
		viva_bytes_of(body.data, body.size));
	viva_buffer_finish(&body);
}

static void test_listener__a_score_that_the_scoring_service_has_is_stored_once_and_told_to_each_socket_once(
	void **state)
{
	struct interview_fixture *fixture = *state;
	interview_sockets_find_scoring(fixture);
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) one = socket_begin(fixture, &id);
	VIVA_AUTO(viva_websocket_client) two = socket_connect(fixture, id);
	socket_expect(two, "question");
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	publish_score(fixture, id);
	VIVA_AUTO_JSON score = socket_receive(one, "score");
	assert_string_equal(json_string_value(json_object_get(score, "feedback")), "Stored.");
	socket_expect(two, "score");
	record = interview_fixture_load(fixture, id);
	assert_int_equal(record.state, INTERVIEW_SCORED);

	// However often it is told and by whom, nobody hears it again.
	size_t told = 9;
	publish_score(fixture, id);
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(told, 0);
	assert_ok(interview_score(&fixture->service, id, INT64_MAX, NULL));
	assert_true(interview_fixture_load(fixture, id).version == record.version);
	socket_send(one, "{\"type\":\"ping\"}");
	socket_expect(one, "pong");

	// Who comes later gets it with the greeting.
	VIVA_AUTO(viva_websocket_client) three = socket_connect(fixture, id);
	socket_expect(three, "score");
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(told, 0);
}

static void test_listener__a_score_for_other_answers_is_not_taken(void **state)
{
	struct interview_fixture *fixture = *state;
	interview_sockets_find_scoring(fixture);
	const char *id = interview_fixture_start(fixture, INTERVIEW_CONSENTED);
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	// Completed after the score was calculated.
	struct viva_value values[] = {viva_value_text(id)};
	assert_ok(viva_store_execute(fixture->service.store,
				     "UPDATE interview_interviews SET completed_at = 9000000000001 WHERE id = $1",
				     values, VIVA_COUNT(values), NULL, NULL));
	size_t told = 9;
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_COMPLETED);
}

static void test_listener__an_attempt_whose_answer_was_lost_is_made_up_for_by_what_is_stored(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, INTERVIEW_CONSENTED);
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	// Nobody at all is there, then a scoring service that speaks no gRPC.
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_EEMOTIONDOWN);
	interview_sockets_find_scoring(fixture);
	assert_ok(interview_score(&fixture->service, id, INT64_MAX, NULL));
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_SCORED);
}

static void test_listener__the_sockets_of_an_interview_erased_elsewhere_are_told_and_closed(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	interview_fixture_init_instance(fixture, &other);
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = socket_begin(fixture, &id);
	assert_ok(interview_erase(&other, id, NULL, fixture->arena, NULL));
	VIVA_AUTO_JSON gone = socket_receive(client, "error");
	assert_string_equal(json_string_value(json_object_get(gone, "code")), "NOT_FOUND");
	socket_expect_end(client);
	interview_fixture_finish_instance(&other);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, interview_sockets_set_up, interview_sockets_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_listener__updates_of_queued_frames_are_told_and_those_of_live_ones_are_not),
		WITH_SERVER(test_listener__a_missing_face_is_told_now_and_then_and_never_of_old_frames),
		WITH_SERVER(test_listener__a_live_frame_that_fell_into_the_queue_is_told_by_whichever_event_comes),
		WITH_SERVER(
			test_listener__a_score_that_the_scoring_service_has_is_stored_once_and_told_to_each_socket_once),
		WITH_SERVER(test_listener__a_score_for_other_answers_is_not_taken),
		WITH_SERVER(test_listener__an_attempt_whose_answer_was_lost_is_made_up_for_by_what_is_stored),
		WITH_SERVER(test_listener__the_sockets_of_an_interview_erased_elsewhere_are_told_and_closed),
	};
	return cmocka_run_group_tests_name("interview/listener", tests, NULL, NULL);
}
