// SPDX-License-Identifier: Apache-2.0
//
// Frames that come through the queue, beside live ones: what is kept of them, and who is told.
#include <limits.h>
#include <string.h>

#include "emotion_fixture.h"

#define service emotion_fixture.service
#define arena emotion_fixture.arena
#define room emotion_fixture.room

static const char *text_at(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t number_at(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static int forget_events(void **state)
{
	(void)state;
	json_decref(bus_probe_events(&emotion_fixture.probe));
	return 0;
}

static void test_queued__a_frame_is_recorded_once_and_told_once(void **state)
{
	(void)state;
	assert_int_equal(emotion_fixture_analyze_queued("once", room, 1000, 1), EMOTION_QUEUED_ANALYSED);
	assert_int_equal(emotion_fixture_analyze_queued("once", room, 1000, 1), EMOTION_QUEUED_REPEATED);
	assert_int_equal(emotion_fixture_analyze_queued("once", room, 2000, 1), EMOTION_QUEUED_REPEATED);
	assert_int_equal(emotion_fixture_summary("once", "frames"), 1);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 1);
	const json_t *event = json_array_get(events, 0), *body = json_object_get(event, "body");
	const json_t *metadata = json_object_get(body, "metadata");
	assert_string_equal(text_at(event, "type"), "EmotionAnalyzed");
	assert_string_equal(text_at(body, "session_id"), "once");
	assert_string_equal(text_at(body, "timestamp"), "1970-01-01T00:00:01.000Z");
	assert_string_equal(text_at(body, "emotion"), "");
	assert_int_equal(number_at(metadata, "frame_number"), 1);
	assert_true(json_is_false(json_object_get(metadata, "face_detected")));
	assert_true(json_is_number(json_object_get(metadata, "latency_ms")));
	assert_string_equal(text_at(metadata, "source"), "queue");
	assert_string_equal(text_at(metadata, "hint"), "no_face");
	assert_int_equal(number_at(metadata, "face_count"), 0);
	assert_null(json_object_get(metadata, "face"));
}

static void test_queued__a_repeated_frame_costs_no_inference(void **state)
{
	(void)state;
	emotion_fixture_analyze_queued("cheap", room, 1000, 1);
	// What would be analysed would be refused, so it was not.
	const struct viva_bytes junk = viva_bytes_of_text("GIF89a");
	assert_int_equal(emotion_fixture_analyze_queued("cheap", junk, 1000, 1), EMOTION_QUEUED_REPEATED);
}

static void test_queued__a_live_frame_is_told_of_with_its_trace(void **state)
{
	(void)state;
	static const char trace[] = "00-11f7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01";
	struct emotion_frame frame = emotion_fixture_frame("live", room, 1000, 7);
	frame.traceparent = trace;
	emotion_fixture_analyze(&frame);
	emotion_fixture_analyze(&frame);  // a retry is no news
	frame = emotion_fixture_frame("live", room, 1040, 8);
	frame.traceparent = "nonsense";
	emotion_fixture_analyze(&frame);
	Emotion__BlinkResponse *blinks = NULL;
	frame = emotion_fixture_frame("live", room, 1080, 9);
	assert_ok(emotion_detect_blink(&service, &frame, arena, &blinks, NULL));  // not recorded, not told
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 2);
	const json_t *first = json_array_get(events, 0), *second = json_array_get(events, 1);
	const json_t *metadata = json_object_get(json_object_get(first, "body"), "metadata");
	assert_string_equal(text_at(metadata, "source"), "live");
	assert_int_equal(number_at(metadata, "frame_number"), 7);
	assert_string_equal(text_at(first, "traceparent"), trace);
	assert_int_equal(strlen(text_at(second, "traceparent")), strlen(trace));
	assert_string_not_equal(text_at(second, "traceparent"), trace);
}

