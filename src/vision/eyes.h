// SPDX-License-Identifier: Apache-2.0
//
// Blinks, from the opening of the lids over time.
//
// People's eyes differ too much for one threshold, so each session has a baseline of its own: the 80th percentile of
// its last 60 open frames. Eyes are closed below .6 of it (found by trial: with refined lids, closed eyes reach .13–.56
// of open ones) and open again above .7, so that a trembling value is no blink.
//
// A small network of our own (models/eye.md) looks at the eyes themselves when the lids are in doubt: it must agree
// before a low value counts as closed eyes (a squint, a glance down, glasses), and before open eyes enter the baseline.
//
// Threads: pure, but for the network, which has one user at a time.
#ifndef VIVA_VISION_EYES_H
#define VIVA_VISION_EYES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"
#include "vision/landmarks.h"
#include "vision/network.h"
#include "vision/picture.h"
#include "vision/tracker.h"

// Beyond this yaw the farther eye is foreshortened too much to be judged.
#define VIVA_EYES_MAX_YAW 25.f
// No open eyes have a lower ratio: they are closed or cast down.
#define VIVA_EYES_MIN_OPEN .1f
// A longer closure is rest, not a blink (blinks last .1–.4 s: Caffier et al. 2003, table 2).
enum { VIVA_BLINK_MAX_MS = 1000 };

// Height by width of the lids' contour, mean of both eyes; the idea is the eye aspect ratio of Soukupová & Čech 2016,
// eq. 1, with seven pairs of points instead of two.
float viva_eye_ratio(const struct viva_face *face);

extern const struct viva_network_shape viva_eye_network;

// How likely the eye is open, 0–1, whose region is given: a square, level with the eye, about a third wider than it.
// VIVA_EMODEL.
VIVA_MUST_CHECK int viva_eye_look(struct viva_network *network, const struct viva_picture *picture,
				  const struct viva_region *region, float *ret_open, struct viva_error *error);
// The same of the face's eyes: their mean. VIVA_EMODEL.
VIVA_MUST_CHECK int viva_eyes_look(struct viva_network *network, const struct viva_picture *picture,
				   const struct viva_face *face, float *ret_open, struct viva_error *error);
// Whether what viva_eyes_look tells would matter for a frame with this ratio; for most frames it does not.
bool viva_eyes_are_in_doubt(const struct viva_tracker_eyes *eyes, float ratio);

// A frame's eyes. Not visible: no face, or turned away.
struct viva_eyes_seen {
	bool is_visible;
	float ratio;
	bool is_looked_at;
	float open;  // where looked at: what viva_eyes_look told
};

// Takes the next frame in: `elapsed_ms` (> 0) after the last one, at `now_ms`.
void viva_eyes_observe(struct viva_tracker_eyes *eyes, int64_t now_ms, int64_t elapsed_ms,
		       const struct viva_eyes_seen *seen);

#endif
