// SPDX-License-Identifier: Apache-2.0
//
// All that was seen of one picture, for drawings and comparisons; what services tell is in vision.h.
//
// Threads: as vision.h.
#ifndef VIVA_VISION_DETAILS_H
#define VIVA_VISION_DETAILS_H

#include "vision/detect.h"
#include "vision/landmarks.h"
#include "vision/vision.h"

// Pixels of the picture as it was sent. All 0 where no face was found.
struct viva_vision_details {
	struct viva_face face;
	// Of several faces, what a detector takes for faces in this picture, the largest first; 0 where there is one.
	struct viva_vision_box boxes[VIVA_DETECT_MAX_FACES];
	size_t box_count;
};

// As viva_vision_analyze, with the details (about 8 KB) beside; ret_details may be NULL. Of several faces it costs a
// run of one detector, unless one has looked at the picture anyway.
VIVA_MUST_CHECK int viva_vision_analyze_in_detail(struct viva_vision *vision, struct viva_bytes image,
						  enum viva_image_format format, int64_t timestamp_ms,
						  struct viva_tracker *tracker, struct viva_vision_result *ret_result,
						  struct viva_vision_details *ret_details, struct viva_error *error);

#endif
