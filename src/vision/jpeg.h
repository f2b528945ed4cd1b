// SPDX-License-Identifier: Apache-2.0
//
// JPEGs through libjpeg-turbo: whole, or as much of one as a face that is followed needs.
//
// Threads: as picture.h.
#ifndef VIVA_VISION_JPEG_H
#define VIVA_VISION_JPEG_H

#include "vision/picture.h"

// The part of viva_picture_decode that is about JPEGs.
VIVA_MUST_CHECK int viva_jpeg_decode(struct viva_picture *picture, struct viva_bytes image,
				     const struct viva_tracker_region *focus, const struct viva_picture_limits *limits,
				     struct viva_error *error);

#endif
