// SPDX-License-Identifier: Apache-2.0
#include "vision/landmarks.h"

#include <math.h>
#include <string.h>

enum {
	CROP_SIDE = 192,
	MESH_FLOATS = VIVA_MESH_POINTS * 3,
	FEATURE_FLOATS = VIVA_FEATURE_SIDE * VIVA_FEATURE_SIDE * VIVA_FEATURE_CHANNELS,
	PATCH_SIDE = 16,
	PATCH_FLOATS = PATCH_SIDE * PATCH_SIDE * VIVA_FEATURE_CHANNELS,
	EYE_POINTS = 71,
	UNITS = 64,  // the parts tell points in 64ths of their region
};

static const struct viva_convnet_shape mesh_shape = {
	.file = "face_mesh.net", .input = CROP_SIDE * CROP_SIDE * 3, .outputs = {FEATURE_FLOATS, MESH_FLOATS, 1}};
static const struct viva_convnet_shape eye_shapes[2] = {
	{.file = "face_eye_right.net", .input = PATCH_FLOATS, .outputs = {EYE_POINTS * 2, VIVA_IRIS_POINTS * 2}},
	{.file = "face_eye_left.net", .input = PATCH_FLOATS, .outputs = {EYE_POINTS * 2, VIVA_IRIS_POINTS * 2}}};
static const struct viva_convnet_shape lips_shape = {
	.file = "face_lips.net", .input = PATCH_FLOATS, .outputs = {VIVA_LIP_POINTS * 2}};

static const struct viva_warp_range pixel_range = {.scale = 1 / 255.f};

// Where a part looks on the feature map: the box about some points of the mesh, level with the line between two of
// them. From the options of Landmarks2TransformMatrix in face_landmark_with_attention.tflite of mediapipe 0.10.14.
struct part {
	int right, left;  // of the line
	int count;
	int16_t points[VIVA_LIP_POINTS];
};

static const struct part eye_parts[2] = {
	{33, 133, 71, {33,  7,   163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25,
		       110, 24,  23,  22,  26,  112, 243, 247, 30,  29,  27,  28,  56,  190, 226, 31,  228, 229,
		       230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35,  124, 46,  53,  52,  65,
		       143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70,  63,  105, 66,  107, 55,  193}},
	{362, 263, 71, {263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255,
			339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449,
			450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295,
			372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417}}};
static const struct part lips_part = {
	61, 291, VIVA_LIP_POINTS, {61,  146, 91,  181, 84,  17,  314, 405, 321, 375, 291, 185, 40,  39,  37,  0,
				   267, 269, 270, 409, 78,  95,  88,  178, 87,  14,  317, 402, 318, 324, 308, 191,
				   80,  81,  82,  13,  312, 311, 310, 415, 76,  77,  90,  180, 85,  16,  315, 404,
				   320, 307, 306, 184, 74,  73,  72,  11,  302, 303, 304, 408, 62,  96,  89,  179,
				   86,  15,  316, 403, 319, 325, 292, 183, 42,  41,  38,  12,  268, 271, 272, 407}};
static const float part_scale = 1.5f;
static const float next_region_scale = 1.5f;  // of the region by the mesh

// An affine map: x' = xx·x + xy·y + x0, y' = yx·x + yy·y + y0.
struct affine {
	float xx, xy, x0, yx, yy, y0;
};

static struct viva_point apply(const struct affine *map, float x, float y)
{
	return (struct viva_point){map->xx * x + map->xy * y + map->x0, map->yx * x + map->yy * y + map->y0};
}

int viva_landmarks_init(struct viva_landmark_networks *networks, const char *directory, struct viva_error *error)
{
	int code = viva_convnet_init(&networks->mesh, directory, &mesh_shape, error);
	for (int side = VIVA_RIGHT; code == 0 && side <= VIVA_LEFT; side++)
		code = viva_convnet_init(&networks->eyes[side], directory, &eye_shapes[side], error);
	if (code == 0)
		code = viva_convnet_init(&networks->lips, directory, &lips_shape, error);
	return code;
}

void viva_landmarks_finish(struct viva_landmark_networks *networks)
{
	viva_convnet_finish(&networks->mesh);
	viva_convnet_finish(&networks->eyes[VIVA_RIGHT]);
	viva_convnet_finish(&networks->eyes[VIVA_LEFT]);
	viva_convnet_finish(&networks->lips);
}

// Of every 16th pixel: enough to tell dark from light.
static float brightness(const float *pixels)
{
	float sum = 0;
	for (int i = 0; i < CROP_SIDE * CROP_SIDE * 3; i += 48)
		sum += pixels[i] + pixels[i + 1] + pixels[i + 2];
	return sum / (CROP_SIDE * CROP_SIDE * 3 / 16.f);
}

