// SPDX-License-Identifier: Apache-2.0
#include "vision/context.h"

#include <math.h>

#include "base/clock.h"
#include "vision/expression.h"
#include "vision/eyes.h"

enum {
	// While a face is followed a detector looks again, for the number of faces, after so many frames: every 1–2 s
	// of a video. It is the one for short range, and each fourth time that for full range, which takes longer,
	// instead: no frame pays for both, and fewer than one in a hundred for the longer.
	FRAMES_BETWEEN_LOOKS = 30,
	FRAMES_BETWEEN_FAR_LOOKS = 4 * FRAMES_BETWEEN_LOOKS,
};

static const float min_presence = .5f;
static const float looked_at_scale = 1.3f;  // of what is looked at once the points are known: the expression's crop
static const float min_region = .05f;       // of the longer side; a tracked face that shrinks below is lost
static const float max_region = 4;

double viva_seconds(void)
{
	return (double)viva_clock_monotonic_us(viva_system_clock()) / 1e6;
}

int viva_context_init(struct viva_context *context, const char *directory, struct viva_error *error)
{
	int code = viva_detect_init(&context->detector, directory, error);
	if (code == 0)
		code = viva_network_init(&context->expression, directory, &viva_expression_network, error);
	if (code == 0)
		code = viva_network_init(&context->eye, directory, &viva_eye_network, error);
	return code == 0 ? viva_landmarks_init(&context->landmarks, directory, error) : code;
}

void viva_context_finish(struct viva_context *context)
{
	viva_detect_finish(&context->detector);
	viva_network_finish(&context->expression);
	viva_network_finish(&context->eye);
	viva_landmarks_finish(&context->landmarks);
	viva_picture_finish(&context->picture);
}

static struct viva_region to_region(const struct viva_tracker_region *region, const struct viva_picture *picture)
{
	float longer = (float)VIVA_MAX(picture->width, picture->height);
	return (struct viva_region){.x = region->x * (float)picture->width,
				    .y = region->y * (float)picture->height,
				    .size = region->size * longer,
				    .angle = region->angle};
}

static struct viva_tracker_region to_shares(const struct viva_region *region, const struct viva_picture *picture)
{
	float longer = (float)VIVA_MAX(picture->width, picture->height);
	return (struct viva_tracker_region){.x = region->x / (float)picture->width,
					    .y = region->y / (float)picture->height,
					    .size = region->size / longer,
					    .angle = region->angle};
}

// Within the picture and of a size that can hold a face; NaN is not.
static bool is_plausible(const struct viva_tracker_region *region)
{
	return region->x >= -.2f && region->x <= 1.2f && region->y >= -.2f && region->y <= 1.2f &&
	       region->size >= min_region && region->size <= max_region;
}

static bool holds_face(const struct viva_context *context)
{
	struct viva_region region = viva_face_next_region(&context->face);
	struct viva_tracker_region shares = to_shares(&region, &context->picture);
	return context->face.presence >= min_presence && is_plausible(&shares);
}

int viva_context_decode(struct viva_context *context, const struct viva_tracker_region *focus, struct viva_error *error)
{
	const struct viva_frame *frame = &context->frame;
	return viva_picture_decode(&context->picture, frame->image, frame->format, focus, frame->limits, error);
}

// Looks where the face was; tells whether it is there. *ret_region is what the mesh network saw.
static bool follow(struct viva_context *context, const struct viva_tracker *tracker, struct viva_region *ret_region)
{
	*ret_region = to_region(&tracker->region, &context->picture);
	viva_landmarks_find(&context->landmarks, &context->picture, ret_region, &context->face);
	return holds_face(context);
}

// Looks in the whole picture for the largest face that the mesh network knows for one too.
static bool acquire(struct viva_context *context, struct viva_region *ret_region)
{
	enum { MAX_TRIES = 3 };
	for (size_t i = 0; i < context->other_count && i < MAX_TRIES; i++) {
		*ret_region = viva_detection_region(&context->others[i]);
		viva_landmarks_find(&context->landmarks, &context->picture, ret_region, &context->face);
		if (!holds_face(context))
			continue;
		// The detector's box is coarse: the mesh found in it tells the region that it should have been.
		*ret_region = viva_face_next_region(&context->face);
		viva_landmarks_find(&context->landmarks, &context->picture, ret_region, &context->face);
		if (holds_face(context))
			return true;
	}
	return false;
}

