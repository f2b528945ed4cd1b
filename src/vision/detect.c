// SPDX-License-Identifier: Apache-2.0
#include "vision/detect.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIDE = 128,
	ANCHORS = 896,         // two a cell of 16 × 16, six a cell of 8 × 8
	NUMBERS = 16,          // of an anchor: centre, size, and six points (right eye, left eye, nose, mouth, ears)
	MAX_CANDIDATES = 256,  // anchors over the threshold; one face has about a dozen
};

// At .5 a cat and a colour wheel pass for faces; at this neither does, and no real face of the tuning set is lost.
static const float threshold = .65f;
static const float same_face_overlap = .3f;  // intersection over union
static const float region_scale = 1.5f;

const struct viva_network_shape viva_detect_network = {
	.file = "face_detection.tflite", .input = SIDE * SIDE * 3, .outputs = {ANCHORS * NUMBERS, ANCHORS}};

static const struct viva_warp_range pixel_range = {.scale = 1 / 127.5f, .offset = {-1, -1, -1}};

static void anchor_centre(int anchor, float *ret_x, float *ret_y)
{
	bool is_fine = anchor < 16 * 16 * 2;
	int cells = is_fine ? 16 : 8;
	int cell = is_fine ? anchor / 2 : (anchor - 16 * 16 * 2) / 6;
	*ret_x = ((float)(cell % cells) + .5f) / (float)cells;
	*ret_y = ((float)(cell / cells) + .5f) / (float)cells;
}

// In shares of the square that the network saw.
static struct viva_detection decode_anchor(const float *numbers, int anchor, float confidence)
{
	float anchor_x, anchor_y;
	anchor_centre(anchor, &anchor_x, &anchor_y);
	float x = numbers[0] / SIDE + anchor_x, y = numbers[1] / SIDE + anchor_y;
	float width = numbers[2] / SIDE, height = numbers[3] / SIDE;
	return (struct viva_detection){
		.confidence = confidence,
		.left = x - width / 2,
		.top = y - height / 2,
		.right = x + width / 2,
		.bottom = y + height / 2,
		.right_eye = {numbers[4] / SIDE + anchor_x, numbers[5] / SIDE + anchor_y},
		.left_eye = {numbers[6] / SIDE + anchor_x, numbers[7] / SIDE + anchor_y},
	};
}

static float area(const struct viva_detection *face)
{
	return fmaxf(face->right - face->left, 0) * fmaxf(face->bottom - face->top, 0);
}

static float overlap(const struct viva_detection *a, const struct viva_detection *b)
{
	float width = fminf(a->right, b->right) - fmaxf(a->left, b->left);
	float height = fminf(a->bottom, b->bottom) - fmaxf(a->top, b->top);
	float both = fmaxf(width, 0) * fmaxf(height, 0);
	float either = area(a) + area(b) - both;
	return either > 0 ? both / either : 0;
}

static int by_confidence(const void *a, const void *b)
{
	const struct viva_detection *x = a, *y = b;
	return (x->confidence < y->confidence) - (x->confidence > y->confidence);
}

static int by_area(const void *a, const void *b)
{
	float x = area(a), y = area(b);
	return (x < y) - (x > y);
}

static void add_weighted(struct viva_detection *sum, const struct viva_detection *face)
{
	float weight = face->confidence;
	sum->left += weight * face->left;
	sum->top += weight * face->top;
	sum->right += weight * face->right;
	sum->bottom += weight * face->bottom;
	for (int i = 0; i < 2; i++) {
		sum->right_eye[i] += weight * face->right_eye[i];
		sum->left_eye[i] += weight * face->left_eye[i];
	}
}

static struct viva_detection divided(struct viva_detection sum, float weight, float confidence)
{
	sum.confidence = confidence;
	sum.left /= weight;
	sum.top /= weight;
	sum.right /= weight;
	sum.bottom /= weight;
	for (int i = 0; i < 2; i++) {
		sum.right_eye[i] /= weight;
		sum.left_eye[i] /= weight;
	}
	return sum;
}