// Of the middle of the crop, in green, in every other row: how much neighbouring pixels differ from each other, by how
// much all do.
static float sharpness(const float *pixels)
{
	enum { FIRST = CROP_SIDE / 4, END = CROP_SIDE - CROP_SIDE / 4, ROW = CROP_SIDE * 3 };
	float sum = 0, squares = 0, laplacian = 0;
	for (int y = FIRST; y < END; y += 2) {
		const float *row = pixels + (size_t)y * ROW + 1;
		for (int x = FIRST * 3; x < END * 3; x += 3) {
			float here = row[x];
			sum += here;
			squares += here * here;
			laplacian += fabsf(4 * here - row[x - 3] - row[x + 3] - row[x - ROW] - row[x + ROW]);
		}
	}
	const float count = (float)(END - FIRST) * (END - FIRST) / 2, mean = sum / count;
	return laplacian / count / (sqrtf(fmaxf(squares / count - mean * mean, 0)) + .02f);
}

// From the crop's pixels to the picture's.
static struct affine crop_to_picture(const struct viva_region *region)
{
	float step = region->size / CROP_SIDE;
	float c = step * cosf(region->angle), s = step * sinf(region->angle), half = CROP_SIDE / 2.f;
	return (struct affine){.xx = c,
			       .xy = -s,
			       .x0 = region->x - c * half + s * half,
			       .yx = s,
			       .yy = c,
			       .y0 = region->y - s * half - c * half};
}

// MediaPipe takes the crop's pixels at whole steps from the region's corner, counted in the picture's pixels (OpenCV's
// warpPerspective in its ImageToTensorCalculator); viva_warp takes them from where their centres are. Without this
// shift all points are off by nearly half a pixel of the crop.
static struct viva_region sampled_region(const struct viva_region *region, const struct viva_picture *picture)
{
	float half_step = region->size / CROP_SIDE / 2;
	float c = half_step * cosf(region->angle), s = half_step * sinf(region->angle);
	float half_pixel = .5f * (float)picture->width / (float)picture->source_width;  // of the picture as it was sent
	struct viva_region sampled = *region;
	sampled.x += half_pixel - c + s;
	sampled.y += half_pixel - s - c;
	return sampled;
}

void viva_landmarks_find(struct viva_landmark_networks *networks, const struct viva_picture *picture,
			 const struct viva_region *region, struct viva_face *ret_face)
{
	struct viva_region sampled = sampled_region(region, picture);
	viva_warp(picture, &sampled, CROP_SIDE, &pixel_range, networks->mesh.input);
	*ret_face = (struct viva_face){.brightness = brightness(networks->mesh.input),
				       .sharpness = sharpness(networks->mesh.input)};
	viva_convnet_run(&networks->mesh);

	// The mesh comes in cells of the feature map, which are four pixels of the crop each.
	const float cell = (float)CROP_SIDE / VIVA_FEATURE_SIDE;
	const float *mesh = networks->mesh.outputs[1];
	const struct affine map = crop_to_picture(region);
	for (int i = 0; i < VIVA_MESH_POINTS; i++) {
		struct viva_point point = apply(&map, mesh[3 * i] * cell, mesh[3 * i + 1] * cell);
		ret_face->mesh[i].x = point.x;
		ret_face->mesh[i].y = point.y;
		ret_face->mesh[i].z = mesh[3 * i + 2] * cell * region->size / CROP_SIDE;
	}
	ret_face->presence = 1 / (1 + expf(-networks->mesh.outputs[2][0]));
}

// From a part's patch (0 … PATCH_SIDE) to the feature map's cells.
static struct affine part_to_features(const struct part *part, const float *mesh)
{
	float angle = atan2f(mesh[3 * part->left + 1] - mesh[3 * part->right + 1],
			     mesh[3 * part->left] - mesh[3 * part->right]);
	float c = cosf(angle), s = sinf(angle);
	float min_x = INFINITY, min_y = INFINITY, max_x = -INFINITY, max_y = -INFINITY;
	for (int i = 0; i < part->count; i++) {
		const float *point = mesh + 3 * part->points[i];
		float x = c * point[0] + s * point[1], y = -s * point[0] + c * point[1];
		min_x = fminf(min_x, x);
		max_x = fmaxf(max_x, x);
		min_y = fminf(min_y, y);
		max_y = fmaxf(max_y, y);
	}
	float x = (min_x + max_x) / 2, y = (min_y + max_y) / 2;
	float width = (max_x - min_x) * part_scale / PATCH_SIDE, height = (max_y - min_y) * part_scale / PATCH_SIDE;
	const float half = PATCH_SIDE / 2.f;
	struct affine map = {.xx = c * width, .xy = -s * height, .yx = s * width, .yy = c * height};
	map.x0 = c * x - s * y - (map.xx + map.xy) * half;
	map.y0 = s * x + c * y - (map.yx + map.yy) * half;
	return map;
}

static void add_cell(const float *features, int x, int y, float weight, float *patch)
{
	if (x < 0 || y < 0 || x >= VIVA_FEATURE_SIDE || y >= VIVA_FEATURE_SIDE)
		return;
	const float *cell = features + (y * VIVA_FEATURE_SIDE + x) * VIVA_FEATURE_CHANNELS;
	for (int i = 0; i < VIVA_FEATURE_CHANNELS; i++)
		patch[i] += weight * cell[i];
}

