// SPDX-License-Identifier: Apache-2.0
//
// Reads emotion.FrameRequest and emotion.BatchRequest in place: the picture is never copied.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_EMOTION_FRAME_VIEW_H
#define VIVA_EMOTION_FRAME_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

// The members as they came, borrowed from the message; {0} for those that did not. Texts are valid UTF-8 without NUL.
struct emotion_frame_view {
	struct viva_bytes session_id;
	struct viva_bytes image;
	struct viva_bytes format;
	struct viva_bytes continuation;
	int64_t timestamp;
	int64_t frame_number;
	bool keep;
	int32_t question;
};

// VIVA_EINVAL: not a message of that type, or a text that is no text (named in *error).
VIVA_MUST_CHECK int emotion_frame_view_parse(struct viva_bytes message, struct emotion_frame_view *ret_view,
					     struct viva_error *error);

// A BatchRequest: its session and its frames one after the other.
struct emotion_batch_view {
	struct viva_bytes session_id;
	struct viva_bytes rest;  // not read yet
};
// Checks the whole message, so that next() can't fail on it. Errors as above.
VIVA_MUST_CHECK int emotion_batch_view_parse(struct viva_bytes message, struct emotion_batch_view *ret_view,
					     struct viva_error *error);
// The next frame's bytes, still to be parsed; false after the last one.
bool emotion_batch_view_next(struct emotion_batch_view *view, struct viva_bytes *ret_frame);

#endif
