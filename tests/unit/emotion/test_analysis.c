// SPDX-License-Identifier: Apache-2.0
//
// Frames of sessions, with the real models, a store in a folder of its own, and keys of its own.
#include <stdlib.h>
#include <string.h>

#include "emotion_fixture.h"

// Shorter names for what the tests are full of.
#define service emotion_fixture.service
#define arena emotion_fixture.arena
#define room emotion_fixture.room
#define frame_of emotion_fixture_frame
#define analyze emotion_fixture_analyze
#define seal emotion_fixture_seal

static struct viva_bytes bytes_of(ProtobufCBinaryData data)
{
	return viva_bytes_of(data.data, data.len);
}

static int64_t frames_kept(const char *session_id)
{
	return emotion_fixture_summary(session_id, "frames");
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
	assert_null(response->gaze);
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
	emotion_fixture_forget_memory();
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
	assert_ok(emotion_erase(&service, "erased", 0, NULL));
	assert_int_equal(frames_kept("erased"), 0);
	frame = frame_of("erased", room, 1040, 2);
	assert_int_equal(blinks_of(&frame), 0);
}

static void test_analysis__a_real_face_is_told_in_full(void **state)
{
	(void)state;
	if (!emotion_fixture.astronaut) {
		print_message("skipped: no demo/astronaut.png in VIVA_CACHE_DIR; run ./dev deps\n");
		skip();
	}
	struct viva_bytes picture = film_astronaut(emotion_fixture.astronaut, 50, 20);
	struct emotion_frame frame = frame_of("face", picture, 1000, 1);
	Emotion__EmotionResponse *response = analyze(&frame);
	assert_true(response->face_metrics->detected);
	assert_int_equal(response->face_metrics->n_landmarks, VIVA_LANDMARK_COUNT);
	assert_string_equal(response->emotion, "happy");
	assert_int_equal(response->n_expressions, VIVA_EXPRESSION_COUNT);
	assert_non_null(response->head_pose);
	assert_non_null(response->gaze);
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

static void test_analysis__nothing_is_kept_of_a_session_that_was_erased_for_good(void **state)
{
	(void)state;
	struct emotion_frame frame = frame_of("gone", room, 1000, 1);
	Emotion__EmotionResponse *response = NULL;
	Emotion__BlinkResponse *blinks = NULL;
	analyze(&frame);
	assert_ok(emotion_erase(&service, "gone", INT64_MAX, NULL));
	frame = frame_of("gone", room, 1040, 2);
	assert_error(emotion_analyze(&service, &frame, arena, &response, NULL), VIVA_ENOTFOUND);
	assert_error(emotion_detect_blink(&service, &frame, arena, &blinks, NULL), VIVA_ENOTFOUND);
	assert_int_equal(frames_kept("gone"), 0);
	assert_int_equal(emotion_fixture_count("SELECT COUNT(*) FROM emotion_sessions WHERE session_id = 'gone'"), 0);
}

static void test_analysis__without_a_continuation_the_newer_of_memory_and_store_goes_on(void **state)
{
	(void)state;
	struct viva_tracker mine = {.has_time = true, .last_ms = 900, .eyes = {.blink_count = 2}};
	struct viva_tracker others = {.has_time = true, .last_ms = 5000, .eyes = {.blink_count = 6}};
	struct emotion_frame frame = frame_of("shared", room, 1000, 1);
	frame.continuation = seal("shared", &mine);
	analyze(&frame);
	// Another instance went on with the session, and kept what it saw.
	const struct emotion_timeline_addition addition = {.session_id = "shared", .state = &others, .now_ms = 1};
	struct emotion_timeline_outcome outcome;
	assert_ok(emotion_timeline_add(service.store, &addition, arena, &outcome, NULL));
	frame = frame_of("shared", room, 6000, 2);
	assert_int_equal(analyze(&frame)->blink_metrics->count, 6);
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
		cmocka_unit_test(test_analysis__nothing_is_kept_of_a_session_that_was_erased_for_good),
		cmocka_unit_test(test_analysis__without_a_continuation_the_newer_of_memory_and_store_goes_on),
		cmocka_unit_test(test_analysis__a_real_face_is_told_in_full),
		cmocka_unit_test(test_analysis__members_out_of_range_are_named),
	};
	return cmocka_run_group_tests(tests, emotion_fixture_open, emotion_fixture_close);
}
