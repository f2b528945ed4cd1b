// SPDX-License-Identifier: Apache-2.0
//
// What the decoders of the two formats share.
//
// Threads: as picture.h.
#ifndef VIVA_VISION_DECODE_H
#define VIVA_VISION_DECODE_H

#include "vision/picture.h"

// VIVA_EIMAGE (no pixels), VIVA_EFRAMESIZE.
VIVA_MUST_CHECK int viva_picture_check_size(uint64_t width, uint64_t height, const struct viva_picture_limits *limits,
					    struct viva_error *error);
// Room for the window's pixels, of a picture of width × height; what was there is lost. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_picture_make_room(struct viva_picture *picture, int width, int height,
					   const struct viva_window *window);

#endif
