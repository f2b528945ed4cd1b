// SPDX-License-Identifier: Apache-2.0
//
// What one analysis needs for itself, and its first half: from the encoded picture to the points of a face.
//
// Threads: a context has one user at a time.
#ifndef VIVA_VISION_CONTEXT_H
#define VIVA_VISION_CONTEXT_H

#include "vision/detect.h"
#include "vision/landmarks.h"
#include "vision/network.h"
#include "vision/picture.h"
#include "vision/vision.h"

// The frame in work; borrowed from the caller.
struct viva_frame {
	struct viva_bytes image;
	enum viva_image_format format;
	const struct viva_picture_limits *limits;
	bool needs_lips;  // refined; nothing that services tell is made from them
};

struct viva_context {
	struct viva_detector detector;
	struct viva_network expression;
	struct viva_network eye;
	struct viva_landmark_networks landmarks;
	struct viva_frame frame;
	struct viva_picture picture;  // of the frame; of a face that is followed only its surroundings
	struct viva_face face;
	struct viva_detection others[VIVA_DETECT_MAX_FACES];  // what detectors took for faces in the frame, the largest
	size_t other_count;                                   // first; 0 where none looked
	struct viva_context *next_idle;
};

// `context` must be zeroed; on failure finish it all the same. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_context_init(struct viva_context *context, const char *directory, struct viva_error *error);
void viva_context_finish(struct viva_context *context);

// Decodes context->frame: whole, or with a focus as viva_picture_decode does. Points found before may no longer fit:
// the scale may be another.
VIVA_MUST_CHECK int viva_context_decode(struct viva_context *context, const struct viva_tracker_region *focus,
					struct viva_error *error);

// Decodes context->frame, finds the face in it, by following it or anew, and refines its points. Sets the tracker's
// face and the first three of the timing. Fails as viva_vision_analyze; then only the tracker may be used further.
VIVA_MUST_CHECK int viva_locate(struct viva_context *context, struct viva_tracker *tracker,
				struct viva_vision_timing *timing, struct viva_error *error);

double viva_seconds(void);  // monotonic

#endif