// Weighted non-maximum suppression (BlazeFace, Bazarevsky et al. 2019, §5): those that overlap the best become their
// weighted mean, which trembles less from frame to frame than the best alone.
static size_t merge(struct viva_detection *candidates, size_t count,
		    struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES])
{
	qsort(candidates, count, sizeof *candidates, by_confidence);
	bool is_used[MAX_CANDIDATES] = {false};
	size_t faces = 0;
	for (size_t i = 0; i < count && faces < VIVA_DETECT_MAX_FACES; i++) {
		if (is_used[i])
			continue;
		struct viva_detection sum = {0};
		float weight = 0;
		for (size_t k = i; k < count; k++) {
			if (is_used[k] || (k != i && overlap(&candidates[i], &candidates[k]) <= same_face_overlap))
				continue;
			is_used[k] = true;
			add_weighted(&sum, &candidates[k]);
			weight += candidates[k].confidence;
		}
		ret_faces[faces++] = divided(sum, weight, candidates[i].confidence);
	}
	return faces;
}

static void to_picture(struct viva_detection *face, const struct viva_view *view)
{
	float *const xs[] = {&face->left, &face->right, &face->right_eye[0], &face->left_eye[0]};
	float *const ys[] = {&face->top, &face->bottom, &face->right_eye[1], &face->left_eye[1]};
	for (size_t i = 0; i < VIVA_COUNT(xs); i++) {
		*xs[i] = view->left + *xs[i] * view->size;
		*ys[i] = view->top + *ys[i] * view->size;
	}
}

static int look(struct viva_network *network, const struct viva_picture *picture, const struct viva_view *view,
		struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES], size_t *ret_count, struct viva_error *error)
{
	viva_view_fill(picture, view, SIDE, &pixel_range, network->input);
	int code = viva_network_run(network, error);
	if (code != 0)
		return code;

	const float *numbers = network->outputs[0], *logits = network->outputs[1];
	const float threshold_logit = logf(threshold / (1 - threshold));
	struct viva_detection candidates[MAX_CANDIDATES];
	size_t count = 0;
	for (int i = 0; i < ANCHORS && count < MAX_CANDIDATES; i++) {
		if (logits[i] >= threshold_logit)
			candidates[count++] = decode_anchor(numbers + i * NUMBERS, i, 1 / (1 + expf(-logits[i])));
	}
	*ret_count = merge(candidates, count, ret_faces);
	for (size_t i = 0; i < *ret_count; i++)
		to_picture(&ret_faces[i], view);
	return 0;
}

int viva_detect_faces(struct viva_network *network, const struct viva_picture *picture,
		      struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES], size_t *ret_count,
		      struct viva_error *error)
{
	// The whole picture; from farther off, for a face that fills it; and its upper middle from nearer, for a small
	// one.
	static const struct {
		float size, x, y;  // in shares of the longer side, and of the free space on both sides
	} looks[] = {{1, .5f, .5f}, {1.6f, .5f, .5f}, {.5f, .5f, .25f}};

	float width = (float)picture->width, height = (float)picture->height, longer = fmaxf(width, height);
	size_t count = 0;
	for (size_t i = 0; i < VIVA_COUNT(looks) && count == 0; i++) {
		float size = looks[i].size * longer;
		struct viva_view view = {
			.left = (width - size) * looks[i].x, .top = (height - size) * looks[i].y, .size = size};
		int code = look(network, picture, &view, ret_faces, &count, error);
		if (code != 0)
			return code;
	}
	qsort(ret_faces, count, sizeof *ret_faces, by_area);
	*ret_count = count;
	return 0;
}

struct viva_region viva_detection_region(const struct viva_detection *face)
{
	float width = face->right - face->left, height = face->bottom - face->top;
	return (struct viva_region){
		.x = (face->left + face->right) / 2,
		.y = (face->top + face->bottom) / 2,
		.size = fmaxf(width, height) * region_scale,
		.angle = atan2f(face->left_eye[1] - face->right_eye[1], face->left_eye[0] - face->right_eye[0]),
	};
}
