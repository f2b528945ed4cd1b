// SPDX-License-Identifier: Apache-2.0
//
// What is kept of pictures, and what is not: with the real models and a store.
#include "emotion/key_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "emotion_fixture.h"

#define service emotion_fixture.service
#define arena emotion_fixture.arena

static struct viva_bytes film(int x)
{
	if (!emotion_fixture.astronaut) {
		print_message("skipped: no demo/astronaut.png in VIVA_CACHE_DIR; run ./dev deps\n");
		skip();
	}
	return film_astronaut(emotion_fixture.astronaut, x, 0);
}

static json_t *key_frames_of(const char *session_id)
{
	VIVA_AUTO_JSON json = NULL;
	assert_ok(emotion_key_frames_json(service.store, session_id, arena, &json, NULL));
	assert_string_equal(json_string_value(json_object_get(json, "session_id")), session_id);
	return json_incref(json_object_get(json, "key_frames"));
}

static size_t count_kept(const char *session_id)
{
	VIVA_AUTO_JSON list = key_frames_of(session_id);
	return json_array_size(list);
}

static void analyze_for(const char *session_id, int64_t number, int32_t question, bool may_be_kept)
{
	struct viva_bytes picture = film((int)number % 3);
	struct emotion_frame frame = emotion_fixture_frame(session_id, picture, 1000 * number, number);
	frame.may_be_kept = may_be_kept;
	frame.question = question;
	emotion_fixture_analyze(&frame);
	free_picture(picture);
}

static void test_key_frames__nothing_is_kept_unless_the_request_allows_it(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++)
		analyze_for("not-asked", i, 1, false);
	assert_int_equal(count_kept("not-asked"), 0);
	assert_int_equal(emotion_fixture_summary("not-asked", "frames"), 3);
	assert_int_equal(count_kept("unknown"), 0);
}

static void test_key_frames__a_kept_one_is_small_and_says_what_was_seen(void **state)
{
	(void)state;
	analyze_for("kept", 7, 2, true);
	VIVA_AUTO_JSON list = key_frames_of("kept");
	assert_int_equal(json_array_size(list), 1);
	const json_t *one = json_array_get(list, 0);
	assert_int_equal(json_integer_value(json_object_get(one, "timestamp")), 7000);
	assert_int_equal(json_integer_value(json_object_get(one, "frame_number")), 7);
	assert_int_equal(json_integer_value(json_object_get(one, "question")), 2);
	assert_int_equal(json_integer_value(json_object_get(one, "width")), 320);
	assert_int_equal(json_integer_value(json_object_get(one, "height")), 240);
	assert_string_equal(json_string_value(json_object_get(one, "emotion")), "happy");
	assert_true(json_real_value(json_object_get(one, "confidence")) > .3);
	const char *text = json_string_value(json_object_get(one, "image_data"));
	assert_int_equal(strncmp(text, "/9j/", 4), 0);
	assert_in_range(strlen(text), 1000, 4 * (VIVA_THUMBNAIL_MAX_BYTES + 2) / 3);
}

static void test_key_frames__repeated_frames_and_the_same_look_add_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		analyze_for("again", 1, 1, true);
	for (int i = 2; i <= 5; i++)
		analyze_for("again", i, 1, true);
	VIVA_AUTO_JSON list = key_frames_of("again");
	// Of one question and one look there is one.
	assert_in_range(json_array_size(list), 1, 2);
	assert_int_equal(emotion_fixture_summary("again", "frames"), 5);
}

static void test_key_frames__no_face_is_no_key_frame(void **state)
{
	(void)state;
	struct emotion_frame frame = emotion_fixture_frame("empty", emotion_fixture.room, 1000, 1);
	frame.may_be_kept = true;
	emotion_fixture_analyze(&frame);
	assert_int_equal(count_kept("empty"), 0);
}

static void test_key_frames__are_bounded_and_spread_over_questions(void **state)
{
	(void)state;
	// The expression is looked at in every third frame.
	for (int i = 1; i <= 3 * (EMOTION_MAX_KEY_FRAMES + 1); i++)
		analyze_for("many", i, (i + 2) / 3, true);
	VIVA_AUTO_JSON list = key_frames_of("many");
	assert_int_equal(json_array_size(list), EMOTION_MAX_KEY_FRAMES);
	int64_t before = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		int64_t time = json_integer_value(json_object_get(json_array_get(list, i), "timestamp"));
		assert_true(time > before);
		before = time;
	}
}

