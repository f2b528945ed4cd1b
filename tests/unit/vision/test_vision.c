// SPDX-License-Identifier: Apache-2.0
//
// The whole way of a frame, with the real networks and, where it is there, a real face.
#include "vision/vision.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pictures.h"
#include "vision/details.h"
#include "vision_fixture.h"
#include "viva_test.h"

static struct viva_vision_result analyze(struct viva_bytes frame, int64_t time_ms, struct viva_tracker *tracker)
{
	struct viva_vision_result result;
	struct viva_error error = {0};
	assert_ok(viva_vision_analyze(vision, frame, VIVA_IMAGE_ANY, time_ms, tracker, &result, &error));
	return result;
}

static void test_vision__a_real_face_is_seen_where_it_is(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	struct viva_tracker tracker = {0};
	struct viva_vision_result result = analyze(frame, 1000, &tracker);
	assert_true(result.is_detected);
	assert_true(result.confidence > .9f);
	assert_int_equal(result.face_count, 1);
	// The eyes of astronaut.png are about (204, 100) and (248, 103).
	const struct viva_vision_point *marks = result.landmarks;
	assert_in_range(marks[VIVA_LANDMARK_RIGHT_EYE].x, 50 + 204 - 6, 50 + 204 + 6);
	assert_in_range(marks[VIVA_LANDMARK_RIGHT_EYE].y, 20 + 101 - 6, 20 + 101 + 6);
	assert_in_range(marks[VIVA_LANDMARK_LEFT_EYE].x, 50 + 248 - 6, 50 + 248 + 6);
	assert_in_range(marks[VIVA_LANDMARK_LEFT_EYE].y, 20 + 103 - 6, 20 + 103 + 6);
	// The person's left is on the picture's right.
	assert_true(marks[VIVA_LANDMARK_LEFT_EAR].x > marks[VIVA_LANDMARK_LEFT_EYE].x);
	assert_true(marks[VIVA_LANDMARK_MOUTH_LEFT].x > marks[VIVA_LANDMARK_MOUTH].x);
	assert_true(marks[VIVA_LANDMARK_MOUTH].x > marks[VIVA_LANDMARK_MOUTH_RIGHT].x);
	assert_true(marks[VIVA_LANDMARK_RIGHT_EYE].x > marks[VIVA_LANDMARK_RIGHT_EAR].x);
	assert_true(marks[VIVA_LANDMARK_NOSE].y < marks[VIVA_LANDMARK_MOUTH].y);
	assert_true(marks[VIVA_LANDMARK_MOUTH].y < marks[VIVA_LANDMARK_CHIN].y);
	free_picture(frame);
}

// The astronaut's picture, `shrink` times smaller, with its upper left corner at (x, y) of a frame of 640 × 480.
static void paint_astronaut(uint8_t *rgb, int shrink, int x, int y)
{
	int side = 512 / shrink;
	for (int i = 0; i < side * side * 3; i++) {
		int row = i / 3 / side, column = i / 3 % side, channel = i % 3, sum = 0;
		for (int k = 0; k < shrink * shrink; k++)
			sum += astronaut[((row * shrink + k / shrink) * 512 + column * shrink + k % shrink) * 3 +
					 channel];
		rgb[((row + y) * 640 + column + x) * 3 + channel] = (uint8_t)(sum / (shrink * shrink));
	}
}

// A box of 2 × reach + 1 pixels' mean, across and down.
static void blur(uint8_t *rgb, int reach)
{
	uint8_t *kept = malloc(640 * 480 * 3);
	assert_non_null(kept);
	for (int pass = 0; pass < 2; pass++) {
		memcpy(kept, rgb, 640 * 480 * 3);
		for (int i = 0; i < 640 * 480; i++) {
			int sum[3] = {0}, count = 0;
			for (int k = -reach; k <= reach; k++) {
				int x = i % 640 + (pass ? 0 : k), y = i / 640 + (pass ? k : 0);
				if (x < 0 || x >= 640 || y < 0 || y >= 480)
					continue;
				count++;
				for (int channel = 0; channel < 3; channel++)
					sum[channel] += kept[(y * 640 + x) * 3 + channel];
			}
			for (int channel = 0; channel < 3; channel++)
				rgb[i * 3 + channel] = (uint8_t)(sum[channel] / count);
		}
	}
	free(kept);
}

