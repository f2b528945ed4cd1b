// SPDX-License-Identifier: Apache-2.0
//
// Frames of sessions, with the real models, a store in a folder of its own, and keys of its own.
#include "emotion/analysis.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "emotion/timeline.h"
#include "pictures.h"
#include "viva_test.h"

static struct emotion_service service;
static struct fake_clock fake;
static char directory[PATH_MAX];
static struct viva_arena *arena;
static uint8_t *astronaut;
static struct viva_bytes room;

static struct emotion_sessions *make_sessions(void)
{
	struct emotion_sessions_options options = emotion_sessions_defaults();
	options.clock = &fake.clock;
	struct emotion_sessions *sessions = NULL;
	assert_ok(emotion_sessions_create(&options, &sessions));
	return sessions;
}

static int open_service(void **state)
{
	(void)state;
	char url[PATH_MAX + 32];
	struct viva_error error = {0};
	struct viva_auth *auth = NULL;
	make_test_directory(directory, sizeof directory);
	snprintf(url, sizeof url, "sqlite:%s/viva.db", directory);
	fake_clock_init(&fake);
	struct viva_auth_options keys = {.data_directory = directory,
					 .api_key = "an api key for the tests alone",
					 .token_key = "a token key for the tests that is long enough",
					 .clock = &fake.clock};
	struct viva_vision_options vision = viva_vision_defaults();
	vision.model_directory = getenv("VIVA_MODEL_DIR");
	service = (struct emotion_service){.clock = &fake.clock};
	if (!vision.model_directory || viva_auth_open(&keys, &auth, &error) != 0 ||
	    viva_vision_open(&vision, &service.vision, &error) != 0 ||
	    emotion_timeline_open(url, &service.store, &error) != 0) {
		print_error("the service can't be opened: %s\n", error.message);
		return -1;
	}
	service.auth = auth;
	service.sessions = make_sessions();
	service.frames_with_face = viva_counter("test_frames", "result=\"face\"", "test");
	service.frames_without_face = viva_counter("test_frames", "result=\"no_face\"", "test");
	service.frames_refused = viva_counter("test_frames", "result=\"refused\"", "test");
	service.inference_seconds = viva_histogram("test_seconds", "", "test");
	astronaut = read_astronaut();
	uint8_t *rgb = make_gradient(320, 240);
	room = make_jpeg(rgb, 320, 240, (struct jpeg_options){0});
	free(rgb);
	return viva_arena_create(0, &arena);
}

static int close_service(void **state)
{
	(void)state;
	viva_arena_destroy(arena);
	emotion_sessions_destroy(service.sessions);
	viva_store_destroy(service.store);
	viva_vision_destroy(service.vision);
	viva_auth_destroy((struct viva_auth *)(uintptr_t)service.auth);
	remove_test_directory(directory);
	free(astronaut);
	free_picture(room);
	return 0;
}

static struct emotion_frame frame_of(const char *session_id, struct viva_bytes image, int64_t time_ms, int64_t number)
{
	return (struct emotion_frame){.session_id = session_id,
				      .image = image,
				      .timestamp_ms = time_ms,
				      .frame_number = number,
				      .deadline_us = INT64_MAX};
}

static struct viva_bytes bytes_of(ProtobufCBinaryData data)
{
	return viva_bytes_of(data.data, data.len);
}

static Emotion__EmotionResponse *analyze(const struct emotion_frame *frame)
{
	Emotion__EmotionResponse *response = NULL;
	struct viva_error error = {0};
	assert_ok(emotion_analyze(&service, frame, arena, &response, &error));
	return response;
}

static int64_t frames_kept(const char *session_id)
{
	VIVA_AUTO_JSON json = NULL;
	assert_ok(emotion_timeline_page(service.store, session_id, 10, NULL, arena, &json, NULL));
	return json_integer_value(json_object_get(json_object_get(json, "summary"), "frames"));
}

static int32_t blinks_of(const struct emotion_frame *frame)
{
	Emotion__BlinkResponse *response = NULL;
	assert_ok(emotion_detect_blink(&service, frame, arena, &response, NULL));
	return response->blink_count;
}

static void test_analysis__no_face_is_an_answer_and_is_kept(void **state)
{
	(void)state;
	struct emotion_frame frame = frame_of("room", room, 1000, 1);
	Emotion__EmotionResponse *response = analyze(&frame);
	assert_string_equal(response->session_id, "room");
	assert_string_equal(response->emotion, "");
	assert_string_equal(response->hint, "no_face");
	assert_false(response->face_metrics->detected);
	assert_null(response->head_pose);
	assert_int_equal(response->frame_number, 1);
	assert_true(response->continuation.len > 0);
	assert_int_equal(frames_kept("room"), 1);
}