// TransformTensorBilinear: samples at half cells on both sides; outside of the map is 0.
static void sample_features(const float *features, const struct affine *map, float *ret_patch)
{
	memset(ret_patch, 0, PATCH_FLOATS * sizeof *ret_patch);
	for (int row = 0; row < PATCH_SIDE; row++) {
		for (int column = 0; column < PATCH_SIDE; column++, ret_patch += VIVA_FEATURE_CHANNELS) {
			struct viva_point at = apply(map, (float)column + .5f, (float)row + .5f);
			// Bounded before it becomes an int: a broken mesh may be anywhere.
			float x = fminf(fmaxf(at.x - .5f, -2), VIVA_FEATURE_SIDE + 1);
			float y = fminf(fmaxf(at.y - .5f, -2), VIVA_FEATURE_SIDE + 1);
			int left = (int)floorf(x), top = (int)floorf(y);
			float right_share = x - (float)left, lower_share = y - (float)top;
			add_cell(features, left, top, (1 - right_share) * (1 - lower_share), ret_patch);
			add_cell(features, left + 1, top, right_share * (1 - lower_share), ret_patch);
			add_cell(features, left, top + 1, (1 - right_share) * lower_share, ret_patch);
			add_cell(features, left + 1, top + 1, right_share * lower_share, ret_patch);
		}
	}
}

static void run_part(struct viva_convnet *network, const struct viva_landmark_networks *networks,
		     const struct part *part, struct affine *ret_map)
{
	*ret_map = part_to_features(part, networks->mesh.outputs[1]);
	sample_features(networks->mesh.outputs[0], ret_map, network->input);
	viva_convnet_run(network);
}

// A part's points: 64ths of its region → patch → feature map → crop → picture.
static void to_picture(const float *points, int count, const struct affine *part_map, const struct affine *crop_map,
		       struct viva_point *ret_points)
{
	const float patch = (float)PATCH_SIDE / UNITS, cell = (float)CROP_SIDE / VIVA_FEATURE_SIDE;
	for (int i = 0; i < count; i++) {
		struct viva_point on_map = apply(part_map, points[2 * i] * patch, points[2 * i + 1] * patch);
		ret_points[i] = apply(crop_map, on_map.x * cell, on_map.y * cell);
	}
}

void viva_landmarks_refine_eyes(struct viva_landmark_networks *networks, const struct viva_region *region,
				struct viva_face *face)
{
	const struct affine crop_map = crop_to_picture(region);
	struct affine map;
	for (int side = VIVA_RIGHT; side <= VIVA_LEFT; side++) {
		struct viva_convnet *eye = &networks->eyes[side];
		run_part(eye, networks, &eye_parts[side], &map);
		struct viva_point points[EYE_POINTS];
		to_picture(eye->outputs[0], EYE_POINTS, &map, &crop_map, points);
		memcpy(face->lids[side], points, sizeof face->lids[side]);
		for (int i = 0; i < EYE_POINTS; i++) {
			face->mesh[eye_parts[side].points[i]].x = points[i].x;
			face->mesh[eye_parts[side].points[i]].y = points[i].y;
		}
		to_picture(eye->outputs[1], VIVA_IRIS_POINTS, &map, &crop_map, face->irises[side]);
	}
}

void viva_landmarks_refine_lips(struct viva_landmark_networks *networks, const struct viva_region *region,
				struct viva_face *face)
{
	const struct affine crop_map = crop_to_picture(region);
	struct affine map;
	run_part(&networks->lips, networks, &lips_part, &map);
	to_picture(networks->lips.outputs[0], VIVA_LIP_POINTS, &map, &crop_map, face->lips);
}

static float angle_of(const struct viva_face *face)
{
	return atan2f(face->mesh[VIVA_MESH_LEFT_EYE_OUTER].y - face->mesh[VIVA_MESH_RIGHT_EYE_OUTER].y,
		      face->mesh[VIVA_MESH_LEFT_EYE_OUTER].x - face->mesh[VIVA_MESH_RIGHT_EYE_OUTER].x);
}

// The square about the mesh in axes that are turned by `turn`.
static struct viva_region region_about(const struct viva_face *face, float turn, float scale)
{
	float c = cosf(turn), s = sinf(turn);
	float min_x = INFINITY, min_y = INFINITY, max_x = -INFINITY, max_y = -INFINITY;
	for (int i = 0; i < VIVA_MESH_POINTS; i++) {
		float x = c * face->mesh[i].x + s * face->mesh[i].y, y = -s * face->mesh[i].x + c * face->mesh[i].y;
		min_x = fminf(min_x, x);
		max_x = fmaxf(max_x, x);
		min_y = fminf(min_y, y);
		max_y = fmaxf(max_y, y);
	}
	float x = (min_x + max_x) / 2, y = (min_y + max_y) / 2;
	return (struct viva_region){.x = c * x - s * y,
				    .y = s * x + c * y,
				    .size = fmaxf(max_x - min_x, max_y - min_y) * scale,
				    .angle = angle_of(face)};
}

struct viva_region viva_face_region(const struct viva_face *face, float scale)
{
	return region_about(face, angle_of(face), scale);
}

struct viva_region viva_face_next_region(const struct viva_face *face)
{
	return region_about(face, 0, next_region_scale);
}
