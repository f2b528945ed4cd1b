// SPDX-License-Identifier: Apache-2.0
//
// An emotion.FrameRequest whose picture follows by reference: only what comes before it is packed.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_FRAME_REQUEST_H
#define VIVA_INTERVIEW_FRAME_REQUEST_H

#include "base/bytes.h"
#include "base/macros.h"

struct interview_frame_request {
	const char *session_id;
	int64_t timestamp;
	const char *format;
	struct viva_bytes continuation;  // empty = none
	int64_t frame_number;
	bool keep;
	int question;
	size_t image_size;
};

// Appends all fields but image_data's content; image_data's tag and length come last. VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_frame_request_pack(const struct interview_frame_request *request,
						 struct viva_buffer *out);

#endif
