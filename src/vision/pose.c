// SPDX-License-Identifier: Apache-2.0
#include "vision/pose.h"

#include <math.h>

static const float degrees = 57.29578f;

// The axis from forehead to chin leans back on a level head: its mean over frontal faces of people at rest.
static const float level_pitch = -6.f;

// An adult's eye in rounded millimetres: from the point about which it turns to the iris, from there to the line
// between the lids' corners, and half of that line.
static const float iris_distance = 11;
static const float corner_distance = 5;
static const float half_eye = 15;

// How far a level eye's iris stands above the line between the corners, in halves of it: the mean over photos with open
// eyes (docs/emotion.md).
static const float level_iris = .15f;
static const float most_turned = .94f;  // the sine of 70°: no eye is seen beyond
static const float least_cosine = .5f;  // of the yaw, by which an eye's width is foreshortened

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

// A NaN is the lower end.
static float within(float value, float limit)
{
	return fminf(fmaxf(value, -limit), limit);
}

// The sines by which an eye looks aside, right and down on the picture, with the corners' line where the head holds it.
// The iris is iris_distance from the eye's centre along the gaze, the line's middle corner_distance along the head's
// axis: what is seen between iris and middle is the difference of the two.
static struct viva_point eye_direction(const struct viva_face *face, enum viva_side side,
				       const struct viva_head_pose *pose)
{
	const struct viva_point *lids = face->lids[side];
	struct viva_point right = lids[side == VIVA_RIGHT ? 0 : 8], left = lids[side == VIVA_RIGHT ? 8 : 0];
	struct viva_point iris = face->irises[side][0];
	float yaw = pose->yaw / degrees, pitch = pose->pitch / degrees;
	float x = left.x - right.x, y = left.y - right.y, width = hypotf(x, y);
	struct viva_point head = {sinf(yaw) * cosf(pitch), -sinf(pitch)};
	if (!(width > 0))
		return head;
	float per_pixel = 2 * half_eye * fmaxf(cosf(yaw), least_cosine) / width;
	// The level iris lies above the line: up is (y, -x) across it.
	float middle_x = (left.x + right.x) / 2 + level_iris * y / 2;
	float middle_y = (left.y + right.y) / 2 - level_iris * x / 2;
	return (struct viva_point){((iris.x - middle_x) * per_pixel + corner_distance * head.x) / iris_distance,
				   ((iris.y - middle_y) * per_pixel + corner_distance * head.y) / iris_distance};
}

struct viva_gaze viva_gaze_of(const struct viva_face *face, const struct viva_head_pose *pose)
{
	struct viva_point right = eye_direction(face, VIVA_RIGHT, pose), left = eye_direction(face, VIVA_LEFT, pose);
	float x = within((right.x + left.x) / 2, most_turned), y = within((right.y + left.y) / 2, most_turned);
	float aside = hypotf(x, y), fit = aside > most_turned ? most_turned / aside : 1;
	x *= fit;
	y *= fit;
	return (struct viva_gaze){.yaw = atan2f(x, sqrtf(1 - x * x - y * y)) * degrees, .pitch = -asinf(y) * degrees};
}

float viva_attention_of(const struct viva_gaze *gaze)
{
	float angle = hypotf(gaze->yaw, gaze->pitch);
	return fminf(fmaxf((far_degrees - angle) / (far_degrees - near_degrees), 0), 1);
}
