// SPDX-License-Identifier: Apache-2.0
//
// What a picture claims to be, read from its first bytes: nothing is decoded here, but what can't be a frame goes no
// further.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_IMAGE_H
#define VIVA_INTERVIEW_IMAGE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum {
	INTERVIEW_MAX_IMAGE_BYTES = 4 * 1024 * 1024,  // of a picture as a file
	// The emotion service's limits. Checked here too, since what it refuses for size it answers like overload, and
	// that would count against it.
	INTERVIEW_MAX_IMAGE_SIDE = 4096,
	INTERVIEW_MAX_IMAGE_PIXELS = 4096 * 4096,
	// Base64 is 4/3 of a picture, and a message has some members around it.
	INTERVIEW_MAX_FRAME_MESSAGE_BYTES = INTERVIEW_MAX_IMAGE_BYTES / 3 * 4 + 16 * 1024,
};

enum interview_image_format { INTERVIEW_IMAGE_JPEG, INTERVIEW_IMAGE_PNG };
const char *interview_image_format_name(enum interview_image_format format);  // "jpeg", "png"

// Looks at signature and dimensions. A damaged picture may pass. VIVA_EIMAGE (neither a JPEG nor a PNG),
// VIVA_EFRAMESIZE.
VIVA_MUST_CHECK int interview_image_check(struct viva_bytes image, enum interview_image_format *ret_format,
					  struct viva_error *error);

// Decodes base64, with or without a data URL's head ("data:image/jpeg;base64,"), into a new blob and checks it.
// VIVA_EIMAGE, VIVA_EFRAMESIZE, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_image_decode(struct viva_bytes text, struct viva_blob **ret_image,
					   enum interview_image_format *ret_format, struct viva_error *error);

#endif
