// SPDX-License-Identifier: Apache-2.0
#include "emotion_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/events.h"

struct emotion_fixture emotion_fixture;

static struct emotion_sessions *make_sessions(void)
{
	struct emotion_sessions_options options = emotion_sessions_defaults();
	options.clock = &emotion_fixture.clock.clock;
	struct emotion_sessions *sessions = NULL;
	assert_ok(emotion_sessions_create(&options, &sessions));
	return sessions;
}

static int open_service(struct emotion_service *service, struct viva_error *error)
{
	store_place_make(&emotion_fixture.place, emotion_fixture.directory, "viva");
	struct viva_auth_options keys = {.data_directory = emotion_fixture.directory,
					 .api_key = "an api key for the tests alone",
					 .token_key = "a token key for the tests that is long enough",
					 .clock = &emotion_fixture.clock.clock};
	struct viva_vision_options vision = viva_vision_defaults();
	struct viva_auth *auth = NULL;
	vision.model_directory = getenv("VIVA_MODEL_DIR");
	*service = (struct emotion_service){.clock = &emotion_fixture.clock.clock};
	int code = vision.model_directory ? viva_auth_open(&keys, &auth, error) : VIVA_EMODEL;
	service->auth = auth;
	if (code == 0)
		code = viva_vision_open(&vision, &service->vision, error);
	if (code == 0)
		code = emotion_timeline_open(emotion_fixture.place.url, VIVA_STORE_CONNECTIONS, &service->store, error);
	if (code == 0)
		code = emotion_gate_create(1, 60000, &service->gate);
	if (code == 0)
		code = bus_probe_open(&emotion_fixture.probe, emotion_fixture.directory, "emotion", service->store,
				      VIVA_KEY_EMOTION_ANALYZED, error);
	service->bus = emotion_fixture.probe.bus;
	service->outbox = emotion_fixture.probe.outbox;
	return code;
}

int emotion_fixture_open(void **state)
{
	(void)state;
	struct viva_error error = {0};
	make_test_directory(emotion_fixture.directory, sizeof emotion_fixture.directory);
	fake_clock_init(&emotion_fixture.clock);
	if (open_service(&emotion_fixture.service, &error) != 0) {
		print_error("the service can't be opened: %s\n", viva_error_message(&error));
		return -1;
	}
	struct emotion_service *service = &emotion_fixture.service;
	service->sessions = make_sessions();
	service->frames_with_face = viva_counter("test_frames", "result=\"face\"", "test");
	service->frames_without_face = viva_counter("test_frames", "result=\"no_face\"", "test");
	service->frames_refused = viva_counter("test_frames", "result=\"refused\"", "test");
	service->key_frames = viva_counter("test_key_frames", "", "test");
	service->inference_seconds = viva_histogram("test_seconds", "", "test");
	emotion_fixture.astronaut = read_astronaut();
	uint8_t *rgb = make_gradient(320, 240);
	emotion_fixture.room = make_jpeg(rgb, 320, 240, (struct jpeg_options){0});
	free(rgb);
	return viva_arena_create((size_t)1 << 30, &emotion_fixture.arena);
}

int emotion_fixture_close(void **state)
{
	(void)state;
	struct emotion_service *service = &emotion_fixture.service;
	bus_probe_close(&emotion_fixture.probe);
	viva_arena_destroy(emotion_fixture.arena);
	emotion_sessions_destroy(service->sessions);
	emotion_gate_destroy(service->gate);
	viva_store_destroy(service->store);
	viva_vision_destroy(service->vision);
	viva_auth_destroy((struct viva_auth *)(uintptr_t)service->auth);
	store_place_drop(&emotion_fixture.place);
	remove_test_directory(emotion_fixture.directory);
	free(emotion_fixture.astronaut);
	free_picture(emotion_fixture.room);
	return 0;
}

void emotion_fixture_forget_memory(void)
{
	emotion_sessions_destroy(emotion_fixture.service.sessions);
	emotion_fixture.service.sessions = make_sessions();
}

struct emotion_frame emotion_fixture_frame(const char *session_id, struct viva_bytes image, int64_t time_ms,
					   int64_t number)
{
	return (struct emotion_frame){.session_id = session_id,
				      .image = image,
				      .timestamp_ms = time_ms,
				      .frame_number = number,
				      .deadline_us = INT64_MAX};
}

Emotion__EmotionResponse *emotion_fixture_analyze(const struct emotion_frame *frame)
{
	Emotion__EmotionResponse *response = NULL;
	assert_ok(emotion_analyze(&emotion_fixture.service, frame, emotion_fixture.arena, &response, NULL));
	return response;
}

enum emotion_queued_outcome emotion_fixture_analyze_queued(const char *session_id, struct viva_bytes image,
							   int64_t time_ms, int64_t number)
{
	enum emotion_queued_outcome outcome = EMOTION_QUEUED_OUTCOMES;
	struct emotion_frame frame = emotion_fixture_frame(session_id, image, time_ms, number);
	frame.is_queued = true;
	assert_ok(emotion_analyze_queued(&emotion_fixture.service, &frame, emotion_fixture.arena, &outcome, NULL));
	return outcome;
}

struct viva_bytes emotion_fixture_seal(const char *session_id, const struct viva_tracker *tracker)
{
	uint8_t plain[1024];
	struct viva_bytes sealed;
	plain[0] = (uint8_t)strlen(session_id);
	memcpy(plain + 1, session_id, plain[0]);
	size_t size = 1u + plain[0] + viva_tracker_write(tracker, plain + 1 + plain[0]);
	assert_ok(viva_auth_seal(emotion_fixture.service.auth, "continuation", viva_bytes_of(plain, size),
				 emotion_fixture.arena, &sealed));
	return sealed;
}

int64_t emotion_fixture_summary(const char *session_id, const char *member)
{
	VIVA_AUTO_JSON json = NULL;
	assert_ok(emotion_timeline_page(emotion_fixture.service.store, session_id, 1, NULL, emotion_fixture.arena,
					&json, NULL));
	return json_integer_value(json_object_get(json_object_get(json, "summary"), member));
}

int64_t emotion_fixture_count(const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(emotion_fixture.service.store, emotion_fixture.arena, sql, NULL, 0, &rows, NULL));
	return viva_rows_int(&rows, 0, 0);
}

void emotion_fixture_publish_frame(const char *session_id, struct viva_bytes image, int64_t time_ms, int64_t number,
				   const char *traceparent)
{
	const struct viva_frame_captured event = {.session_id = session_id,
						  .timestamp_ms = time_ms,
						  .image = image,
						  .format = "jpeg",
						  .frame_number = number};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_FRAME_BYTES};
	assert_ok(viva_event_write_frame_captured(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_FRAME_ACCEPTED,
						 .type = VIVA_EVENT_FRAME_CAPTURED,
						 .session_id = session_id,
						 .traceparent = traceparent,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(emotion_fixture.service.bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}
