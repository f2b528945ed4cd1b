// SPDX-License-Identifier: Apache-2.0
//
// Blinks, from the opening of the lids over time.
//
// People's eyes differ too much for one threshold, so each session has a baseline of its own: the 80th percentile of
// its last 60 open frames. Eyes are closed below .6 of it (found by trial: with refined lids, closed eyes reach .13–.56
// of open ones) and open again above .7, so that a trembling value is no blink.
//
// Threads: pure.
#ifndef VIVA_VISION_EYES_H
#define VIVA_VISION_EYES_H

#include <stdbool.h>
#include <stdint.h>

#include "vision/landmarks.h"
#include "vision/tracker.h"

// Beyond this yaw the farther eye is foreshortened too much to be judged.
#define VIVA_EYES_MAX_YAW 25.f
// A longer closure is rest, not a blink (blinks last .1–.4 s: Caffier et al. 2003, table 2).
enum { VIVA_BLINK_MAX_MS = 1000 };

// Height by width of the lids' contour, mean of both eyes; the idea is the eye aspect ratio of Soukupová & Čech 2016,
// eq. 1, with seven pairs of points instead of two.
float viva_eye_ratio(const struct viva_face *face);

// Takes the next frame in: `elapsed_ms` (> 0) after the last one, at `now_ms`. Not visible: no face, or turned away.
void viva_eyes_observe(struct viva_tracker_eyes *eyes, int64_t now_ms, int64_t elapsed_ms, bool is_visible,
		       float ratio);

#endif
