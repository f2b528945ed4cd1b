// SPDX-License-Identifier: Apache-2.0
#include "emotion/timeline.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "store_place.h"
#include "viva_test.h"

static char directory[PATH_MAX];
static struct store_place place;
static struct viva_store *store;
static struct viva_arena *arena;

static void open_store(void)
{
	assert_ok(emotion_timeline_open(place.url, VIVA_STORE_CONNECTIONS, &store, NULL));
}

static int open_all(void **state)
{
	(void)state;
	make_test_directory(directory, sizeof directory);
	store_place_make(&place, directory, "viva");
	open_store();
	return viva_arena_create(0, &arena);
}

static int close_all(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	store = viva_store_destroy(store);
	store_place_drop(&place);
	remove_test_directory(directory);
	return 0;
}

static bool add(const char *id, int64_t time_ms, int64_t number, const char *emotion, int32_t blinks, int64_t now_ms)
{
	struct viva_tracker tracker = {.has_time = true, .last_ms = time_ms, .eyes = {.blink_count = blinks}};
	struct emotion_timeline_frame frame = {.frame_number = number,
					       .timestamp_ms = time_ms,
					       .has_face = emotion[0] != '\0',
					       .emotion = emotion,
					       .confidence = .875f,
					       .blink_count = blinks};
	const struct emotion_timeline_addition addition = {
		.session_id = id, .frame = &frame, .state = &tracker, .now_ms = now_ms};
	struct emotion_timeline_outcome outcome = {0};
	assert_ok(emotion_timeline_add(store, &addition, arena, &outcome, NULL));
	return outcome.is_new;
}

static enum emotion_timeline_place find(const char *id, int64_t number, int64_t time_ms)
{
	enum emotion_timeline_place found;
	assert_ok(emotion_timeline_find(store, id, number, time_ms, arena, &found, NULL));
	return found;
}

static void drop(const char *id, int64_t number, int64_t time_ms, int64_t now_ms)
{
	assert_ok(emotion_timeline_drop(store, id, number, time_ms, "invalid_image", now_ms, arena, NULL));
}

static json_t *page(const char *id, int64_t limit, const char *after)
{
	json_t *json = NULL;
	assert_ok(emotion_timeline_page(store, id, limit, after, arena, &json, NULL));
	return json;
}

static int64_t number_at(const json_t *json, const char *object, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(json, object), name));
}

static void test_timeline__a_page_has_rows_in_order_of_time_and_a_summary_of_all(void **state)
{
	(void)state;
	add("a", 3000, 3, "happy", 1, 1);
	add("a", 1000, 1, "happy", 0, 1);
	add("a", 2000, 2, "", 0, 1);
	add("a", 4000, 4, "sad", 2, 1);
	add("b", 1500, 1, "angry", 9, 1);
	VIVA_AUTO_JSON json = page("a", 100, NULL);
	json_t *rows = json_object_get(json, "emotions");
	assert_int_equal(json_array_size(rows), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, i), "timestamp")),
				 1000 * (i + 1));
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 3), "emotion")), "sad");
	assert_float_equal(json_real_value(json_object_get(json_array_get(rows, 3), "confidence")), .875, 1e-9);
	assert_int_equal(number_at(json, "summary", "frames"), 4);
	assert_int_equal(number_at(json, "summary", "faces"), 3);
	assert_int_equal(number_at(json, "summary", "blinks"), 2);
	json_t *summary = json_object_get(json, "summary");
	assert_string_equal(json_string_value(json_object_get(summary, "dominant")), "happy");
	double happy = json_real_value(json_object_get(json_object_get(summary, "distribution"), "happy"));
	assert_float_equal(happy, 2. / 3, .001);
	assert_true(json_is_null(json_object_get(json, "next")));
}

static void test_timeline__pages_follow_each_other_without_gaps_or_doubles(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++)
		add("a", 1000 + i / 2, i, "neutral", 0, 1);  // two frames of each time
	const char *after = NULL;
	size_t count = 0, pages = 0;
	do {
		json_t *json = page("a", 4, after);
		count += json_array_size(json_object_get(json, "emotions"));
		const char *next = json_string_value(json_object_get(json, "next"));
		after = next ? viva_arena_printf(arena, "%s", next) : NULL;
		json_decref(json);
		assert_true(++pages < 10);
	} while (after);
	assert_int_equal(count, 25);
	assert_int_equal(pages, 7);
}

static void test_timeline__a_place_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const places[] = {
		"", "x", "1", "1.", ".1", "1.x", "-1.2", "1.2.3", "99999999999999999999999999999999999999999999999.1"};
	for (size_t i = 0; i < VIVA_COUNT(places); i++) {
		json_t *json = NULL;
		struct viva_error error = {0};
		assert_error(emotion_timeline_page(store, "a", 1, places[i], arena, &json, &error), VIVA_EFIELD);
		assert_string_equal(error.field, "after");
	}
}

