// SPDX-License-Identifier: Apache-2.0
//
// Decoded pictures, and the crops of them that networks are fed with.
//
// Threads: a picture has one owner at a time; the functions are pure.
#ifndef VIVA_VISION_PICTURE_H
#define VIVA_VISION_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "vision/vision.h"

// A rectangle of a decoded picture.
struct viva_window {
	int left, top, width, height;
};

// Pixels as R, G, B and an unused byte each, row by row without gaps.
struct viva_picture {
	uint8_t *pixels;
	size_t capacity;            // bytes behind `pixels`
	int width, height;          // of the whole picture at the scale at which it was decoded
	struct viva_window window;  // what of it `pixels` hold
	int source_width,
		source_height;  // of the picture as it was sent; larger when it was scaled down while decoding
};

struct viva_picture_limits {
	size_t max_bytes;
	uint32_t max_side;
	uint64_t max_pixels;
};

// Decodes a JPEG or PNG into `picture`, whose buffer is used again or grown. All that the header claims is checked
// before anything is allocated for it. A JPEG much larger than networks need is scaled down by 2, 4 or 8.
// With a `focus` (NULL = none), of a JPEG only what lies about that region is decoded, no larger than the mesh network
// needs it: damage elsewhere goes unnoticed, so long as the file is not cut short.
// Errors as viva_vision_analyze; then the picture's content is undefined.
VIVA_MUST_CHECK int viva_picture_decode(struct viva_picture *picture, struct viva_bytes image,
					enum viva_image_format format, const struct viva_tracker_region *focus,
					const struct viva_picture_limits *limits, struct viva_error *error);
bool viva_picture_is_whole(const struct viva_picture *picture);
// Frees a buffer larger than keep_bytes, so that one huge picture does not cost its memory for ever.
void viva_picture_trim(struct viva_picture *picture, size_t keep_bytes);
void viva_picture_finish(struct viva_picture *picture);

// A square of `size` pixels about (x, y), turned by `angle` radians (clockwise on screen).
struct viva_region {
	float x, y, size, angle;
};

// Whether all of the region that lies within the picture was decoded.
bool viva_picture_covers(const struct viva_picture *picture, const struct viva_region *region);

// output = channel × scale + offset[channel]
struct viva_warp_range {
	float scale;
	float offset[3];
};

// Samples the region bilinearly into side × side × 3 floats; the edge of what was decoded goes on outside of it.
// One implementation is chosen at run time (AVX2 with FMA, or plain); they agree within rounding.
void viva_warp(const struct viva_picture *picture, const struct viva_region *region, int side,
	       const struct viva_warp_range *range, float *ret_pixels);
void viva_warp_plain(const struct viva_picture *picture, const struct viva_region *region, int side,
		     const struct viva_warp_range *range, float *ret_pixels);
// Mirrors side × side floats left to right, in place.
void viva_mirror(float *pixels, int side);

// A square view of a whole picture, averaged down to side × side × 3 floats; black where the view leaves the picture.
struct viva_view {
	float left, top;  // of the square, in pixels of the picture; may lie outside
	float size;       // > 0
};
void viva_view_fill(const struct viva_picture *picture, const struct viva_view *view, int side,
		    const struct viva_warp_range *range, float *ret_pixels);

#endif