static void test_analysis__a_retry_of_a_frame_changes_nothing_that_is_kept(void **state)
{
	(void)state;
	struct emotion_frame frame = frame_of("retry", room, 1000, 1);
	analyze(&frame);
	analyze(&frame);
	assert_int_equal(frames_kept("retry"), 1);
}

static void test_analysis__a_bad_picture_leaves_no_trace(void **state)
{
	(void)state;
	struct emotion_frame frame = frame_of("bad", viva_bytes_of_text("GIF89a"), 1000, 1);
	Emotion__EmotionResponse *response = NULL;
	assert_error(emotion_analyze(&service, &frame, arena, &response, NULL), VIVA_EIMAGE);
	assert_int_equal(frames_kept("bad"), 0);
}

static void test_analysis__a_passed_deadline_stops_the_work(void **state)
{
	(void)state;
	struct emotion_frame frame = frame_of("late", room, 1000, 1);
	frame.deadline_us = 1;
	Emotion__EmotionResponse *response = NULL;
	assert_error(emotion_analyze(&service, &frame, arena, &response, NULL), VIVA_EDEADLINE);
	assert_int_equal(frames_kept("late"), 0);
}

// A tracker that has counted `blinks`, sealed for a session as the service seals it.
static struct viva_bytes seal(const char *session_id, const struct viva_tracker *tracker)
{
	uint8_t plain[1024];
	struct viva_bytes sealed;
	plain[0] = (uint8_t)strlen(session_id);
	memcpy(plain + 1, session_id, plain[0]);
	size_t size = 1u + plain[0] + viva_tracker_write(tracker, plain + 1 + plain[0]);
	assert_ok(viva_auth_seal(service.auth, "continuation", viva_bytes_of(plain, size), arena, &sealed));
	return sealed;
}

static void test_analysis__a_continuation_goes_on_where_it_was_made(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 900, .eyes = {.blink_count = 5}};
	struct emotion_frame frame = frame_of("moved", room, 1000, 1);
	frame.continuation = seal("moved", &tracker);
	Emotion__EmotionResponse *response = analyze(&frame);
	assert_int_equal(response->blink_metrics->count, 5);
	// What came back goes on, too, and so does the service's own memory.
	frame = frame_of("moved", room, 1040, 2);
	frame.continuation = bytes_of(response->continuation);
	assert_int_equal(analyze(&frame)->blink_metrics->count, 5);
	frame = frame_of("moved", room, 1080, 3);
	assert_int_equal(blinks_of(&frame), 5);
}

static void test_analysis__an_old_continuation_does_not_set_the_memory_back(void **state)
{
	(void)state;
	struct viva_tracker newer = {.has_time = true, .last_ms = 9000, .eyes = {.blink_count = 8}};
	struct viva_tracker older = {.has_time = true, .last_ms = 900, .eyes = {.blink_count = 2}};
	struct emotion_frame frame = frame_of("replay", room, 9040, 9);
	frame.continuation = seal("replay", &newer);
	analyze(&frame);
	frame = frame_of("replay", room, 1000, 1);
	frame.continuation = seal("replay", &older);
	assert_int_equal(analyze(&frame)->blink_metrics->count, 2);
	frame = frame_of("replay", room, 9080, 10);
	assert_int_equal(blinks_of(&frame), 8);
}

static void assert_refused(struct emotion_frame frame)
{
	struct viva_error error = {0};
	Emotion__EmotionResponse *response = NULL;
	assert_error(emotion_analyze(&service, &frame, arena, &response, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "continuation");
}

static void test_analysis__a_forged_or_foreign_continuation_is_refused(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 900};
	struct emotion_frame frame = frame_of("mine", room, 1000, 1);
	struct viva_bytes sealed = seal("mine", &tracker);
	for (size_t i = 0; i < sealed.size; i++) {
		uint8_t *forged = malloc(sealed.size);
		assert_non_null(forged);
		memcpy(forged, sealed.data, sealed.size);
		forged[i] ^= 0x10;
		frame.continuation = viva_bytes_of(forged, sealed.size);
		assert_refused(frame);
		free(forged);
	}
	frame.continuation = viva_bytes_of(sealed.data, sealed.size - 1);
	assert_refused(frame);
	frame.continuation = seal("mine2", &tracker);
	assert_refused(frame);
	frame.continuation = viva_bytes_of(room.data, room.size);
	assert_refused(frame);
	assert_int_equal(frames_kept("mine"), 0);
}