static void test_queued__a_face_is_told_with_all_that_an_update_needs(void **state)
{
	(void)state;
	if (!emotion_fixture.astronaut) {
		print_message("skipped: no demo/astronaut.png in VIVA_CACHE_DIR; run ./dev deps\n");
		skip();
	}
	struct viva_bytes picture = film_astronaut(emotion_fixture.astronaut, 50, 20);
	emotion_fixture_analyze_queued("face", picture, 1700000000123, 3);
	free_picture(picture);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	const json_t *body = json_object_get(json_array_get(events, 0), "body");
	const json_t *metadata = json_object_get(body, "metadata"), *face = json_object_get(metadata, "face");
	assert_string_equal(text_at(body, "emotion"), "happy");
	assert_string_equal(text_at(body, "timestamp"), "2023-11-14T22:13:20.123Z");
	assert_in_range(json_number_value(json_object_get(body, "confidence")) * 1000, 300, 1000);
	assert_true(json_is_true(json_object_get(metadata, "face_detected")));
	assert_in_range(json_number_value(json_object_get(metadata, "attention")) * 1000, 100, 1000);
	assert_int_equal(number_at(metadata, "face_count"), 1);
	assert_in_range(number_at(face, "x"), 0, 640);
	assert_in_range(number_at(face, "width"), 50, 640);
	assert_in_range(number_at(face, "height"), 50, 480);
}

static void test_queued__what_no_event_can_say_is_kept_all_the_same(void **state)
{
	(void)state;
	struct emotion_frame frame = emotion_fixture_frame("two words", room, 1000, 1);
	emotion_fixture_analyze(&frame);  // no interview has such an id
	frame = emotion_fixture_frame("timeless", room, 0, 1);
	emotion_fixture_analyze(&frame);
	assert_int_equal(emotion_fixture_summary("two words", "frames"), 1);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 1);
	const json_t *body = json_object_get(json_array_get(events, 0), "body");
	assert_string_equal(text_at(body, "session_id"), "timeless");
	assert_string_equal(text_at(body, "timestamp"), "2026-01-01T00:00:00.000Z");  // when it was recorded
}

static void test_queued__a_picture_that_cannot_be_read_is_dropped_and_noted_once(void **state)
{
	(void)state;
	const struct viva_bytes cut = viva_bytes_of(room.data, room.size / 2);
	assert_int_equal(emotion_fixture_analyze_queued("bad", cut, 1000, 1), EMOTION_QUEUED_UNREADABLE);
	assert_int_equal(emotion_fixture_analyze_queued("bad", cut, 1000, 1), EMOTION_QUEUED_REPEATED);
	assert_int_equal(emotion_fixture_summary("bad", "frames"), 0);
	assert_int_equal(emotion_fixture_count("SELECT COUNT(*) FROM emotion_drops WHERE session_id = 'bad' AND "
					       "frame_number = 1 AND rule = 'invalid_image'"),
			 1);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 0);
}

static void test_queued__a_picture_beyond_the_limits_is_dropped_by_that_rule(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(5000, 8);
	struct viva_bytes wide = make_png(rgb, 5000, 8);
	free(rgb);
	assert_int_equal(emotion_fixture_analyze_queued("wide", wide, 1000, 1), EMOTION_QUEUED_TOO_LARGE);
	free_picture(wide);
	assert_int_equal(emotion_fixture_count("SELECT COUNT(*) FROM emotion_drops WHERE rule = 'frame_too_large'"), 1);
}

static int32_t blinks_known(const char *session_id)
{
	struct viva_tracker tracker = {0};
	assert_ok(emotion_timeline_load_state(service.store, session_id, -1, arena, &tracker, NULL));
	return tracker.eyes.blink_count;
}

static void test_queued__a_late_frame_is_recorded_but_sets_nothing_back(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 9000, .eyes = {.blink_count = 8}};
	struct emotion_frame frame = emotion_fixture_frame("late", room, 9040, 9);
	frame.continuation = emotion_fixture_seal("late", &tracker);
	emotion_fixture_analyze(&frame);
	assert_int_equal(emotion_fixture_analyze_queued("late", room, 1000, 1), EMOTION_QUEUED_ANALYSED);
	assert_int_equal(emotion_fixture_summary("late", "frames"), 2);
	assert_int_equal(emotion_fixture_summary("late", "blinks"), 8);
	assert_int_equal(blinks_known("late"), 8);
	frame = emotion_fixture_frame("late", room, 9080, 10);
	assert_int_equal(emotion_fixture_analyze(&frame)->blink_metrics->count, 8);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 3);
}

