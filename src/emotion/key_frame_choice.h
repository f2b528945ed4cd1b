// SPDX-License-Identifier: Apache-2.0
//
// Which few of an interview's frames are worth keeping as pictures: of each question the best one of each expression,
// and where that makes too many, as many of one question as of another.
//
// A choice made frame by frame: each step leaves the set more even among questions or better by a margin, so that it
// settles, and most frames cost nothing but this comparison.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_EMOTION_KEY_FRAME_CHOICE_H
#define VIVA_EMOTION_KEY_FRAME_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vision/vision.h"

enum {
	EMOTION_MAX_KEY_FRAMES = 12,     // of an interview
	EMOTION_MAX_QUESTION = 10000,    // number of one
	EMOTION_KEY_FRAME_NOTHING = -1,  // what a frame takes the place of
};

// What the choice knows of a frame.
struct emotion_key_frame_mark {
	int32_t question;     // from 1; 0 = unknown, which is a question like any other
	const char *emotion;  // of viva_emotion_name
	float quality;        // 0 – 1
};

// How good a picture of the candidate the frame is: the expression's confidence, times .5 + attention / 2, and a
// quarter of that where the eyes are closed, and where a hint says that the face is hard to see. 0 = not to be kept:
// there is no face, there may be several (others have agreed to nothing), or the expression is an earlier frame's.
float emotion_key_frame_quality(const struct viva_vision_result *result);

// Whether a frame is to be kept beside, or in place of, those `count` ≤ EMOTION_MAX_KEY_FRAMES that are. *ret_replaced:
// index of the one that goes, or EMOTION_KEY_FRAME_NOTHING.
bool emotion_key_frame_choose(const struct emotion_key_frame_mark *kept, size_t count,
			      const struct emotion_key_frame_mark *frame, int *ret_replaced);

#endif