static void test_analysis__a_session_goes_on_after_the_process_died(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 900, .eyes = {.blink_count = 4}};
	struct emotion_frame frame = frame_of("crash", room, 1000, 1);
	frame.continuation = seal("crash", &tracker);
	analyze(&frame);
	emotion_sessions_destroy(service.sessions);  // all that lives in memory only
	service.sessions = make_sessions();
	frame = frame_of("crash", room, 1040, 2);
	assert_int_equal(blinks_of(&frame), 4);
}

static void test_analysis__an_erased_session_begins_anew(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 900, .eyes = {.blink_count = 4}};
	struct emotion_frame frame = frame_of("erased", room, 1000, 1);
	frame.continuation = seal("erased", &tracker);
	analyze(&frame);
	assert_ok(emotion_erase(&service, "erased", NULL));
	assert_int_equal(frames_kept("erased"), 0);
	frame = frame_of("erased", room, 1040, 2);
	assert_int_equal(blinks_of(&frame), 0);
}

static void test_analysis__a_real_face_is_told_in_full(void **state)
{
	(void)state;
	if (!astronaut) {
		print_message("skipped: no demo/astronaut.png in VIVA_CACHE_DIR; run ./dev deps\n");
		skip();
	}
	struct viva_bytes picture = film_astronaut(astronaut, 50, 20);
	struct emotion_frame frame = frame_of("face", picture, 1000, 1);
	Emotion__EmotionResponse *response = analyze(&frame);
	assert_true(response->face_metrics->detected);
	assert_int_equal(response->face_metrics->n_landmarks, VIVA_LANDMARK_COUNT);
	assert_string_equal(response->emotion, "happy");
	assert_int_equal(response->n_expressions, VIVA_EXPRESSION_COUNT);
	assert_non_null(response->head_pose);
	Emotion__FaceResponse *face = NULL;
	assert_ok(emotion_detect_face(&service, &frame, arena, &face, NULL));
	assert_true(face->detected);
	assert_in_range(face->box->x + 1000, response->face_metrics->bounding_box->x + 995,
			response->face_metrics->bounding_box->x + 1005);
	free_picture(picture);
}

static void test_analysis__members_out_of_range_are_named(void **state)
{
	(void)state;
	const struct viva_bytes id = viva_bytes_of_text("s");
	const struct {
		struct emotion_frame_view view;
		const char *field;
	} cases[] = {
		{{.image = room}, "session_id"},
		{{.session_id = viva_bytes_of_text("a\nb"), .image = room}, "session_id"},
		{{.session_id = id}, "image_data"},
		{{.session_id = id, .image = room, .timestamp = -1}, "timestamp"},
		{{.session_id = id, .image = room, .timestamp = INT64_MAX}, "timestamp"},
		{{.session_id = id, .image = room, .frame_number = -1}, "frame_number"},
		{{.session_id = id, .image = room, .format = viva_bytes_of_text("gif")}, "format"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct emotion_frame frame;
		struct viva_error error = {0};
		assert_error(emotion_frame_from_view(&cases[i].view, "", arena, &frame, &error), VIVA_EFIELD);
		assert_string_equal(error.field, cases[i].field);
	}
	char endless[EMOTION_MAX_SESSION_ID + 2];
	memset(endless, 'x', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_error(emotion_session_id_check(endless, NULL), VIVA_EFIELD);
	assert_ok(emotion_session_id_check(endless + 1, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_analysis__no_face_is_an_answer_and_is_kept),
		cmocka_unit_test(test_analysis__a_retry_of_a_frame_changes_nothing_that_is_kept),
		cmocka_unit_test(test_analysis__a_bad_picture_leaves_no_trace),
		cmocka_unit_test(test_analysis__a_passed_deadline_stops_the_work),
		cmocka_unit_test(test_analysis__a_continuation_goes_on_where_it_was_made),
		cmocka_unit_test(test_analysis__an_old_continuation_does_not_set_the_memory_back),
		cmocka_unit_test(test_analysis__a_forged_or_foreign_continuation_is_refused),
		cmocka_unit_test(test_analysis__a_session_goes_on_after_the_process_died),
		cmocka_unit_test(test_analysis__an_erased_session_begins_anew),
		cmocka_unit_test(test_analysis__a_real_face_is_told_in_full),
		cmocka_unit_test(test_analysis__members_out_of_range_are_named),
	};
	return cmocka_run_group_tests(tests, open_service, close_service);
}
