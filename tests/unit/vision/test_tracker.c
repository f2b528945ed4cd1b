// SPDX-License-Identifier: Apache-2.0
#include "vision/tracker.h"

#include <string.h>

#include "viva_test.h"

static struct viva_tracker full_tracker(void)
{
	struct viva_tracker tracker = {.has_time = true,
				       .last_ms = 1700000123456,
				       .has_face = true,
				       .region = {.5f, .4f, .6f, -.1f},
				       .frames_since_detection = 7,
				       .face_count = 2,
				       .faces_near = 1,
				       .faces_far = 2};
	struct viva_tracker_eyes *eyes = &tracker.eyes;
	eyes->state = VIVA_EYES_CLOSED;
	eyes->open_count = VIVA_TRACKER_OPEN_RATIOS;
	eyes->open_next = 17;
	for (int i = 0; i < VIVA_TRACKER_OPEN_RATIOS; i++)
		eyes->open_ratios[i] = (uint16_t)(2000 + i);
	eyes->closed_since_ms = 1700000123400;
	eyes->blink_count = 1000;
	eyes->blink_total_ms = 123456;
	eyes->observed_ms = 3600000;
	eyes->long_closures = 70000;
	eyes->partial_blinks = 300;
	eyes->squints = 80000;
	eyes->level = 2500;
	eyes->narrowest = 1300;
	eyes->narrowed_frames = 3;
	eyes->narrowed_since_ms = 1700000123300;
	eyes->opened_ms = 1700000120000;
	eyes->open_logit = 2.5f;
	eyes->most_fallen = 3.25f;
	eyes->open_looks = 200;
	eyes->frames_since_look = 9;
	eyes->yaw = -12;
	eyes->pitch = 4.5f;
	eyes->attention = .5f;
	eyes->shut_ms = 700;
	eyes->is_no_blink = eyes->is_closure_sure = eyes->is_shut = true;
	eyes->interval_ms = 40.5f;
	eyes->visibility = .875f;
	eyes->blink_times = VIVA_TRACKER_BLINKS;
	for (int i = 0; i < VIVA_TRACKER_BLINKS; i++)
		eyes->blink_times_ms[i] = 1700000000000 + i * 1500;
	struct viva_tracker_expression *expression = &tracker.expression;
	expression->is_known = true;
	expression->is_steady = true;
	expression->probabilities[VIVA_EMOTION_HAPPY] = .75f;
	expression->probabilities[VIVA_EMOTION_NEUTRAL] = .25f;
	expression->geometry[1] = .125f;
	expression->frames_since = 2;
	expression->updated_ms = 1700000123400;
	expression->steady_since_ms = 1700000100000;
	expression->steady_yaw = -3;
	expression->steady_pitch = 4;
	return tracker;
}

static void test_tracker__what_was_written_is_read_back(void **state)
{
	(void)state;
	const struct viva_tracker trackers[] = {{0}, full_tracker()};
	for (size_t i = 0; i < VIVA_COUNT(trackers); i++) {
		uint8_t bytes[VIVA_TRACKER_MAX_BYTES], again[VIVA_TRACKER_MAX_BYTES];
		size_t size = viva_tracker_write(&trackers[i], bytes);
		assert_in_range(size, 1, VIVA_TRACKER_MAX_BYTES);
		struct viva_tracker read;
		assert_ok(viva_tracker_read(viva_bytes_of(bytes, size), &read));
		assert_int_equal(viva_tracker_write(&read, again), size);
		assert_memory_equal(again, bytes, size);
		assert_int_equal(read.eyes.blink_count, trackers[i].eyes.blink_count);
		assert_float_equal(read.eyes.open_logit, trackers[i].eyes.open_logit, 0);
		assert_float_equal(read.eyes.most_fallen, trackers[i].eyes.most_fallen, 0);
		assert_int_equal(read.eyes.open_looks, trackers[i].eyes.open_looks);
		assert_int_equal(read.eyes.frames_since_look, trackers[i].eyes.frames_since_look);
		assert_memory_equal(read.eyes.blink_times_ms, trackers[i].eyes.blink_times_ms,
				    sizeof read.eyes.blink_times_ms);
	}
}

