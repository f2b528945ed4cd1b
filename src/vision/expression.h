// SPDX-License-Identifier: Apache-2.0
//
// What a face expresses: Viva's own network (models/expression.md) on a crop of the face, smoothed over time, and the
// label derived from it.
//
// Threads: pure, but for the network, which has one user at a time.
#ifndef VIVA_VISION_EXPRESSION_H
#define VIVA_VISION_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "vision/landmarks.h"
#include "vision/network.h"
#include "vision/tracker.h"
#include "vision/vision.h"

extern const struct viva_network_shape viva_expression_network;

// Whether mouth or brows moved so much, or so many frames and so much time went by, that the network should look again.
bool viva_expression_is_stale(const struct viva_tracker_expression *expression, const struct viva_face *face,
			      int64_t now_ms);

// Runs the network and mixes its answer in: the older the last one, the more weight the new one has.
void viva_expression_update(struct viva_network *network, const struct viva_picture *picture,
			    const struct viva_face *face, int64_t now_ms, struct viva_tracker_expression *expression);

// What the face expresses that fills the region as FER2013 frames faces, asked once.
void viva_expression_look(struct viva_network *network, const struct viva_picture *picture,
			  const struct viva_region *region, float ret_probabilities[VIVA_EXPRESSION_COUNT]);

// Takes the head of one more frame in, for the derived label.
void viva_expression_observe(struct viva_tracker_expression *expression, int64_t now_ms,
			     const struct viva_head_pose *pose, float attention);

// The label and how sure it is (0–1).
enum viva_emotion viva_expression_label(const struct viva_tracker_expression *expression, int64_t now_ms,
					float attention, float *ret_confidence);

#endif
