// SPDX-License-Identifier: Apache-2.0
#include "vision/tracker.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum {
	FORMAT = 4,
	LONG_CLOSURES_FORMAT = 2,  // the first with them and what each detector saw
	SQUINTS_FORMAT = 3,        // the first with them and what else is told of lids that don't close
	LOOKS_FORMAT = 4,          // the first with what the eye network told of open eyes
	FIRST_FORMAT = 1,          // older ones are still read, so that an upgrade refuses no session
	FLAG_TIME = 1,
	FLAG_FACE = 2,
	FLAG_EXPRESSION = 4,
	FLAG_STEADY = 8,
	ALL_FLAGS = 15,
	MAX_FACES = 1000,
	MAX_FACES_SEEN = 32,
	MAX_OPEN_RATIO = 20000,
	FLAG_NO_BLINK = 1,
	FLAG_SURE = 2,
	FLAG_SHUT = 4,
	ALL_EYE_FLAGS = 7,
	MAX_LOGIT = 100,
};

struct writer {
	uint8_t *at;
};

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool is_bad;
};

static void put(struct writer *writer, uint64_t value, int size)
{
	for (int i = 0; i < size; i++)
		*writer->at++ = (uint8_t)(value >> 8 * i);
}

static void put_float(struct writer *writer, float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	put(writer, bits, 4);
}

static void put_floats(struct writer *writer, const float *values, int count)
{
	for (int i = 0; i < count; i++)
		put_float(writer, values[i]);
}

static uint64_t take(struct reader *reader, int size, uint64_t max)
{
	if (reader->is_bad || reader->end - reader->at < size) {
		reader->is_bad = true;
		return 0;
	}
	uint64_t value = 0;
	for (int i = 0; i < size; i++)
		value |= (uint64_t)reader->at[i] << 8 * i;
	reader->at += size;
	if (value > max) {
		reader->is_bad = true;
		return 0;
	}
	return value;
}

static int64_t take_time(struct reader *reader)
{
	return (int64_t)take(reader, 8, (uint64_t)VIVA_TRACKER_MAX_TIME_MS);
}

static float take_float(struct reader *reader, float min, float max)
{
	uint32_t bits = (uint32_t)take(reader, 4, UINT32_MAX);
	float value;
	memcpy(&value, &bits, sizeof value);
	// Written so that a NaN fails.
	if (!(value >= min && value <= max)) {
		reader->is_bad = true;
		return 0;
	}
	return value;
}

static void take_floats(struct reader *reader, float min, float max, float *ret_values, int count)
{
	for (int i = 0; i < count; i++)
		ret_values[i] = take_float(reader, min, max);
}

static void put_eyes(struct writer *writer, const struct viva_tracker_eyes *eyes)
{
	put(writer, eyes->state, 1);
	put(writer, eyes->open_count, 1);
	put(writer, eyes->open_next, 1);
	for (int i = 0; i < eyes->open_count; i++)
		put(writer, eyes->open_ratios[i], 2);
	put(writer, (uint64_t)eyes->closed_since_ms, 8);
	put(writer, (uint64_t)eyes->blink_count, 4);
	put(writer, (uint64_t)eyes->blink_total_ms, 8);
	put(writer, (uint64_t)eyes->observed_ms, 8);
	put_float(writer, eyes->interval_ms);
	put_float(writer, eyes->visibility);
}

static void put_lids(struct writer *writer, const struct viva_tracker_eyes *eyes)
{
	put(writer, (uint64_t)eyes->partial_blinks, 4);
	put(writer, (uint64_t)eyes->squints, 4);
	put(writer, eyes->level, 2);
	put(writer, eyes->narrowest, 2);
	put(writer, eyes->narrowed_frames, 1);
	put(writer, (uint64_t)eyes->narrowed_since_ms, 8);
	put(writer, (uint64_t)eyes->opened_ms, 8);
	put_float(writer, eyes->yaw);
	put_float(writer, eyes->pitch);
	put_float(writer, eyes->attention);
	put(writer, eyes->shut_ms, 2);
	put(writer,
	    (eyes->is_no_blink ? FLAG_NO_BLINK : 0u) | (eyes->is_closure_sure ? FLAG_SURE : 0u) |
		    (eyes->is_shut ? FLAG_SHUT : 0u),
	    1);
}

static void put_looks(struct writer *writer, const struct viva_tracker_eyes *eyes)
{
	put_float(writer, eyes->open_logit);
	put_float(writer, eyes->most_fallen);
	put(writer, eyes->open_looks, 1);
	put(writer, eyes->frames_since_look, 1);
}