static void test_vision__a_blurred_face_is_told_from_a_sharp_one(void **state)
{
	(void)state;
	need_face();
	uint8_t *rgb = make_gradient(640, 480);
	for (int y = 0; y < 480; y++)
		memcpy(rgb + (y * 640 + 64) * 3, astronaut + y * 512 * 3, 512 * 3);
	struct viva_vision_result results[2];
	for (int i = 0; i < 2; i++) {
		struct viva_bytes frame = make_jpeg(rgb, 640, 480, (struct jpeg_options){.quality = 90});
		struct viva_tracker tracker = {0};
		results[i] = analyze(frame, 1000, &tracker);
		assert_true(results[i].is_detected);
		free_picture(frame);
		blur(rgb, 5);
	}
	assert_int_equal(results[0].hint, VIVA_HINT_NONE);
	assert_int_equal(results[1].hint, VIVA_HINT_TOO_BLURRED);
	assert_true(results[0].sharpness > 2 * results[1].sharpness);
	assert_true(results[0].brightness > .2f && results[0].brightness < .9f);
	free(rgb);
}

static void test_vision__a_small_face_is_found_and_followed(void **state)
{
	(void)state;
	need_face();
	// The face is about 130 pixels high in astronaut.png.
	uint8_t *rgb = make_gradient(640, 480);
	paint_astronaut(rgb, 3, 400, 200);
	struct viva_bytes frame = make_jpeg(rgb, 640, 480, (struct jpeg_options){.quality = 90});
	struct viva_tracker tracker = {0};
	for (int i = 0; i < 3; i++) {
		struct viva_vision_result result = analyze(frame, 1000 + 40 * i, &tracker);
		assert_true(result.is_detected);
		assert_in_range(result.landmarks[VIVA_LANDMARK_RIGHT_EYE].x, 400 + 204 / 3 - 4, 400 + 204 / 3 + 4);
		assert_in_range(result.landmarks[VIVA_LANDMARK_RIGHT_EYE].y, 200 + 100 / 3 - 4, 200 + 100 / 3 + 4);
		assert_int_equal(result.hint, VIVA_HINT_FACE_TOO_SMALL);
		assert_int_equal(result.timing.detect > 0, i == 0);
	}
	free_picture(frame);
	free(rgb);
}

static void test_vision__two_small_faces_are_counted(void **state)
{
	(void)state;
	need_face();
	uint8_t *rgb = make_gradient(640, 480);
	paint_astronaut(rgb, 2, 20, 100);
	paint_astronaut(rgb, 2, 340, 120);
	struct viva_bytes frame = make_jpeg(rgb, 640, 480, (struct jpeg_options){.quality = 90});
	struct viva_tracker tracker = {0};
	struct viva_vision_result result = analyze(frame, 1000, &tracker);
	assert_true(result.is_detected);
	assert_int_equal(result.face_count, 2);
	free_picture(frame);
	free(rgb);
}

static struct viva_bytes film_two(bool is_second_there)
{
	uint8_t *rgb = make_gradient(640, 480);
	paint_astronaut(rgb, 2, 20, 100);
	if (is_second_there)
		paint_astronaut(rgb, 2, 340, 120);
	struct viva_bytes frame = make_jpeg(rgb, 640, 480, (struct jpeg_options){.quality = 90});
	free(rgb);
	return frame;
}

static void test_vision__detectors_take_turns_at_looking_for_others_than_the_followed_face(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes one = film_two(false), two = film_two(true);
	struct viva_tracker tracker = {0};
	assert_int_equal(analyze(one, 1000, &tracker).face_count, 1);
	// Frames that go by without a look are counted only.
	const struct {
		uint8_t frames_before;
		bool is_second_there, looks;
		int32_t face_count;
	} steps[] = {
		{28, true, false, 1},  {29, false, true, 1}, {118, true, false, 1}, {119, true, true, 2},  // full range
		{29, false, true, 2},  // what the other saw stands
		{119, false, true, 1},
	};
	for (size_t i = 0; i < VIVA_COUNT(steps); i++) {
		tracker.frames_since_detection = steps[i].frames_before;
		struct viva_vision_result result =
			analyze(steps[i].is_second_there ? two : one, 1040 + 40 * (int64_t)i, &tracker);
		assert_true(result.is_detected);
		assert_int_equal(result.timing.detect > 0, steps[i].looks);
		assert_int_equal(result.face_count, steps[i].face_count);
		assert_int_equal(tracker.frames_since_detection, (steps[i].frames_before + 1) % 120);
	}
	free_picture(one);
	free_picture(two);
}

static void test_vision__a_smile_is_happy_and_the_probabilities_sum_to_one(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 60, 30);
	struct viva_tracker tracker = {0};
	struct viva_vision_result result = analyze(frame, 1000, &tracker);
	assert_int_equal(result.emotion, VIVA_EMOTION_HAPPY);
	float sum = 0;
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		sum += result.expressions[i];
	assert_float_equal(sum, 1, .001f);
	assert_true(fabsf(result.pose.yaw) < 15 && fabsf(result.pose.pitch) < 15 && fabsf(result.pose.roll) < 15);
	assert_true(result.has_gaze && fabsf(result.gaze.yaw) < 20 && fabsf(result.gaze.pitch) < 20);
	assert_true(result.attention > .7f);
	free_picture(frame);
}

