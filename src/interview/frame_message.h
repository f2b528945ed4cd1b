// SPDX-License-Identifier: Apache-2.0
//
// Reads the live path's messages in place, without a JSON tree: a frame's picture is found where it lies.
//
// The scanner knows the plain form of `frame` and `ping` only; whatever is unusual (escapes, unknown or repeated
// members, wrong types) it leaves to the JSON parser. So it never accepts what the parser would refuse, but for the
// bytes of the picture's text, which base64 decoding checks.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_INTERVIEW_FRAME_MESSAGE_H
#define VIVA_INTERVIEW_FRAME_MESSAGE_H

#include "base/bytes.h"

#define INTERVIEW_MAX_TIMESTAMP INT64_C(253402300799999)  // Unix ms: 9999-12-31T23:59:59.999Z

enum interview_message_kind {
	INTERVIEW_MESSAGE_FRAME,
	INTERVIEW_MESSAGE_PING,
	INTERVIEW_MESSAGE_OTHER,  // for the JSON parser
};

// All ranges lie in the scanned text.
struct interview_frame_message {
	struct viva_bytes image;       // the picture's base64 text, a data URL's head included
	struct viva_bytes session_id;  // empty = none was given
	int64_t timestamp;             // Unix ms, 1 … INTERVIEW_MAX_TIMESTAMP; 0 = none was given
};

// Fills *ret_frame for a frame only.
enum interview_message_kind interview_frame_scan(struct viva_bytes text, struct interview_frame_message *ret_frame);

#endif
