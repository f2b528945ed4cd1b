// SPDX-License-Identifier: Apache-2.0
//
// Finds faces in a whole picture: MediaPipe's BlazeFace, short range (faces of at least a seventh of the longer side)
// and, where that finds none, full range (of a sixteenth, as squares of the picture go).
//
// Threads: pure, but for the networks, which have one user at a time.
#ifndef VIVA_VISION_DETECT_H
#define VIVA_VISION_DETECT_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "vision/convnet.h"
#include "vision/picture.h"

enum {
	VIVA_DETECT_MAX_FACES = 32,
	VIVA_DETECT_SQUARES = 6,  // that a picture is looked at from nearer in, if no face was seen in the whole
	VIVA_DETECT_ALL_SQUARES = -1,
};

struct viva_detector {
	struct viva_convnet near;  // short range
	struct viva_convnet far;   // full range
};

struct viva_detection {
	float confidence;                 // 0–1
	float left, top, right, bottom;   // pixels of the decoded picture
	float right_eye[2], left_eye[2];  // the person's own
};

// `detector` must be zeroed; on failure finish it all the same. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_detect_init(struct viva_detector *detector, const char *directory, struct viva_error *error);
void viva_detect_finish(struct viva_detector *detector);

// The faces in the picture, the largest first, at most VIVA_DETECT_MAX_FACES; gives their number. `square` (≥ 0;
// counted round) is the one to be looked at from nearer, so that the frames of a film can share that work, or
// VIVA_DETECT_ALL_SQUARES.
size_t viva_detect_faces(struct viva_detector *detector, const struct viva_picture *picture, int square,
			 struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES]);
enum viva_detect_range { VIVA_DETECT_NEAR, VIVA_DETECT_FAR };
// The faces that one of the networks sees in the whole picture, as above.
size_t viva_detect_by(struct viva_detector *detector, const struct viva_picture *picture, enum viva_detect_range range,
		      struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES]);
// The region that the mesh network wants to see: level with the eyes, half as large again as the face.
struct viva_region viva_detection_region(const struct viva_detection *face);

#endif
