// SPDX-License-Identifier: Apache-2.0
//
// Blinks, squints and shut eyes, from the opening of the lids over time.
//
// People's eyes differ too much for one threshold, so each session has a baseline of its own: the 80th percentile of
// its last 60 open frames. Beside it stands the level: the median of the last moments, which follows a slow change but
// not a fast one. Eyes are closed below .6 of the baseline (found by trial: with refined lids, closed eyes reach
// .13–.56 of open ones), or below .8 of the level where that is less, and open again above .7, so that a trembling
// value is no blink.
//
// A fast dip below .7 of the level that comes back within 300 ms is a blink too, a partial one: the lid came down but
// did not close. A narrowing that lasts longer than 400 ms is a squint and no blink.
//
// The eye network is asked when the lids are in doubt: it must agree before a low value counts as closed eyes (a
// squint, a glance down, glasses), before a long narrowing counts as closed, and before open eyes enter the baseline.
// Where it falls far below what it told of this session's open eyes (vision/looks.h), a dip is a blink that the points
// hardly show.
//
// Threads: pure.
#ifndef VIVA_VISION_BLINKS_H
#define VIVA_VISION_BLINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "vision/tracker.h"

// Beyond this yaw the farther eye is foreshortened too much to be judged.
#define VIVA_EYES_MAX_YAW 25.f
// No open eyes have a lower ratio: they are closed or cast down.
#define VIVA_EYES_MIN_OPEN .1f
// A longer closure is rest, not a blink (blinks last .1–.4 s: Caffier et al. 2003, table 2).
enum { VIVA_BLINK_MAX_MS = 1000 };

// A frame's eyes. Not visible: no face, or turned away, when only very narrow ones are told to be shut.
struct viva_eyes_seen {
	bool is_visible;
	bool is_turned_away;
	float ratio;
	float yaw, pitch;  // of the head, degrees
	bool is_looked_at;
	float open;  // where looked at: what viva_eyes_look told
};

// Whether what viva_eyes_look tells would matter for the next frame, with this ratio; for most frames it does not.
bool viva_eyes_are_in_doubt(const struct viva_tracker_eyes *eyes, float ratio);

// Takes the next frame in: `elapsed_ms` after the last one (0 for a session's first), at `now_ms`.
void viva_eyes_observe(struct viva_tracker_eyes *eyes, int64_t now_ms, int64_t elapsed_ms,
		       const struct viva_eyes_seen *seen);

// What is left of the attention, 0–1, of eyes that have been shut for so long: 1 for up to half a second, so that no
// blink lowers it, falling to 0 at a second and a half.
float viva_eyes_attention(const struct viva_tracker_eyes *eyes);

#endif
