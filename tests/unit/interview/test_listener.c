// SPDX-License-Identifier: Apache-2.0
#include "interview/listener.h"

#include <string.h>

#include "events/events.h"
#include "interview/erase.h"
#include "interview/life.h"
#include "interview/messages.h"
#include "interview/routes.h"
#include "interview/score.h"
#include "interview_fixture.h"
#include "net/websocket_client.h"
#include "net_fixture.h"

enum { TIMEOUT_MS = 20000 };

static const char CONSENTED[] = "{\"user_id\":\"u\",\"total_questions\":1,\"consent\":{\"emotion_analysis\":true}}";
// What the scoring service has stored; calculated later than anything that the tests' clock says.
static const char STORED_SCORE[] = "{\"technical_score\":50,\"communication_score\":60,\"emotion_score\":null,"
				   "\"overall_score\":55,\"feedback\":\"Stored.\",\"calculated_at\":9000000000000}";

static struct net_server *server;

static int handle_stored_score(struct viva_http_request *request, struct viva_http_response *response,
			       struct viva_error *error)
{
	(void)request, (void)error;
	return viva_http_respond_text(response, 200, "application/json", STORED_SCORE);
}

static struct viva_http_route routes[16];

// The interview service's own routes, and one of a scoring service that knows a score.
static int set_up(void **state)
{
	interview_fixture_set_up(state);
	struct interview_fixture *fixture = *state;
	assert_true(interview_route_count < VIVA_COUNT(routes));
	memcpy(routes, interview_routes, interview_route_count * sizeof routes[0]);
	routes[interview_route_count] = (struct viva_http_route){
		.method = "GET", .pattern = "/api/v1/scores/session/:id", .handle = handle_stored_score};
	struct viva_http_server_options options = viva_http_server_defaults();
	options.context = &fixture->service;
	server = net_server_start(routes, interview_route_count + 1, options);
	assert_ok(interview_listener_create(&fixture->service, &fixture->service.listener, NULL));
	return 0;
}

static int tear_down(void **state)
{
	struct interview_fixture *fixture = *state;
	net_server_stop(server);
	fixture->service.listener = interview_listener_destroy(fixture->service.listener);
	return interview_fixture_tear_down(state);
}

// From now on the scoring service is the one that knows a score.
static void find_scoring(struct interview_fixture *fixture)
{
	struct interview_service *service = &fixture->service;
	char url[96];
	snprintf(url, sizeof url, "static:emotion=127.0.0.1:1;scoring=127.0.0.1:%u", net_server_port(server));
	interview_peers_destroy(service->peers);
	viva_discovery_destroy(service->runtime.discovery);
	assert_ok(viva_discovery_open(url, &service->runtime.discovery, NULL));
	assert_ok(interview_peers_create(&service->runtime, &service->peers, NULL));
}

// ---- a client

static json_t *receive(struct viva_websocket_client *client, const char *type)
{
	struct viva_buffer text = {.limit = 1 << 20};
	enum viva_websocket_kind kind;
	assert_ok(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &text));
	VIVA_AUTO_JSON message = json_loadb((const char *)text.data, text.size, 0, NULL);
	viva_buffer_finish(&text);
	assert_non_null(message);
	assert_string_equal(json_string_value(json_object_get(message, "type")), type);
	return json_incref(json_object_get(message, "data"));
}

static void expect(struct viva_websocket_client *client, const char *type)
{
	json_decref(receive(client, type));
}

static void send_message(struct viva_websocket_client *client, const char *text)
{
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_TEXT, text, strlen(text)));
}