static void test_vision__a_face_that_moves_is_followed_without_the_detector(void **state)
{
	(void)state;
	need_face();
	struct viva_tracker tracker = {0};
	int detections = 0, expressions = 0;
	for (int i = 0; i < 12; i++) {
		struct viva_bytes frame = film_astronaut(astronaut, 40 + 4 * i, 20 + 2 * i);
		struct viva_vision_result result = analyze(frame, 1000 + 40 * i, &tracker);
		assert_true(result.is_detected);
		int32_t x = result.landmarks[VIVA_LANDMARK_RIGHT_EYE].x;
		assert_in_range(x, 204 + 40 + 4 * i - 6, 204 + 40 + 4 * i + 6);
		detections += result.timing.detect > 0;
		expressions += result.is_new_expression;
		assert_in_range(result.expression_age_ms, 0, result.is_new_expression ? 0 : 80);
		free_picture(frame);
	}
	assert_int_equal(detections, 1);
	assert_in_range(expressions, 4, 8);
}

static void test_vision__a_face_that_goes_is_missed_and_one_that_comes_back_found(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	uint8_t *rgb = make_gradient(640, 480);
	struct viva_bytes room = make_jpeg(rgb, 640, 480, (struct jpeg_options){0});
	struct viva_tracker tracker = {0};
	assert_true(analyze(frame, 1000, &tracker).is_detected);
	struct viva_vision_result result = analyze(room, 1040, &tracker);
	assert_false(result.is_detected);
	assert_int_equal(result.hint, VIVA_HINT_NO_FACE);
	assert_int_equal(result.face_count, 0);
	assert_true(analyze(frame, 1080, &tracker).is_detected);
	free_picture(frame);
	free_picture(room);
	free(rgb);
}

static void test_vision__a_frame_that_comes_twice_counts_once(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	struct viva_tracker tracker = {0};
	analyze(frame, 1000, &tracker);
	analyze(frame, 1040, &tracker);
	struct viva_tracker_eyes eyes = tracker.eyes;
	int64_t last_ms = tracker.last_ms;
	analyze(frame, 1040, &tracker);
	analyze(frame, 1000, &tracker);
	assert_memory_equal(&eyes, &tracker.eyes, sizeof eyes);
	assert_int_equal(tracker.last_ms, last_ms);
	free_picture(frame);
}

static void test_vision__a_failure_leaves_the_tracker_as_it_was(void **state)
{
	(void)state;
	struct viva_tracker tracker = {.has_time = true, .last_ms = 5, .face_count = 1};
	struct viva_tracker before = tracker;
	struct viva_vision_result result;
	assert_error(viva_vision_analyze(vision, viva_bytes_of_text("no picture"), VIVA_IMAGE_ANY, 10, &tracker,
					 &result, NULL),
		     VIVA_EIMAGE);
	assert_error(viva_vision_analyze(vision, viva_bytes_of_text("x"), VIVA_IMAGE_ANY, -1, &tracker, &result, NULL),
		     VIVA_EFIELD);
	assert_memory_equal(&before, &tracker, sizeof tracker);
}

static void test_vision__a_tracker_that_went_through_bytes_goes_on_as_if_it_had_not(void **state)
{
	(void)state;
	need_face();
	struct viva_tracker stayed = {0}, travelled = {0};
	for (int i = 0; i < 6; i++) {
		struct viva_bytes frame = film_astronaut(astronaut, 50 + 3 * i, 20);
		struct viva_vision_result one = analyze(frame, 1000 + 40 * i, &stayed);
		struct viva_vision_result two = analyze(frame, 1000 + 40 * i, &travelled);
		assert_float_equal(one.eye_ratio, two.eye_ratio, .001f);
		assert_int_equal(one.emotion, two.emotion);
		uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
		size_t size = viva_tracker_write(&travelled, bytes);
		memset(&travelled, 0xee, sizeof travelled);
		assert_ok(viva_tracker_read(viva_bytes_of(bytes, size), &travelled));
		free_picture(frame);
	}
}

static void test_vision__a_region_from_nowhere_is_survived(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	const struct viva_tracker_region regions[] = {
		{10, 10, 10, 7}, {-10, -10, 0, 0}, {.5f, .5f, .001f, 0}, {.5f, .5f, 3.9f, 3}, {NAN, NAN, NAN, NAN}};
	for (size_t i = 0; i < VIVA_COUNT(regions); i++) {
		struct viva_tracker tracker = {.has_face = true, .region = regions[i]};
		assert_true(analyze(frame, 1000, &tracker).is_detected);
	}
	free_picture(frame);
}

