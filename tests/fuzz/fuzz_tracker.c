// SPDX-License-Identifier: Apache-2.0
//
// Points from anywhere, as a face's: what is made of them stays in its range, frame after frame.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vision/blinks.h"
#include "vision/expression.h"
#include "vision/eyes.h"
#include "vision/pose.h"
#include "vision/tracker.h"

enum { FRAMES = 24, STEP_MS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static float take_float(const uint8_t *data, size_t size, size_t at)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < sizeof bits; i++)
		bits |= (uint32_t)data[(at + i) % size] << 8 * i;
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

// Any bits are coordinates: NaN, infinities and numbers beyond all pictures among them.
static void fill_face(const uint8_t *data, size_t size, size_t at, struct viva_face *face)
{
	for (int i = 0; i < VIVA_MESH_POINTS; i++) {
		face->mesh[i].x = take_float(data, size, at + (size_t)i * 3);
		face->mesh[i].y = take_float(data, size, at + (size_t)i * 5 + 1);
		face->mesh[i].z = take_float(data, size, at + (size_t)i * 7 + 2);
	}
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < VIVA_LID_POINTS; i++)
			face->lids[side][i] = (struct viva_point){take_float(data, size, at + (size_t)i * 4),
								  take_float(data, size, at + (size_t)i * 4 + 3)};
		for (int i = 0; i < VIVA_IRIS_POINTS; i++)
			face->irises[side][i] = (struct viva_point){take_float(data, size, at + (size_t)i),
								    take_float(data, size, at + (size_t)i * 2)};
	}
}

static void check_tracker(const struct viva_tracker *tracker)
{
	uint8_t bytes[VIVA_TRACKER_MAX_BYTES];
	struct viva_tracker again;
	size_t size = viva_tracker_write(tracker, bytes);
	struct viva_blink_summary blinks = viva_tracker_blinks(tracker);
	if (size > sizeof bytes || viva_tracker_read(viva_bytes_of(bytes, size), &again) != 0 || blinks.count < 0 ||
	    !(blinks.reliability >= 0 && blinks.reliability <= 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	static struct viva_face face;
	struct viva_tracker tracker = {.has_time = true};
	for (int frame = 1; frame <= FRAMES; frame++) {
		fill_face(data, size, (size_t)frame * 11, &face);
		struct viva_head_pose pose = viva_pose_of(&face);
		struct viva_gaze gaze = viva_gaze_of(&face, &pose);
		float attention = viva_attention_of(&gaze) * viva_eyes_attention(&tracker.eyes);
		tracker.last_ms = (int64_t)frame * STEP_MS;
		uint8_t byte = data[(size_t)frame % size];
		struct viva_eyes_seen seen = {.is_visible = byte % 8 != 0 && fabsf(pose.yaw) <= VIVA_EYES_MAX_YAW,
					      .ratio = viva_eye_ratio(&face),
					      .yaw = pose.yaw,
					      .pitch = pose.pitch,
					      .is_looked_at = byte % 16 > 8,
					      .open = (float)byte / UINT8_MAX};
		viva_eyes_observe(&tracker.eyes, tracker.last_ms, STEP_MS, &seen);
		// Called for its effects on memory only: a face that is no face has no region.
		(void)viva_face_region(&face, 1.5f);
		(void)viva_expression_is_stale(&tracker.expression, &face, tracker.last_ms);
		if (!(attention >= 0 && attention <= 1) || !(fabsf(gaze.yaw) <= 90 && fabsf(gaze.pitch) <= 90))
			abort();
		check_tracker(&tracker);
	}
	return 0;
}