static void test_timeline__a_frame_that_comes_twice_is_kept_once(void **state)
{
	(void)state;
	assert_true(add("a", 1000, 1, "happy", 0, 1));
	assert_false(add("a", 1000, 1, "sad", 0, 1));
	assert_false(add("a", 1001, 1, "sad", 0, 1));  // the number names it, whatever its time
	assert_true(add("a", 1000, 2, "sad", 0, 1));
	VIVA_AUTO_JSON json = page("a", 10, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "emotions")), 2);
	json_t *first = json_array_get(json_object_get(json, "emotions"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "emotion")), "happy");
}

static void test_timeline__the_state_outlives_the_process_and_never_goes_back(void **state)
{
	(void)state;
	struct viva_tracker tracker;
	add("a", 5000, 1, "happy", 3, 1);
	add("a", 4000, 2, "happy", 2, 1);  // late: another instance was faster
	store = viva_store_destroy(store);
	open_store();
	assert_ok(emotion_timeline_load_state(store, "a", -1, arena, &tracker, NULL));
	assert_int_equal(tracker.eyes.blink_count, 3);
	assert_int_equal(tracker.last_ms, 5000);
	tracker = (struct viva_tracker){0};
	assert_ok(emotion_timeline_load_state(store, "a", 5000, arena, &tracker, NULL));
	assert_false(tracker.has_time);  // nothing later than that
	assert_ok(emotion_timeline_load_state(store, "a", 4999, arena, &tracker, NULL));
	assert_true(tracker.has_time);
	tracker = (struct viva_tracker){0};
	assert_ok(emotion_timeline_load_state(store, "unknown", -1, arena, &tracker, NULL));
	assert_false(tracker.has_time);
}

static void test_timeline__erasing_a_session_leaves_the_others(void **state)
{
	(void)state;
	struct viva_tracker tracker = {0};
	add("a", 1000, 1, "happy", 1, 1);
	add("b", 1000, 1, "happy", 1, 1);
	drop("a", 2, 2000, 1);
	assert_ok(emotion_timeline_erase(store, "a", 0, NULL));
	VIVA_AUTO_JSON a = page("a", 10, NULL);
	VIVA_AUTO_JSON b = page("b", 10, NULL);
	assert_int_equal(number_at(a, "summary", "frames"), 0);
	assert_int_equal(number_at(b, "summary", "frames"), 1);
	assert_ok(emotion_timeline_load_state(store, "a", -1, arena, &tracker, NULL));
	assert_false(tracker.has_time);
	assert_int_equal(find("a", 2, 2000), EMOTION_FRAME_UNKNOWN);
	assert_true(add("a", 1000, 1, "happy", 1, 1));  // it may begin anew
}

static void test_timeline__what_is_old_is_deleted_and_the_rest_stays(void **state)
{
	(void)state;
	int64_t deleted = 0;
	add("old", 1, 1, "happy", 0, 100);
	add("both", 1, 1, "happy", 0, 100);
	add("both", 2, 2, "happy", 0, 300);
	drop("old", 2, 2, 100);
	assert_ok(emotion_timeline_expire(store, 200, 0, &deleted, NULL));
	assert_int_equal(deleted, 4);  // two frames, a drop and a state
	VIVA_AUTO_JSON json = page("both", 10, NULL);
	assert_int_equal(number_at(json, "summary", "frames"), 1);
}

static void test_timeline__a_frame_without_a_number_is_named_by_its_time(void **state)
{
	(void)state;
	assert_true(add("a", 1000, 0, "happy", 0, 1));
	assert_false(add("a", 1000, 0, "happy", 0, 1));
	assert_true(add("a", 1001, 0, "happy", 0, 1));
	assert_int_equal(find("a", 0, 1000), EMOTION_FRAME_RECORDED);
	assert_int_equal(find("a", 0, 1002), EMOTION_FRAME_UNKNOWN);
}

static void test_timeline__a_frame_is_found_by_what_came_of_it(void **state)
{
	(void)state;
	add("a", 1000, 1, "happy", 0, 1);
	drop("a", 2, 2000, 1);
	drop("a", 2, 2000, 1);
	drop("a", 0, 3000, 1);
	assert_int_equal(find("a", 1, 9999), EMOTION_FRAME_RECORDED);
	assert_int_equal(find("a", 2, 9999), EMOTION_FRAME_DROPPED);
	assert_int_equal(find("a", 0, 3000), EMOTION_FRAME_DROPPED);
	assert_int_equal(find("a", 3, 1000), EMOTION_FRAME_UNKNOWN);
	assert_int_equal(find("b", 1, 1000), EMOTION_FRAME_UNKNOWN);
	VIVA_AUTO_JSON json = page("a", 10, NULL);
	json_t *drops = json_object_get(json_object_get(json, "summary"), "dropped");
	assert_int_equal(json_integer_value(json_object_get(drops, "invalid_image")), 2);
}

