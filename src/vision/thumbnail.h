// SPDX-License-Identifier: Apache-2.0
//
// Small JPEGs of decoded pictures.
//
// Threads: any; nothing blocks.
#ifndef VIVA_VISION_THUMBNAIL_H
#define VIVA_VISION_THUMBNAIL_H

#include "vision/picture.h"

// The part of viva_vision_thumbnail that is about a whole decoded picture.
VIVA_MUST_CHECK int viva_thumbnail_write(const struct viva_picture *picture, struct viva_buffer *out,
					 struct viva_thumbnail *ret_thumbnail);

#endif