static void detect(struct viva_context *context, struct viva_tracker *tracker, struct viva_vision_timing *timing)
{
	// While no face is there, each frame looks at another square; a single picture at all of them.
	int square = tracker->has_time ? tracker->frames_since_detection : VIVA_DETECT_ALL_SQUARES;
	double begin = viva_seconds();
	size_t count = viva_detect_faces(&context->detector, &context->picture, square, context->others);
	timing->detect = viva_seconds() - begin;
	context->other_count = count;
	tracker->face_count = (int32_t)count;
	tracker->faces_near = tracker->faces_far = (uint8_t)count;
	tracker->frames_since_detection = count == 0 ? (uint8_t)(tracker->frames_since_detection + 1) : 0;
}

// Whether a detector looks at the frame after so many, if its face is followed.
static bool is_look_due(uint8_t frames_since_detection)
{
	return (uint8_t)(frames_since_detection + 1) % FRAMES_BETWEEN_LOOKS == 0;
}

// Looks for other faces than the one that is followed.
static void look_about(struct viva_context *context, struct viva_tracker *tracker, struct viva_vision_timing *timing)
{
	bool is_far = tracker->frames_since_detection % FRAMES_BETWEEN_FAR_LOOKS == 0;
	double begin = viva_seconds();
	context->other_count = viva_detect_by(&context->detector, &context->picture,
					      is_far ? VIVA_DETECT_FAR : VIVA_DETECT_NEAR, context->others);
	timing->detect = viva_seconds() - begin;
	*(is_far ? &tracker->faces_far : &tracker->faces_near) = (uint8_t)context->other_count;
	// Each overlooks faces that the other sees; what it last saw stands until it looks again.
	tracker->face_count = VIVA_MAX(tracker->faces_near, tracker->faces_far);
	if (is_far)
		tracker->frames_since_detection = 0;
}

// Whether what the next steps look at was decoded.
static bool sees_enough(const struct viva_context *context)
{
	struct viva_region face = viva_face_region(&context->face, looked_at_scale);
	return viva_picture_covers(&context->picture, &face);
}

// Decodes the frame and looks where the face was, if there was one: at a part of the picture, if that is enough.
static int see(struct viva_context *context, struct viva_tracker *tracker, struct viva_region *ret_region,
	       bool *ret_is_found, struct viva_vision_timing *timing, struct viva_error *error)
{
	bool has_face = tracker->has_face && is_plausible(&tracker->region);
	bool needs_whole = !has_face || is_look_due(tracker->frames_since_detection);
	double begin = viva_seconds();
	int code = viva_context_decode(context, needs_whole ? NULL : &tracker->region, error);
	timing->decode = viva_seconds() - begin;
	if (code == 0 && has_face)
		*ret_is_found = follow(context, tracker, ret_region);
	if (code != 0 || viva_picture_is_whole(&context->picture) || (*ret_is_found && sees_enough(context)))
		return code;
	begin = viva_seconds();
	code = viva_context_decode(context, NULL, error);
	timing->decode += viva_seconds() - begin;
	if (code == 0)
		*ret_is_found = follow(context, tracker, ret_region);
	return code;
}

static int locate(struct viva_context *context, struct viva_tracker *tracker, struct viva_vision_timing *timing,
		  struct viva_error *error)
{
	struct viva_region region = {0};
	bool is_found = false;
	context->other_count = 0;
	int code = see(context, tracker, &region, &is_found, timing, error);
	if (code != 0)
		return code;
	bool is_followed = is_found;
	if (is_followed) {
		if (is_look_due(tracker->frames_since_detection++))
			look_about(context, tracker, timing);
	} else {
		detect(context, tracker, timing);
		is_found = acquire(context, &region);
	}
	if (is_found)
		viva_landmarks_refine_eyes(&context->landmarks, &region, &context->face);
	if (is_found && context->frame.needs_lips)
		viva_landmarks_refine_lips(&context->landmarks, &region, &context->face);
	if (!is_followed) {
		tracker->expression.is_known = false;
		tracker->expression.is_steady = false;
	}
	// A face that is followed counts, even while the detector overlooks it; one that the mesh does not confirm does
	// not.
	if (is_found)
		tracker->face_count = VIVA_MAX(tracker->face_count, 1);
	else
		tracker->face_count = 0;
	tracker->has_face = is_found;
	struct viva_region next = viva_face_next_region(&context->face);
	tracker->region = is_found ? to_shares(&next, &context->picture) : (struct viva_tracker_region){0};
	return 0;
}

int viva_locate(struct viva_context *context, struct viva_tracker *tracker, struct viva_vision_timing *timing,
		struct viva_error *error)
{
	double begin = viva_seconds();
	int code = locate(context, tracker, timing, error);
	timing->landmarks = viva_seconds() - begin - timing->decode - timing->detect;
	return code;
}