static void test_tracker__bytes_of_another_length_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES + 1] = {0};
	struct viva_tracker tracker = full_tracker(), read;
	size_t size = viva_tracker_write(&tracker, bytes);
	for (size_t cut = 0; cut < size; cut++)
		assert_error(viva_tracker_read(viva_bytes_of(bytes, cut), &read), VIVA_EINVAL);
	assert_error(viva_tracker_read(viva_bytes_of(bytes, size + 1), &read), VIVA_EINVAL);
	assert_error(viva_tracker_read(viva_bytes_of(bytes, sizeof bytes), &read), VIVA_EINVAL);
}

// Whatever is read must be a tracker that the rest of the code may trust.
static void assert_is_sound(const struct viva_tracker *tracker)
{
	assert_in_range(tracker->eyes.open_count, 0, VIVA_TRACKER_OPEN_RATIOS);
	assert_in_range(tracker->eyes.open_next, 0, VIVA_TRACKER_OPEN_RATIOS - 1);
	assert_in_range(tracker->eyes.blink_times, 0, VIVA_TRACKER_BLINKS);
	assert_true(tracker->last_ms >= 0 && tracker->last_ms <= VIVA_TRACKER_MAX_TIME_MS);
	assert_true(tracker->eyes.blink_count >= tracker->eyes.blink_times);
	assert_true(tracker->region.size >= 0 && tracker->region.size <= 10);
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	assert_in_range(viva_tracker_write(tracker, bytes), 1, VIVA_TRACKER_MAX_BYTES);
}

static void test_tracker__any_byte_changed_gives_a_sound_tracker_or_none(void **state)
{
	(void)state;
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	struct viva_tracker tracker = full_tracker();
	size_t size = viva_tracker_write(&tracker, bytes);
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	size_t refused = 0;
	for (size_t i = 0; i < size; i++) {
		uint8_t kept = bytes[i];
		for (size_t k = 0; k < VIVA_COUNT(values); k++) {
			struct viva_tracker read;
			bytes[i] = values[k];
			if (viva_tracker_read(viva_bytes_of(bytes, size), &read) == 0)
				assert_is_sound(&read);
			else
				refused++;
		}
		bytes[i] = kept;
	}
	assert_true(refused > 100);
}

// What each release added lies in one piece behind the faces' count.
static void test_tracker__what_an_older_release_wrote_is_read(void **state)
{
	(void)state;
	enum {
		NEW_AT = 1 + 1 + 8 + 4 * 4 + 1 + 2,
		SECOND = 2 + 4,
		THIRD = 4 + 4 + 2 + 2 + 1 + 8 + 8 + 4 + 4 + 4 + 2 + 1,
		FOURTH = 4 + 4 + 1 + 1,
		ALL = SECOND + THIRD + FOURTH
	};
	static const size_t kept[] = {0, SECOND, SECOND + THIRD};
	for (size_t i = 0; i < VIVA_COUNT(kept); i++) {
		uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
		struct viva_tracker tracker = full_tracker(), read;
		size_t size = viva_tracker_write(&tracker, bytes), dropped = ALL - kept[i];
		memmove(bytes + NEW_AT + kept[i], bytes + NEW_AT + ALL, size - NEW_AT - ALL);
		bytes[0] = (uint8_t)(i + 1);
		assert_ok(viva_tracker_read(viva_bytes_of(bytes, size - dropped), &read));
		assert_int_equal(read.faces_near + read.faces_far, i == 0 ? 0 : 3);
		assert_int_equal(read.eyes.long_closures, i == 0 ? 0 : 70000);
		assert_int_equal(read.eyes.partial_blinks, i < 2 ? 0 : tracker.eyes.partial_blinks);
		assert_int_equal(read.eyes.level, i < 2 ? 0 : tracker.eyes.level);
		assert_int_equal(read.eyes.open_looks, 0);
		assert_int_equal(read.eyes.blink_count, 1000);
		assert_float_equal(read.expression.steady_pitch, 4, 0);
		assert_int_equal(viva_tracker_write(&read, bytes), size);
	}
}

static void test_tracker__another_version_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	struct viva_tracker tracker = {0}, read;
	size_t size = viva_tracker_write(&tracker, bytes);
	bytes[0]++;
	assert_error(viva_tracker_read(viva_bytes_of(bytes, size), &read), VIVA_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracker__what_was_written_is_read_back),
		cmocka_unit_test(test_tracker__bytes_of_another_length_are_refused),
		cmocka_unit_test(test_tracker__any_byte_changed_gives_a_sound_tracker_or_none),
		cmocka_unit_test(test_tracker__what_an_older_release_wrote_is_read),
		cmocka_unit_test(test_tracker__another_version_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
