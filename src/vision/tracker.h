// SPDX-License-Identifier: Apache-2.0
//
// What is known of a session's face from frame to frame: where it was, its eyes' baseline, its blinks, its expression.
// A plain value: copy it freely. Its byte form is what a caller may carry from instance to instance (sealed elsewhere).
//
// Threads: one owner at a time; nothing blocks, nothing allocates.
#ifndef VIVA_VISION_TRACKER_H
#define VIVA_VISION_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/macros.h"

// The first seven are what the network tells apart; CONFIDENT is derived from them and the head (docs/emotion.md).
enum viva_emotion {
	VIVA_EMOTION_NEUTRAL,
	VIVA_EMOTION_HAPPY,
	VIVA_EMOTION_SAD,
	VIVA_EMOTION_ANGRY,
	VIVA_EMOTION_FEAR,
	VIVA_EMOTION_DISGUST,
	VIVA_EMOTION_SURPRISE,
	VIVA_EMOTION_CONFIDENT,
	VIVA_EMOTION_COUNT,
};
enum { VIVA_EXPRESSION_COUNT = VIVA_EMOTION_CONFIDENT };
// Later frame times are refused, so that sums of times can't overflow.
#define VIVA_TRACKER_MAX_TIME_MS (INT64_MAX / 4)

const char *viva_emotion_name(enum viva_emotion emotion);  // "happy"

// unknown ──(baseline is there, eyes can be seen)──▶ open ⇄ closed; any ──(face lost, turned away, gap)──▶ unknown
// open ⇄ dipping: narrower than a moment ago. What comes of it is a blink, or, after a while, narrowed: a squint.
enum viva_eye_state {
	VIVA_EYES_UNKNOWN,
	VIVA_EYES_OPEN,
	VIVA_EYES_CLOSED,
	VIVA_EYES_DIPPING,
	VIVA_EYES_NARROWED,
};

enum {
	VIVA_TRACKER_OPEN_RATIOS = 60,  // eye ratios of the last open frames, from which the baseline comes
	VIVA_TRACKER_BLINKS = 64,       // times of the last blinks that are kept; the count goes on
	VIVA_TRACKER_GEOMETRY = 4,
	VIVA_TRACKER_MAX_BYTES = 640,  // of the byte form
};

// A square region of the picture in shares of it, so that frames of another size go on.
struct viva_tracker_region {
	float x, y;   // centre, in shares of the width and the height
	float size;   // side, in shares of the longer side
	float angle;  // radians, of the line from the person's right eye to the left
};

struct viva_tracker_eyes {
	enum viva_eye_state state;
	uint16_t open_ratios[VIVA_TRACKER_OPEN_RATIOS];  // in ten-thousandths, so that the byte form loses nothing
	uint8_t open_count;                              // of open_ratios in use
	uint8_t open_next;                               // where the next one goes
	int64_t closed_since_ms;
	int32_t blink_count;
	int64_t blink_total_ms;                       // sum of the durations
	int32_t partial_blinks;                       // among blink_count: the lids did not close
	int32_t long_closures;                        // too long for a blink
	int32_t squints;                              // narrowings too long for a blink
	int64_t observed_ms;                          // time over which the eyes were looked at
	float interval_ms;                            // between frames, smoothed; 0 = unknown
	float visibility;                             // share of frames in which the eyes could be judged, smoothed
	int64_t blink_times_ms[VIVA_TRACKER_BLINKS];  // starts, the oldest first
	uint8_t blink_times;
	// Of the narrowing or closure in progress.
	uint16_t level;           // the opening before it, in ten-thousandths
	uint16_t narrowest;       // the least opening in it, likewise
	uint8_t narrowed_frames;  // before it ended
	int64_t narrowed_since_ms;
	bool is_no_blink;           // another one's end, or the head moved, or the points slipped
	float most_fallen;          // by how much the eye network's logit was below that of open eyes, at most
	bool is_closure_sure;       // and no squint
	int64_t opened_ms;          // when the eyes last came to be open
	float yaw, pitch;           // of the head while they were, degrees, smoothed
	float open_logit;           // what the eye network told of open eyes, smoothed
	uint8_t open_looks;         // so many frames made that, up to 255
	uint8_t frames_since_look;  // by the network, up to 255
	float attention;            // 0–1, of the last frame in which the eyes were not closed
	bool is_shut;               // in the last frame, as far as attention goes
	uint16_t shut_ms;           // for how long, up to where that matters
};

struct viva_tracker_expression {
	bool is_known;
	float probabilities[VIVA_EXPRESSION_COUNT];  // smoothed over time
	float geometry[VIVA_TRACKER_GEOMETRY];       // of mouth and brows when the network last ran
	uint8_t frames_since;
	int64_t updated_ms;
	bool is_steady;                  // head and face at ease
	int64_t steady_since_ms;         // since when
	float steady_yaw, steady_pitch;  // degrees, when that began
};

// `{0}` is a session that has seen nothing yet.
struct viva_tracker {
	bool has_time;
	int64_t last_ms;  // the latest frame's time
	bool has_face;
	struct viva_tracker_region region;  // where to look next
	uint8_t frames_since_detection;  // by both detectors or, of a face that is followed, by the one for full range
	int32_t face_count;
	uint8_t faces_near, faces_far;  // that the detectors for short and for full range saw when each last looked
	struct viva_tracker_eyes eyes;
	struct viva_tracker_expression expression;
};

// Writes the byte form: versioned, little-endian, of at most VIVA_TRACKER_MAX_BYTES. Gives its size.
size_t viva_tracker_write(const struct viva_tracker *tracker, uint8_t ret_bytes[VIVA_TRACKER_MAX_BYTES]);
// Reads it back. Any bytes are safe: what is short, long, of another version or out of range is VIVA_EINVAL.
VIVA_MUST_CHECK int viva_tracker_read(struct viva_bytes bytes, struct viva_tracker *ret_tracker);

// What is told of the blinks. All of them cumulative for the session.
struct viva_blink_summary {
	int32_t count;
	float rate_per_min;     // over the observed time
	float avg_duration_ms;  // 0 without a blink
	float reliability;      // 0–1: how far frame rate and view of the eyes allow to trust the count
	int32_t partial;        // of these: the lids came down, but did not close
	int32_t long_closures;  // of more than 1 s: not among the blinks
	int32_t squints;        // moderate narrowings of more than .4 s: not among the blinks
};
struct viva_blink_summary viva_tracker_blinks(const struct viva_tracker *tracker);

#endif