static void test_vision__a_picture_of_one_pixel_has_no_face(void **state)
{
	(void)state;
	static const int sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {4096, 1}};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		uint8_t *rgb = make_gradient(sizes[i][0], sizes[i][1]);
		struct viva_bytes png = make_png(rgb, sizes[i][0], sizes[i][1]);
		struct viva_tracker tracker = {0};
		assert_false(analyze(png, 1, &tracker).is_detected);
		free_picture(png);
		free(rgb);
	}
}

struct worker {
	struct viva_bytes frame;
	int faces;
};

static void *work(void *context)
{
	struct worker *worker = context;
	struct viva_vision_result result;
	for (int i = 0; i < 5; i++) {
		if (viva_vision_detect(vision, worker->frame, VIVA_IMAGE_ANY, &result, NULL) == 0)
			worker->faces += result.is_detected;
	}
	return NULL;
}

static void test_vision__more_threads_than_contexts_take_turns(void **state)
{
	(void)state;
	need_face();
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	struct worker workers[THREADS] = {0};
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	for (int i = 0; i < THREADS; i++) {
		workers[i].frame = frame;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].faces, 5);
	}
	free_picture(frame);
}

static void test_vision__the_details_are_those_of_the_result(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_astronaut(astronaut, 50, 20);
	struct viva_tracker tracker = {0};
	struct viva_vision_result result;
	struct viva_vision_details details;
	assert_ok(viva_vision_analyze_in_detail(vision, frame, VIVA_IMAGE_ANY, 1, &tracker, &result, &details, NULL));
	const struct viva_vision_point *marks = result.landmarks;
	const struct viva_point *iris = &details.face.irises[VIVA_LEFT][0];
	assert_float_equal(iris->x, (float)marks[VIVA_LANDMARK_LEFT_EYE].x, .51f);
	assert_float_equal(iris->y, (float)marks[VIVA_LANDMARK_LEFT_EYE].y, .51f);
	assert_float_equal(details.face.mesh[VIVA_MESH_CHIN].y, (float)marks[VIVA_LANDMARK_CHIN].y, .51f);
	assert_int_equal(details.box_count, 0);
	free_picture(frame);
}

static void test_vision__details_of_several_faces_have_a_box_for_each_in_every_frame(void **state)
{
	(void)state;
	need_face();
	struct viva_bytes frame = film_two(true);
	struct viva_tracker tracker = {0};
	for (int64_t i = 0; i < 3; i++) {
		struct viva_vision_result result;
		struct viva_vision_details details;
		struct viva_error error = {0};
		assert_ok(viva_vision_analyze_in_detail(vision, frame, VIVA_IMAGE_ANY, 1000 + 40 * i, &tracker, &result,
							&details, &error));
		assert_int_equal(result.face_count, 2);
		assert_int_equal(details.box_count, 2);
		assert_true(details.boxes[0].width >= details.boxes[1].width);
		assert_true(abs(details.boxes[0].x - details.boxes[1].x) > 100);
	}
	free_picture(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vision__a_real_face_is_seen_where_it_is),
		cmocka_unit_test(test_vision__a_blurred_face_is_told_from_a_sharp_one),
		cmocka_unit_test(test_vision__a_small_face_is_found_and_followed),
		cmocka_unit_test(test_vision__two_small_faces_are_counted),
		cmocka_unit_test(test_vision__detectors_take_turns_at_looking_for_others_than_the_followed_face),
		cmocka_unit_test(test_vision__a_smile_is_happy_and_the_probabilities_sum_to_one),
		cmocka_unit_test(test_vision__a_face_that_moves_is_followed_without_the_detector),
		cmocka_unit_test(test_vision__a_face_that_goes_is_missed_and_one_that_comes_back_found),
		cmocka_unit_test(test_vision__a_frame_that_comes_twice_counts_once),
		cmocka_unit_test(test_vision__a_failure_leaves_the_tracker_as_it_was),
		cmocka_unit_test(test_vision__a_tracker_that_went_through_bytes_goes_on_as_if_it_had_not),
		cmocka_unit_test(test_vision__a_region_from_nowhere_is_survived),
		cmocka_unit_test(test_vision__a_picture_of_one_pixel_has_no_face),
		cmocka_unit_test(test_vision__the_details_are_those_of_the_result),
		cmocka_unit_test(test_vision__details_of_several_faces_have_a_box_for_each_in_every_frame),
		cmocka_unit_test(test_vision__more_threads_than_contexts_take_turns),
	};
	return cmocka_run_group_tests(tests, open_vision, close_vision);
}
