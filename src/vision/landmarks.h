// SPDX-License-Identifier: Apache-2.0
//
// The points of a face: MediaPipe's mesh of 468, with lids, irises and lips refined from its feature map ("attention").
//
// Threads: pure, but for the networks, which have one user at a time.
#ifndef VIVA_VISION_LANDMARKS_H
#define VIVA_VISION_LANDMARKS_H

#include "base/error.h"
#include "base/macros.h"
#include "vision/convnet.h"
#include "vision/picture.h"

enum {
	VIVA_MESH_POINTS = 468,
	VIVA_LID_POINTS =
		16,  // 0 outer corner, 1–7 lower lid, 8 inner corner, 9–15 upper lid, each from the outer side
	VIVA_IRIS_POINTS = 5,  // 0 is the centre
	VIVA_LIP_POINTS = 80,
	VIVA_FEATURE_SIDE = 48,
	VIVA_FEATURE_CHANNELS = 32,
};

// Points of the canonical mesh (mediapipe/modules/face_geometry/data/canonical_face_model_uv_visualization.png).
enum viva_mesh_point {
	VIVA_MESH_NOSE_TIP = 1,
	VIVA_MESH_FOREHEAD = 10,
	VIVA_MESH_UPPER_LIP = 13,
	VIVA_MESH_LOWER_LIP = 14,
	VIVA_MESH_RIGHT_EYE_OUTER = 33,
	VIVA_MESH_MOUTH_RIGHT = 61,
	VIVA_MESH_RIGHT_BROW = 105,
	VIVA_MESH_CHIN = 152,
	VIVA_MESH_RIGHT_EAR = 234,
	VIVA_MESH_LEFT_EYE_OUTER = 263,
	VIVA_MESH_MOUTH_LEFT = 291,
	VIVA_MESH_LEFT_BROW = 334,
	VIVA_MESH_LEFT_EAR = 454,
};

enum viva_side { VIVA_RIGHT, VIVA_LEFT };  // the person's own

struct viva_point {
	float x, y;
};

// All in pixels of the decoded picture; z is depth in the same unit, growing away from the camera.
struct viva_face {
	float presence;  // that the region held a face, 0–1
	struct {
		float x, y, z;
	} mesh[VIVA_MESH_POINTS];
	struct viva_point lids[2][VIVA_LID_POINTS];  // by enum viva_side
	struct viva_point irises[2][VIVA_IRIS_POINTS];
	struct viva_point lips[VIVA_LIP_POINTS];  // 0–19 the outer contour, 20–39 the inner one; 0 until refined
	float brightness;                         // mean of the region's channels, 0–1
	float sharpness;  // of the face: mean absolute Laplacian by contrast, in the crop that the mesh network sees
};

struct viva_landmark_networks {
	struct viva_convnet mesh;
	struct viva_convnet eyes[2];  // by enum viva_side
	struct viva_convnet lips;
};

// `networks` must be zeroed; on failure finish it all the same. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_landmarks_init(struct viva_landmark_networks *networks, const char *directory,
					struct viva_error *error);
void viva_landmarks_finish(struct viva_landmark_networks *networks);

// The mesh of the face in the region, and how sure it is that there is one.
void viva_landmarks_find(struct viva_landmark_networks *networks, const struct viva_picture *picture,
			 const struct viva_region *region, struct viva_face *ret_face);
// Add lids and irises, or lips, to what viva_landmarks_find found last with the same networks; the eyes' part also
// moves the mesh's points about the eyes and of the brows, but for their depth, to where it sees them.
void viva_landmarks_refine_eyes(struct viva_landmark_networks *networks, const struct viva_region *region,
				struct viva_face *face);
void viva_landmarks_refine_lips(struct viva_landmark_networks *networks, const struct viva_region *region,
				struct viva_face *face);

// The square about the mesh, level with the eyes, `scale` times as large as the mesh is.
struct viva_region viva_face_region(const struct viva_face *face, float scale);
// Where to look for the same face next: as MediaPipe takes it (face_landmark_landmarks_to_roi), a square about the
// mesh's upright box, turned by the eyes' angle, half as large again.
struct viva_region viva_face_next_region(const struct viva_face *face);

#endif
