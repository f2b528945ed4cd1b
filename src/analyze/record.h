// SPDX-License-Identifier: Apache-2.0
//
// What was seen of one picture, and of all of them.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_ANALYZE_RECORD_H
#define VIVA_ANALYZE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"
#include "vision/details.h"
#include "vision/vision.h"

enum { ANALYZE_MAX_NAME = 256, ANALYZE_HINTS = 16 };

struct analyze_record {
	size_t index;                 // among all pictures, from 0
	char name[ANALYZE_MAX_NAME];  // the file's, fit for a terminal; "" for one of a film
	int64_t time_ms;              // since the film's start
	bool is_readable;             // false: only what is above, and `error`, count
	struct viva_error error;      // what is wrong with the picture
	struct viva_vision_result result;
	struct viva_vision_details details;
	enum viva_eye_state eyes;
	float eye_open;                    // of an eye that was cut out: how likely it is open, 0–1
	struct viva_blink_summary blinks;  // so far
};

// The name without control characters and broken UTF-8, which become "?", cut at a character's boundary.
void analyze_set_name(struct analyze_record *record, const char *name);
const char *analyze_eyes_name(enum viva_eye_state eyes);  // "open", "narrowed", "closed", "unknown"

struct analyze_range {
	float low, high;
};

// `{0}` is that of no picture; finish it.
struct analyze_summary {
	size_t pictures, unreadable, faces, several_faces;
	int64_t duration_ms;  // from the first picture's time to the last one's
	int32_t most_faces;
	size_t emotions[VIVA_EMOTION_COUNT];
	size_t hints[ANALYZE_HINTS];  // by enum viva_vision_hint
	struct analyze_range yaw, pitch, roll;
	double attention_sum;
	struct viva_tracker tracker;  // as the last picture left it
	double *seconds;              // each readable picture's, in the order of their coming until sorted
	size_t capacity;
};

// Takes one more picture in. VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_summary_add(struct analyze_summary *summary, const struct analyze_record *record,
					const struct viva_tracker *tracker);
// Of the readable pictures' times the one that `share` (0–1) of them do not exceed, in ms; 0 without one. Sorts them.
double analyze_summary_time_ms(struct analyze_summary *summary, double share);
void analyze_summary_finish(struct analyze_summary *summary);

#endif
