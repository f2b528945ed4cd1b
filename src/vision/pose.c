// SPDX-License-Identifier: Apache-2.0
#include "vision/pose.h"

#include <math.h>

static const float degrees = 57.29578f;

// The axis from forehead to chin leans back on a level head: its mean over frontal faces of people at rest.
static const float level_pitch = -6.f;

// An iris moves by about half an eye's width when the eye turns by this (an eyeball of 12 mm radius in a 30 mm lid
// opening: asin(15/12) is out of reach; at half of it, 7.5 mm, asin(7.5/12) = 39°).
static const float half_width_degrees = 78.f;

// Full attention within the first angle, none beyond the second.
static const float near_degrees = 12.f;
static const float far_degrees = 40.f;

struct vector {
	float x, y, z;
};

static struct vector between(const struct viva_face *face, int from, int to)
{
	return (struct vector){face->mesh[to].x - face->mesh[from].x, face->mesh[to].y - face->mesh[from].y,
			       face->mesh[to].z - face->mesh[from].z};
}

static float dot(struct vector a, struct vector b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

static struct vector unit(struct vector v)
{
	float length = sqrtf(dot(v, v));
	return length > 0 ? (struct vector){v.x / length, v.y / length, v.z / length} : (struct vector){0};
}

struct viva_head_pose viva_pose_of(const struct viva_face *face)
{
	struct vector across = unit(between(face, VIVA_MESH_RIGHT_EAR, VIVA_MESH_LEFT_EAR));
	struct vector down = between(face, VIVA_MESH_FOREHEAD, VIVA_MESH_CHIN);
	float along = dot(down, across);
	down = unit((struct vector){down.x - along * across.x, down.y - along * across.y, down.z - along * across.z});
	// Points out of the back of the head: x right and y down on the picture, z away from the camera.
	struct vector back = {across.y * down.z - across.z * down.y, across.z * down.x - across.x * down.z,
			      across.x * down.y - across.y * down.x};
	return (struct viva_head_pose){
		.yaw = atan2f(-back.x, back.z) * degrees,
		.pitch = asinf(fminf(fmaxf(back.y, -1), 1)) * degrees - level_pitch,
		.roll = atan2f(across.y, across.x) * degrees,
	};
}

// Where the iris stands between the corners: 0 in the middle, 1 at the corner on the person's left.
static float iris_offset(const struct viva_face *face, enum viva_side side)
{
	const struct viva_point *lids = face->lids[side];
	struct viva_point right = lids[side == VIVA_RIGHT ? 0 : 8], left = lids[side == VIVA_RIGHT ? 8 : 0];
	struct viva_point iris = face->irises[side][0];
	float x = left.x - right.x, y = left.y - right.y;
	float squared = x * x + y * y;
	if (squared <= 0)
		return 0;
	float share = ((iris.x - right.x) * x + (iris.y - right.y) * y) / squared;
	return fminf(fmaxf(2 * share - 1, -1), 1);
}

float viva_attention_of(const struct viva_face *face, const struct viva_head_pose *pose)
{
	float offset = (iris_offset(face, VIVA_RIGHT) + iris_offset(face, VIVA_LEFT)) / 2;
	float yaw = pose->yaw + offset * half_width_degrees / 2;
	float angle = hypotf(yaw, pose->pitch);
	return fminf(fmaxf((far_degrees - angle) / (far_degrees - near_degrees), 0), 1);
}
