// SPDX-License-Identifier: Apache-2.0
//
// How the head is held and where the eyes look, from the points of a face.
//
// Threads: pure.
#ifndef VIVA_VISION_POSE_H
#define VIVA_VISION_POSE_H

#include "vision/landmarks.h"
#include "vision/vision.h"

// From the axes ear to ear and forehead to chin of the mesh.
struct viva_head_pose viva_pose_of(const struct viva_face *face);

// From the head's pose and where the irises stand between the eyes' corners: the mean of both eyes, within ±90°
// whatever the points are. Means little where the eyes are closed.
struct viva_gaze viva_gaze_of(const struct viva_face *face, const struct viva_head_pose *pose);

// 1 = at the camera, 0 = away: falls with the angle between the gaze and the camera (docs/emotion.md).
float viva_attention_of(const struct viva_gaze *gaze);

#endif