static void test_timeline__of_an_erased_session_nothing_is_kept_until_that_is_forgotten(void **state)
{
	(void)state;
	int64_t deleted = 0;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 1};
	const struct emotion_timeline_addition addition = {.session_id = "a", .state = &tracker, .now_ms = 1};
	struct emotion_timeline_outcome outcome;
	add("a", 1000, 1, "happy", 0, 100);
	assert_ok(emotion_timeline_erase(store, "a", 500, NULL));
	assert_ok(emotion_timeline_erase(store, "a", 600, NULL));  // told again: remembered for longer
	assert_int_equal(find("a", 1, 1000), EMOTION_FRAME_ERASED);
	assert_error(emotion_timeline_add(store, &addition, arena, &outcome, NULL), VIVA_ENOTFOUND);
	assert_error(emotion_timeline_drop(store, "a", 2, 2, "invalid_image", 1, arena, NULL), VIVA_ENOTFOUND);
	assert_ok(emotion_timeline_expire(store, 0, 599, &deleted, NULL));
	assert_int_equal(find("a", 1, 1000), EMOTION_FRAME_ERASED);
	assert_ok(emotion_timeline_expire(store, 0, 600, &deleted, NULL));
	assert_int_equal(deleted, 0);
	assert_true(add("a", 1000, 1, "happy", 0, 100));
}

// A store of before frames had to be unique by their number.
static void test_timeline__a_number_kept_twice_before_stays_once(void **state)
{
	(void)state;
	static const struct viva_migration first[] = {
		{1, "CREATE TABLE emotion_frames (session_id TEXT NOT NULL, timestamp_ms BIGINT NOT NULL,"
		    " frame_number BIGINT NOT NULL, has_face BIGINT NOT NULL, emotion TEXT NOT NULL,"
		    " confidence DOUBLE PRECISION NOT NULL, blink_count BIGINT NOT NULL, recorded_at BIGINT NOT NULL,"
		    " PRIMARY KEY (session_id, timestamp_ms, frame_number));"
		    "INSERT INTO emotion_frames VALUES ('a', 1000, 1, 1, 'happy', 1, 0, 1),"
		    " ('a', 2000, 1, 1, 'sad', 1, 0, 1), ('a', 3000, 0, 1, 'sad', 1, 0, 1),"
		    " ('a', 4000, 0, 1, 'sad', 1, 0, 1), ('b', 1000, 1, 1, 'sad', 1, 0, 1)"},
	};
	struct store_place old;
	store_place_make(&old, directory, "old");
	struct viva_store_options options = viva_store_defaults();
	options.url = old.url;
	options.service = "emotion";
	options.migrations = first;
	options.migration_count = VIVA_COUNT(first);
	viva_store_destroy(store);
	assert_ok(viva_store_open(&options, &store, NULL));
	store = viva_store_destroy(store);
	assert_ok(emotion_timeline_open(old.url, VIVA_STORE_CONNECTIONS, &store, NULL));
	struct viva_rows rows;
	assert_ok(viva_store_query(store, arena,
				   "SELECT session_id, timestamp_ms FROM emotion_frames ORDER BY session_id, "
				   "timestamp_ms",
				   NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 4);
	assert_int_equal(viva_rows_int(&rows, 0, 1), 1000);
	assert_int_equal(viva_rows_int(&rows, 1, 1), 3000);
	assert_string_equal(viva_rows_text(&rows, 3, 0), "b");
	store = viva_store_destroy(store);
	store_place_drop(&old);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
	const struct CMUnitTest tests[] = {
		TEST(test_timeline__a_page_has_rows_in_order_of_time_and_a_summary_of_all),
		TEST(test_timeline__pages_follow_each_other_without_gaps_or_doubles),
		TEST(test_timeline__a_place_that_is_none_is_refused),
		TEST(test_timeline__a_frame_that_comes_twice_is_kept_once),
		TEST(test_timeline__the_state_outlives_the_process_and_never_goes_back),
		TEST(test_timeline__erasing_a_session_leaves_the_others),
		TEST(test_timeline__what_is_old_is_deleted_and_the_rest_stays),
		TEST(test_timeline__a_frame_without_a_number_is_named_by_its_time),
		TEST(test_timeline__a_frame_is_found_by_what_came_of_it),
		TEST(test_timeline__of_an_erased_session_nothing_is_kept_until_that_is_forgotten),
		TEST(test_timeline__a_number_kept_twice_before_stays_once),
	};
	return store_place_is_there() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
