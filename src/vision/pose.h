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

// 1 = at the camera, 0 = away: falls with the angle of head and irises together (docs/emotion.md).
float viva_attention_of(const struct viva_face *face, const struct viva_head_pose *pose);

#endif