static void test_key_frames__queued_frames_make_them_too(void **state)
{
	(void)state;
	struct viva_bytes picture = film(0);
	struct emotion_frame frame = emotion_fixture_frame("queued", picture, 1000, 1);
	enum emotion_queued_outcome outcome;
	frame.is_queued = true;
	frame.may_be_kept = true;
	assert_ok(emotion_analyze_queued(&service, &frame, arena, &outcome, NULL));
	assert_int_equal(outcome, EMOTION_QUEUED_ANALYSED);
	assert_int_equal(count_kept("queued"), 1);
	free_picture(picture);
}

static void test_key_frames__erasure_deletes_them_and_none_comes_back(void **state)
{
	(void)state;
	struct viva_bytes picture = film(0);
	struct emotion_frame frame = emotion_fixture_frame("gone", picture, 2000, 2);
	Emotion__EmotionResponse *response = NULL;
	analyze_for("gone", 1, 1, true);
	analyze_for("stays", 1, 1, true);
	assert_int_equal(count_kept("gone"), 1);
	assert_ok(emotion_erase(&service, "gone", viva_clock_unix_ms(service.clock) + 1000, NULL));
	assert_int_equal(count_kept("gone"), 0);
	assert_int_equal(count_kept("stays"), 1);
	frame.may_be_kept = true;
	assert_error(emotion_analyze(&service, &frame, arena, &response, NULL), VIVA_ENOTFOUND);
	assert_int_equal(count_kept("gone"), 0);
	free_picture(picture);
}

static void test_key_frames__are_deleted_when_they_are_old(void **state)
{
	(void)state;
	int64_t deleted = 0, now_ms = viva_clock_unix_ms(service.clock);
	analyze_for("old", 1, 1, true);
	assert_ok(emotion_timeline_expire(service.store, now_ms, now_ms, &deleted, NULL));
	assert_int_equal(count_kept("old"), 1);
	assert_ok(emotion_timeline_expire(service.store, now_ms + 1, now_ms, &deleted, NULL));
	assert_int_equal(count_kept("old"), 0);
	assert_true(deleted >= 3);  // the frame, its picture and the state
}

// Where the face is followed only its surroundings are decoded, and the picture may be damaged elsewhere.
static void test_key_frames__a_picture_that_cant_be_made_does_not_fail_the_analysis(void **state)
{
	(void)state;
	struct viva_vision_result result = {.is_detected = true,
					    .is_new_expression = true,
					    .face_count = 1,
					    .has_gaze = true,
					    .attention = 1,
					    .emotion_confidence = 1};
	struct emotion_frame frame = emotion_fixture_frame("damaged", viva_bytes_of_text("GIF89a"), 1000, 1);
	const struct emotion_key_frame *key_frame = NULL;
	frame.may_be_kept = true;
	assert_ok(emotion_key_frame_make(&service, &frame, &result, arena, &key_frame, NULL));
	assert_null(key_frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_frames__nothing_is_kept_unless_the_request_allows_it),
		cmocka_unit_test(test_key_frames__a_kept_one_is_small_and_says_what_was_seen),
		cmocka_unit_test(test_key_frames__repeated_frames_and_the_same_look_add_nothing),
		cmocka_unit_test(test_key_frames__no_face_is_no_key_frame),
		cmocka_unit_test(test_key_frames__are_bounded_and_spread_over_questions),
		cmocka_unit_test(test_key_frames__queued_frames_make_them_too),
		cmocka_unit_test(test_key_frames__erasure_deletes_them_and_none_comes_back),
		cmocka_unit_test(test_key_frames__are_deleted_when_they_are_old),
		cmocka_unit_test(test_key_frames__a_picture_that_cant_be_made_does_not_fail_the_analysis),
	};
	return store_place_is_there() ? cmocka_run_group_tests(tests, emotion_fixture_open, emotion_fixture_close) : 0;
}
