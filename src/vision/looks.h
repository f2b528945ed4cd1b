// SPDX-License-Identifier: Apache-2.0
//
// What the eye network tells of a session's eyes, against what it told of them while they were open.
//
// People's eyes differ for the network, too: of one's open eyes it is sure, of another's, dark or behind glasses, half
// sure at best. What closing lids do to its answer is alike, though: they lower its logit. Looks at open eyes, a few at
// first and then one every so many frames, make the value that later ones are compared with.
//
// Threads: pure.
#ifndef VIVA_VISION_LOOKS_H
#define VIVA_VISION_LOOKS_H

#include "vision/blinks.h"

// Beyond this logit, .993, the network is as sure as it can be.
#define VIVA_LOOKS_SURE 5.f

// Whether enough looks at open eyes are known to compare with.
bool viva_looks_are_known(const struct viva_tracker_eyes *eyes);

// Whether open eyes should be looked at again.
bool viva_looks_are_due(const struct viva_tracker_eyes *eyes);

// By how much the network's logit is below that of the session's open eyes; 0 where either is not known.
float viva_looks_fall(const struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen);

// Takes in a frame whose eyes are open.
void viva_looks_learn(struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen);

// Counts the frames between looks: for each frame, last.
void viva_looks_count(struct viva_tracker_eyes *eyes, const struct viva_eyes_seen *seen);

#endif
