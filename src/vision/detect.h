// SPDX-License-Identifier: Apache-2.0
//
// Finds faces in a whole picture: MediaPipe's BlazeFace, short range (faces of at least a seventh of the longer side).
//
// Threads: pure, but for the network, which has one user at a time.
#ifndef VIVA_VISION_DETECT_H
#define VIVA_VISION_DETECT_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "vision/network.h"
#include "vision/picture.h"

enum { VIVA_DETECT_MAX_FACES = 32 };

extern const struct viva_network_shape viva_detect_network;

struct viva_detection {
	float confidence;                 // 0–1
	float left, top, right, bottom;   // pixels of the decoded picture
	float right_eye[2], left_eye[2];  // the person's own
};

// The faces in the picture, the largest first, at most VIVA_DETECT_MAX_FACES. VIVA_EMODEL.
VIVA_MUST_CHECK int viva_detect_faces(struct viva_network *network, const struct viva_picture *picture,
				      struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES], size_t *ret_count,
				      struct viva_error *error);
// The region that the mesh network wants to see: level with the eyes, half as large again as the face.
struct viva_region viva_detection_region(const struct viva_detection *face);

#endif