// Connects and takes the greeting.
static struct viva_websocket_client *connect_to(struct interview_fixture *fixture, const char *id)
{
	struct viva_claims claims = {.mode = "practice", .emotion_analysis = true};
	claims.expires_at = viva_clock_unix_ms(&fixture->clock.clock) / 1000 + 3600;
	snprintf(claims.interview_id, sizeof claims.interview_id, "%s", id);
	const char *token = NULL;
	assert_ok(viva_auth_issue(fixture->service.runtime.auth, &claims, fixture->arena, &token));
	struct viva_websocket_client_options options = {
		.host = "127.0.0.1",
		.port = net_server_port(server),
		.target = viva_arena_printf(fixture->arena, "/ws/interviews/%s?token=%s", id, token),
	};
	struct viva_websocket_client *client = NULL;
	assert_ok(viva_websocket_client_connect(&options, &client, NULL));
	expect(client, "status");
	return client;
}

static struct viva_websocket_client *begin(struct interview_fixture *fixture, const char **ret_id)
{
	*ret_id = interview_fixture_start(fixture, CONSENTED);
	struct viva_websocket_client *client = connect_to(fixture, *ret_id);
	expect(client, "question");
	return client;
}

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
	VIVA_AUTO_JSON data = receive(client, "emotion_update");
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
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
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
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	for (int64_t number = 10; number < 13; number++)
		publish_emotion(fixture, id, number, "queue", false);
	publish_emotion(fixture, id, 20, "queue", true);
	publish_emotion(fixture, id, 15, "queue", false);
	publish_emotion(fixture, id, 21, "queue", true);
	VIVA_AUTO_JSON notice = receive(client, "error");
	assert_string_equal(json_string_value(json_object_get(notice, "code")), "FACE_NOT_DETECTED");
	expect_update(client, 20);
	expect_update(client, 21);
}

static void test_listener__a_live_frame_that_fell_into_the_queue_is_told_by_whichever_event_comes(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
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
	find_scoring(fixture);
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) one = begin(fixture, &id);
	VIVA_AUTO(viva_websocket_client) two = connect_to(fixture, id);
	expect(two, "question");
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	publish_score(fixture, id);
	VIVA_AUTO_JSON score = receive(one, "score");
	assert_string_equal(json_string_value(json_object_get(score, "feedback")), "Stored.");
	expect(two, "score");
	record = interview_fixture_load(fixture, id);
	assert_int_equal(record.state, INTERVIEW_SCORED);

	// However often it is told and by whom, nobody hears it again.
	size_t told = 9;
	publish_score(fixture, id);
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(told, 0);
	assert_ok(interview_score(&fixture->service, id, INT64_MAX, NULL));
	assert_true(interview_fixture_load(fixture, id).version == record.version);
	send_message(one, "{\"type\":\"ping\"}");
	expect(one, "pong");

	// Who comes later gets it with the greeting.
	VIVA_AUTO(viva_websocket_client) three = connect_to(fixture, id);
	expect(three, "score");
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(told, 0);
}

static void test_listener__a_score_for_other_answers_is_not_taken(void **state)
{
	struct interview_fixture *fixture = *state;
	find_scoring(fixture);
	const char *id = interview_fixture_start(fixture, CONSENTED);
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
	const char *id = interview_fixture_start(fixture, CONSENTED);
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	// Nobody at all is there, then a scoring service that speaks no gRPC.
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_EEMOTIONDOWN);
	find_scoring(fixture);
	assert_ok(interview_score(&fixture->service, id, INT64_MAX, NULL));
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_SCORED);
}

static void test_listener__the_sockets_of_an_interview_erased_elsewhere_are_told_and_closed(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	interview_fixture_init_instance(fixture, &other);
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	assert_ok(interview_erase(&other, id, NULL, fixture->arena, NULL));
	VIVA_AUTO_JSON gone = receive(client, "error");
	assert_string_equal(json_string_value(json_object_get(gone, "code")), "NOT_FOUND");
	struct viva_buffer text = {.limit = 1 << 20};
	enum viva_websocket_kind kind;
	assert_error(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &text), VIVA_ECLOSED);
	viva_buffer_finish(&text);
	interview_fixture_finish_instance(&other);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