// As distances from the last frame, four bytes each: a blink of seven weeks ago is dropped.
static void put_blinks(struct writer *writer, const struct viva_tracker_eyes *eyes, int64_t last_ms)
{
	int first = 0;
	while (first < eyes->blink_times && last_ms - eyes->blink_times_ms[first] > UINT32_MAX)
		first++;
	put(writer, (uint64_t)(eyes->blink_times - first), 1);
	for (int i = first; i < eyes->blink_times; i++)
		put(writer, (uint64_t)(last_ms - eyes->blink_times_ms[i]), 4);
}

static void put_expression(struct writer *writer, const struct viva_tracker_expression *expression)
{
	put_floats(writer, expression->probabilities, VIVA_EXPRESSION_COUNT);
	put_floats(writer, expression->geometry, VIVA_TRACKER_GEOMETRY);
	put(writer, expression->frames_since, 1);
	put(writer, (uint64_t)expression->updated_ms, 8);
	put(writer, (uint64_t)expression->steady_since_ms, 8);
	put_float(writer, expression->steady_yaw);
	put_float(writer, expression->steady_pitch);
}

size_t viva_tracker_write(const struct viva_tracker *tracker, uint8_t ret_bytes[VIVA_TRACKER_MAX_BYTES])
{
	struct writer writer = {.at = ret_bytes};
	put(&writer, FORMAT, 1);
	put(&writer,
	    (tracker->has_time ? FLAG_TIME : 0u) | (tracker->has_face ? FLAG_FACE : 0u) |
		    (tracker->expression.is_known ? FLAG_EXPRESSION : 0u) |
		    (tracker->expression.is_steady ? FLAG_STEADY : 0u),
	    1);
	put(&writer, (uint64_t)tracker->last_ms, 8);
	put_float(&writer, tracker->region.x);
	put_float(&writer, tracker->region.y);
	put_float(&writer, tracker->region.size);
	put_float(&writer, tracker->region.angle);
	put(&writer, tracker->frames_since_detection, 1);
	put(&writer, (uint64_t)tracker->face_count, 2);
	put(&writer, tracker->faces_near, 1);
	put(&writer, tracker->faces_far, 1);
	put(&writer, (uint64_t)tracker->eyes.long_closures, 4);
	put_lids(&writer, &tracker->eyes);
	put_looks(&writer, &tracker->eyes);
	put_eyes(&writer, &tracker->eyes);
	put_blinks(&writer, &tracker->eyes, tracker->last_ms);
	put_expression(&writer, &tracker->expression);
	return (size_t)(writer.at - ret_bytes);
}

static void take_eyes(struct reader *reader, struct viva_tracker_eyes *eyes)
{
	eyes->state = (enum viva_eye_state)take(reader, 1, VIVA_EYES_NARROWED);
	eyes->open_count = (uint8_t)take(reader, 1, VIVA_TRACKER_OPEN_RATIOS);
	eyes->open_next = (uint8_t)take(reader, 1, VIVA_TRACKER_OPEN_RATIOS - 1);
	for (int i = 0; i < eyes->open_count; i++)
		eyes->open_ratios[i] = (uint16_t)take(reader, 2, MAX_OPEN_RATIO);
	eyes->closed_since_ms = take_time(reader);
	eyes->blink_count = (int32_t)take(reader, 4, INT32_MAX);
	eyes->blink_total_ms = take_time(reader);
	eyes->observed_ms = take_time(reader);
	eyes->interval_ms = take_float(reader, 0, 1e6f);
	eyes->visibility = take_float(reader, 0, 1);
	// A ring that is not full has its next place behind the last.
	if (eyes->open_count < VIVA_TRACKER_OPEN_RATIOS && eyes->open_next != eyes->open_count)
		reader->is_bad = true;
}

static void take_lids(struct reader *reader, struct viva_tracker_eyes *eyes)
{
	eyes->partial_blinks = (int32_t)take(reader, 4, INT32_MAX);
	eyes->squints = (int32_t)take(reader, 4, INT32_MAX);
	eyes->level = (uint16_t)take(reader, 2, MAX_OPEN_RATIO);
	eyes->narrowest = (uint16_t)take(reader, 2, MAX_OPEN_RATIO);
	eyes->narrowed_frames = (uint8_t)take(reader, 1, UINT8_MAX);
	eyes->narrowed_since_ms = take_time(reader);
	eyes->opened_ms = take_time(reader);
	eyes->yaw = take_float(reader, -360, 360);
	eyes->pitch = take_float(reader, -360, 360);
	eyes->attention = take_float(reader, 0, 1);
	eyes->shut_ms = (uint16_t)take(reader, 2, UINT16_MAX);
	unsigned flags = (unsigned)take(reader, 1, ALL_EYE_FLAGS);
	eyes->is_no_blink = (flags & FLAG_NO_BLINK) != 0;
	eyes->is_closure_sure = (flags & FLAG_SURE) != 0;
	eyes->is_shut = (flags & FLAG_SHUT) != 0;
}

