// SPDX-License-Identifier: Apache-2.0
#include "vision/detect.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEAR_SIDE = 128,
	FAR_SIDE = 192,
	NUMBERS = 16,          // of an anchor: centre, size, and six points (right eye, left eye, nose, mouth, ears)
	LOGITS = 16,           // of a cell, of which the first are its anchors'
	MAX_CANDIDATES = 256,  // anchors over the threshold; one face has about a dozen
};

// At .5 a cat and a colour wheel pass for faces; at this neither does, and no real face of the tuning set is lost.
static const float near_threshold = .65f;
static const float far_threshold = .65f;
// Of the picture's longer side: a smaller thing has too few pixels to be known for a face (26 of 640).
static const float min_face = .04f;
static const float same_face_overlap = .3f;  // intersection over union
static const float region_scale = 1.5f;

// Some anchors of a network: so many in each cell of a square grid.
struct grid {
	int cells;            // of a side
	int anchors;          // of a cell
	bool is_divided;      // they lie in the middles of the cell's quarters; else all in its own middle
	int numbers, logits;  // in which outputs they are told
};

#define GRID_NUMBERS(cells, anchors) ((cells) * (cells) * (anchors)*NUMBERS)
#define GRID_LOGITS(cells) ((cells) * (cells)*LOGITS)

static const struct grid near_grids[] = {{.cells = 16, .anchors = 2, .numbers = 0, .logits = 2},
					 {.cells = 8, .anchors = 6, .numbers = 1, .logits = 3}};
static const struct viva_convnet_shape near_shape = {
	.file = "face_detection.net",
	.input = NEAR_SIDE * NEAR_SIDE * 3,
	.outputs = {GRID_NUMBERS(16, 2), GRID_NUMBERS(8, 6), GRID_LOGITS(16), GRID_LOGITS(8)}};
static const struct grid far_grids[] = {{.cells = 24, .anchors = 4, .is_divided = true, .numbers = 0, .logits = 1}};
static const struct viva_convnet_shape far_shape = {.file = "face_detection_far.net",
						    .input = FAR_SIDE * FAR_SIDE * 3,
						    .outputs = {GRID_NUMBERS(24, 4), GRID_LOGITS(24)}};

static const struct viva_warp_range pixel_range = {.scale = 1 / 127.5f, .offset = {-1, -1, -1}};

// One of the two networks, and how it divides the square that it sees.
struct eye {
	struct viva_convnet *network;
	int side;
	float threshold;
	const struct grid *grids;
	size_t grid_count;
};

// In shares of the square that the network sees.
static void find_centre(const struct grid *grid, int cell, int anchor, float *ret_x, float *ret_y)
{
	float right = .5f, lower = .5f, cells = (float)grid->cells;
	if (grid->is_divided) {
		right = anchor % 2 == 0 ? .25f : .75f;
		lower = anchor / 2 == 0 ? .25f : .75f;
	}
	*ret_x = ((float)(cell % grid->cells) + right) / cells;
	*ret_y = ((float)(cell / grid->cells) + lower) / cells;
}

