// SPDX-License-Identifier: Apache-2.0
//
// How far the eyes of a face are open: the height of the lids' contour by its width, and what a small network of our
// own (models/eye.md) makes of the eyes themselves.
//
// Threads: pure, but for the network, which has one user at a time.
#ifndef VIVA_VISION_EYES_H
#define VIVA_VISION_EYES_H

#include "vision/landmarks.h"
#include "vision/network.h"
#include "vision/picture.h"

// Height by width of the lids' contour, mean of both eyes; the idea is the eye aspect ratio of Soukupová & Čech 2016,
// eq. 1, with seven pairs of points instead of two.
float viva_eye_ratio(const struct viva_face *face);

extern const struct viva_network_shape viva_eye_network;

// How likely the eye is open, 0–1, whose region is given: a square, level with the eye, about a third wider than it.
// What the network says of the picture and of its mirror image count the same.
float viva_eye_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_region *region);
// The same of the face's eyes: their mean.
float viva_eyes_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_face *face);

#endif