static void take_looks(struct reader *reader, struct viva_tracker_eyes *eyes)
{
	eyes->open_logit = take_float(reader, -MAX_LOGIT, MAX_LOGIT);
	eyes->most_fallen = take_float(reader, 0, 2 * MAX_LOGIT);
	eyes->open_looks = (uint8_t)take(reader, 1, UINT8_MAX);
	eyes->frames_since_look = (uint8_t)take(reader, 1, UINT8_MAX);
}

static void take_blinks(struct reader *reader, struct viva_tracker_eyes *eyes, int64_t last_ms)
{
	eyes->blink_times = (uint8_t)take(reader, 1, VIVA_TRACKER_BLINKS);
	for (int i = 0; i < eyes->blink_times; i++) {
		eyes->blink_times_ms[i] = last_ms - (int64_t)take(reader, 4, UINT32_MAX);
		if (eyes->blink_times_ms[i] < (i > 0 ? eyes->blink_times_ms[i - 1] : 0))
			reader->is_bad = true;
	}
	if (eyes->blink_times > eyes->blink_count)
		reader->is_bad = true;
}

static void take_expression(struct reader *reader, struct viva_tracker_expression *expression)
{
	take_floats(reader, 0, 1.001f, expression->probabilities, VIVA_EXPRESSION_COUNT);
	take_floats(reader, 0, 1e6f, expression->geometry, VIVA_TRACKER_GEOMETRY);
	expression->frames_since = (uint8_t)take(reader, 1, UINT8_MAX);
	expression->updated_ms = take_time(reader);
	expression->steady_since_ms = take_time(reader);
	expression->steady_yaw = take_float(reader, -360, 360);
	expression->steady_pitch = take_float(reader, -360, 360);
}

int viva_tracker_read(struct viva_bytes bytes, struct viva_tracker *ret_tracker)
{
	if (bytes.size == 0 || bytes.size > VIVA_TRACKER_MAX_BYTES)
		return VIVA_EINVAL;
	struct reader reader = {.at = bytes.data, .end = bytes.data + bytes.size};
	struct viva_tracker tracker = {0};
	uint64_t format = take(&reader, 1, FORMAT);
	if (format < FIRST_FORMAT)
		return VIVA_EINVAL;
	unsigned flags = (unsigned)take(&reader, 1, ALL_FLAGS);
	tracker.has_time = (flags & FLAG_TIME) != 0;
	tracker.has_face = (flags & FLAG_FACE) != 0;
	tracker.expression.is_known = (flags & FLAG_EXPRESSION) != 0;
	tracker.expression.is_steady = (flags & FLAG_STEADY) != 0;
	tracker.last_ms = take_time(&reader);
	tracker.region.x = take_float(&reader, -10, 10);
	tracker.region.y = take_float(&reader, -10, 10);
	tracker.region.size = take_float(&reader, 0, 10);
	tracker.region.angle = take_float(&reader, -7, 7);
	tracker.frames_since_detection = (uint8_t)take(&reader, 1, UINT8_MAX);
	tracker.face_count = (int32_t)take(&reader, 2, MAX_FACES);
	if (format >= LONG_CLOSURES_FORMAT) {
		tracker.faces_near = (uint8_t)take(&reader, 1, MAX_FACES_SEEN);
		tracker.faces_far = (uint8_t)take(&reader, 1, MAX_FACES_SEEN);
		tracker.eyes.long_closures = (int32_t)take(&reader, 4, INT32_MAX);
	}
	if (format >= SQUINTS_FORMAT)
		take_lids(&reader, &tracker.eyes);
	if (format >= LOOKS_FORMAT)
		take_looks(&reader, &tracker.eyes);
	take_eyes(&reader, &tracker.eyes);
	take_blinks(&reader, &tracker.eyes, tracker.last_ms);
	take_expression(&reader, &tracker.expression);
	if (reader.is_bad || reader.at != reader.end)
		return VIVA_EINVAL;
	*ret_tracker = tracker;
	return 0;
}