// In shares of the square that the network saw.
static struct viva_detection decode_anchor(const struct eye *eye, const struct grid *grid, int cell, int anchor,
					   float confidence)
{
	const float *numbers = eye->network->outputs[grid->numbers] + (size_t)(cell * grid->anchors + anchor) * NUMBERS;
	float side = (float)eye->side, anchor_x, anchor_y;
	find_centre(grid, cell, anchor, &anchor_x, &anchor_y);
	float x = numbers[0] / side + anchor_x, y = numbers[1] / side + anchor_y;
	float width = numbers[2] / side, height = numbers[3] / side;
	return (struct viva_detection){
		.confidence = confidence,
		.left = x - width / 2,
		.top = y - height / 2,
		.right = x + width / 2,
		.bottom = y + height / 2,
		.right_eye = {numbers[4] / side + anchor_x, numbers[5] / side + anchor_y},
		.left_eye = {numbers[6] / side + anchor_x, numbers[7] / side + anchor_y},
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

// What one network finds in one view, in pixels of the picture.
struct candidates {
	struct viva_detection list[MAX_CANDIDATES];
	size_t count;
};

// A square view: its side in shares of the picture's longer side, its place in shares of the free space on both sides.
struct square {
	float size, x, y;
};

static void collect(const struct eye *eye, const struct grid *grid, const struct viva_view *view,
		    struct candidates *candidates)
{
	const float *logits = eye->network->outputs[grid->logits];
	const float threshold_logit = logf(eye->threshold / (1 - eye->threshold));
	for (int cell = 0; cell < grid->cells * grid->cells; cell++, logits += LOGITS) {
		for (int anchor = 0; anchor < grid->anchors; anchor++) {
			if (!(logits[anchor] >= threshold_logit) || candidates->count == MAX_CANDIDATES)
				continue;
			struct viva_detection *face = &candidates->list[candidates->count++];
			*face = decode_anchor(eye, grid, cell, anchor, 1 / (1 + expf(-logits[anchor])));
			to_picture(face, view);
		}
	}
}

static void look(const struct eye *eye, const struct viva_picture *picture, const struct square *square,
		 struct candidates *candidates)
{
	float width = (float)picture->width, height = (float)picture->height,
	      size = square->size * fmaxf(width, height);
	const struct viva_view view = {
		.left = (width - size) * square->x, .top = (height - size) * square->y, .size = size};
	viva_view_fill(picture, &view, eye->side, &pixel_range, eye->network->input);
	viva_convnet_run(eye->network);
	for (size_t i = 0; i < eye->grid_count; i++)
		collect(eye, &eye->grids[i], &view, candidates);
}

int viva_detect_init(struct viva_detector *detector, const char *directory, struct viva_error *error)
{
	int code = viva_convnet_init(&detector->near, directory, &near_shape, error);
	return code == 0 ? viva_convnet_init(&detector->far, directory, &far_shape, error) : code;
}

void viva_detect_finish(struct viva_detector *detector)
{
	viva_convnet_finish(&detector->near);
	viva_convnet_finish(&detector->far);
}

// One of six squares of half the picture's longer side, which together cover it.
static struct square nearer_square(const struct viva_picture *picture, int number)
{
	static const float places[VIVA_DETECT_SQUARES][2] = {{.5f, 0}, {.5f, 1}, {0, 0}, {1, 0}, {0, 1}, {1, 1}};
	const float *place = places[number % VIVA_DETECT_SQUARES];
	if (picture->width >= picture->height)
		return (struct square){.5f, place[0], place[1]};
	return (struct square){.5f, place[1], place[0]};
}

static struct eye near_eye(struct viva_detector *detector)
{
	return (struct eye){&detector->near, NEAR_SIDE, near_threshold, near_grids, VIVA_COUNT(near_grids)};
}

static struct eye far_eye(struct viva_detector *detector)
{
	return (struct eye){&detector->far, FAR_SIDE, far_threshold, far_grids, VIVA_COUNT(far_grids)};
}

static const struct square whole = {1, .5f, .5f};

static size_t conclude(struct candidates *candidates, const struct viva_picture *picture,
		       struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES])
{
	float least = min_face * (float)VIVA_MAX(picture->width, picture->height);
	size_t merged = merge(candidates->list, candidates->count, ret_faces), count = 0;
	for (size_t i = 0; i < merged; i++)
		if (ret_faces[i].right - ret_faces[i].left >= least)
			ret_faces[count++] = ret_faces[i];
	qsort(ret_faces, count, sizeof *ret_faces, by_area);
	return count;
}

size_t viva_detect_faces(struct viva_detector *detector, const struct viva_picture *picture, int square,
			 struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES])
{
	static const struct square from_farther = {1.6f, .5f, .5f};
	const struct eye near = near_eye(detector), far = far_eye(detector);
	// The whole picture by both, since each sees faces that the other overlooks; and, if there is none, from
	// farther off, for a face that fills the picture, and from nearer, for one of 40 pixels.
	struct candidates candidates;
	candidates.count = 0;
	look(&near, picture, &whole, &candidates);
	look(&far, picture, &whole, &candidates);
	if (candidates.count == 0)
		look(&near, picture, &from_farther, &candidates);
	int first = square == VIVA_DETECT_ALL_SQUARES ? 0 : square;
	int end = square == VIVA_DETECT_ALL_SQUARES ? VIVA_DETECT_SQUARES : square + 1;
	for (int i = first; candidates.count == 0 && i < end; i++) {
		const struct square nearer = nearer_square(picture, i);
		look(&far, picture, &nearer, &candidates);
	}
	return conclude(&candidates, picture, ret_faces);
}

size_t viva_detect_by(struct viva_detector *detector, const struct viva_picture *picture, enum viva_detect_range range,
		      struct viva_detection ret_faces[VIVA_DETECT_MAX_FACES])
{
	const struct eye eye = range == VIVA_DETECT_NEAR ? near_eye(detector) : far_eye(detector);
	struct candidates candidates;
	candidates.count = 0;
	look(&eye, picture, &whole, &candidates);
	return conclude(&candidates, picture, ret_faces);
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
