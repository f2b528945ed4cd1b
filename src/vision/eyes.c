// SPDX-License-Identifier: Apache-2.0
#include "vision/eyes.h"

#include <math.h>

enum { SIDE = 32 };

static const float eye_region = 1.4f;  // of the crop by the eye's width, as in the crops of the training

static float distance(struct viva_point a, struct viva_point b)
{
	return hypotf(a.x - b.x, a.y - b.y);
}

static float lid_ratio(const struct viva_point lids[VIVA_LID_POINTS])
{
	float width = distance(lids[0], lids[8]), height = 0;
	for (int i = 1; i < 8; i++)
		height += distance(lids[i], lids[i + 8]) / 7;
	return width > 0 ? height / width : 0;
}

float viva_eye_ratio(const struct viva_face *face)
{
	return (lid_ratio(face->lids[VIVA_RIGHT]) + lid_ratio(face->lids[VIVA_LEFT])) / 2;
}

const struct viva_network_shape viva_eye_network = {.file = "viva_eyes.net", .side = SIDE, .outputs = 1};

float viva_eye_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_region *region)
{
	viva_network_show(network, picture, region);
	float sum = viva_network_run(network)[0];
	viva_network_show_mirrored(network);
	sum += viva_network_run(network)[0];
	return 1 / (1 + expf(-sum / 2));
}

float viva_eyes_look(struct viva_network *network, const struct viva_picture *picture, const struct viva_face *face)
{
	float sum = 0, angle = viva_face_region(face, 1).angle;
	for (int side = VIVA_RIGHT; side <= VIVA_LEFT; side++) {
		struct viva_point a = face->lids[side][0], b = face->lids[side][8];
		struct viva_region region = {.x = (a.x + b.x) / 2,
					     .y = (a.y + b.y) / 2,
					     .size = fmaxf(distance(a, b) * eye_region, 1),
					     .angle = angle};
		sum += viva_eye_look(network, picture, &region);
	}
	return sum / 2;
}