static void test_queued__a_frame_goes_on_from_what_another_instance_stored(void **state)
{
	(void)state;
	emotion_fixture_analyze_queued("moved", room, 1000, 1);
	struct viva_tracker tracker = {.has_time = true, .last_ms = 3000, .eyes = {.blink_count = 5}};
	const struct emotion_timeline_addition addition = {.session_id = "moved", .state = &tracker, .now_ms = 1};
	struct emotion_timeline_outcome outcome;
	assert_ok(emotion_timeline_add(service.store, &addition, arena, &outcome, NULL));
	emotion_fixture_analyze_queued("moved", room, 4000, 2);
	assert_int_equal(emotion_fixture_summary("moved", "blinks"), 5);
	assert_int_equal(blinks_known("moved"), 5);
}

static void test_queued__frames_of_an_erased_session_have_no_effect(void **state)
{
	(void)state;
	emotion_fixture_analyze_queued("erased", room, 1000, 1);
	assert_ok(emotion_erase(&service, "erased", INT64_MAX, NULL));
	json_decref(bus_probe_events(&emotion_fixture.probe));
	assert_int_equal(emotion_fixture_analyze_queued("erased", room, 1000, 1), EMOTION_QUEUED_ERASED);
	assert_int_equal(emotion_fixture_analyze_queued("erased", room, 2000, 2), EMOTION_QUEUED_ERASED);
	const struct viva_bytes junk = viva_bytes_of_text("GIF89a");
	assert_int_equal(emotion_fixture_analyze_queued("erased", junk, 3000, 3), EMOTION_QUEUED_ERASED);
	assert_int_equal(emotion_fixture_summary("erased", "frames"), 0);
	assert_int_equal(emotion_fixture_count("SELECT COUNT(*) FROM emotion_drops WHERE session_id = 'erased'"), 0);
	VIVA_AUTO_JSON events = bus_probe_events(&emotion_fixture.probe);
	assert_int_equal(json_array_size(events), 0);
}

// Where memory runs out is the same under each sanitizer, and each round is an inference, which takes a second under
// this one.
#ifdef __SANITIZE_THREAD__
enum { STEP = 8 };
#else
enum { STEP = 1 };
#endif

static void test_queued__lack_of_memory_leaves_the_frame_to_be_tried_again(void **state)
{
	(void)state;
	struct emotion_frame frame = emotion_fixture_frame("poor", room, 1000, 1);
	enum emotion_queued_outcome outcome;
	int failures = 0, code = VIVA_ENOMEM;
	frame.is_queued = true;
	for (unsigned skipped = 0; code != 0 && skipped < 200; skipped += STEP) {
		VIVA_AUTO(viva_arena) own = NULL;
		assert_ok(viva_arena_create(0, &own));
		fail_next_allocation(skipped);
		code = emotion_analyze_queued(&service, &frame, own, &outcome, NULL);
		if (code != 0)
			failures++;
		if (code != 0)
			assert_int_equal(emotion_fixture_summary("poor", "frames"), 0);
	}
	fail_next_allocation(UINT_MAX);  // none any more
	assert_true(failures > 0);
	assert_int_equal(code, 0);
	assert_int_equal(outcome, EMOTION_QUEUED_ANALYSED);
	assert_int_equal(emotion_fixture_summary("poor", "frames"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, forget_events)
	const struct CMUnitTest tests[] = {
		TEST(test_queued__a_frame_is_recorded_once_and_told_once),
		TEST(test_queued__a_repeated_frame_costs_no_inference),
		TEST(test_queued__a_live_frame_is_told_of_with_its_trace),
		TEST(test_queued__a_face_is_told_with_all_that_an_update_needs),
		TEST(test_queued__what_no_event_can_say_is_kept_all_the_same),
		TEST(test_queued__a_picture_that_cannot_be_read_is_dropped_and_noted_once),
		TEST(test_queued__a_picture_beyond_the_limits_is_dropped_by_that_rule),
		TEST(test_queued__a_late_frame_is_recorded_but_sets_nothing_back),
		TEST(test_queued__a_frame_goes_on_from_what_another_instance_stored),
		TEST(test_queued__frames_of_an_erased_session_have_no_effect),
		TEST(test_queued__lack_of_memory_leaves_the_frame_to_be_tried_again),
	};
	if (!store_place_is_there())
		return 0;
	return cmocka_run_group_tests(tests, emotion_fixture_open, emotion_fixture_close);
}
