// SPDX-License-Identifier: Apache-2.0
#include "vision/vision.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "models/model_files.h"
#include "vision/blinks.h"
#include "vision/context.h"
#include "vision/details.h"
#include "vision/expression.h"
#include "vision/eyes.h"
#include "vision/pose.h"
#include "vision/thumbnail.h"

enum {
	MAX_CONTEXTS = 64,
	// Pixels of a picture that a context keeps between calls; the buffer of a larger one is given back.
	KEEP_PICTURE_BYTES = 8 << 20,
};

static const float dark = .16f;  // mean of the face's region
static const float small_face_pixels = 70;
static const float blurred = .055f;         // sharpness; a face blurred over 2 % of its width has less
static const float judgeable_pixels = 100;  // a smaller face's crop is magnified, which no lens is to blame for
static const float turned_degrees = 45;
static const float cut_off_share = .12f;  // of the face's box outside of the picture

struct viva_vision {
	struct viva_picture_limits limits;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct viva_context *idle;
	size_t context_count;
	struct viva_context contexts[];
};

struct viva_vision_options viva_vision_defaults(void)
{
	return (struct viva_vision_options){
		.contexts = 1, .max_side = 4096, .max_pixels = 1 << 24, .max_bytes = 10 << 20};
}

static int open_contexts(struct viva_vision *vision, const struct viva_vision_options *options,
			 struct viva_error *error)
{
	static const char *const files[] = {"face_detection.net", "face_detection_far.net", "face_mesh.net",
					    "face_eye_right.net", "face_eye_left.net",      "face_lips.net"};
	static const char *const own_files[] = {"viva_expressions.net", "viva_eyes.net"};
	const char *directory = options->model_directory;
	int code = viva_model_files_check(directory, "face_networks.json", files, VIVA_COUNT(files), error);
	if (code == 0)
		code = viva_model_files_check(directory, "viva_networks.json", own_files, VIVA_COUNT(own_files), error);
	while (code == 0 && vision->context_count < options->contexts) {
		struct viva_context *context = &vision->contexts[vision->context_count++];
		code = viva_context_init(context, directory, error);
		context->next_idle = vision->idle;
		vision->idle = context;
	}
	return code;
}

int viva_vision_open(const struct viva_vision_options *options, struct viva_vision **ret_vision,
		     struct viva_error *error)
{
	if (options->contexts == 0 || options->contexts > MAX_CONTEXTS || options->max_side == 0 ||
	    options->max_side > 1 << 15 || options->max_pixels == 0 || options->max_bytes == 0)
		return viva_fail(error, VIVA_EINVAL, NULL, "a limit of the vision engine is out of range");
	struct viva_vision *vision = calloc(1, sizeof *vision + options->contexts * sizeof vision->contexts[0]);
	if (!vision)
		return VIVA_ENOMEM;
	vision->limits = (struct viva_picture_limits){
		.max_bytes = options->max_bytes, .max_side = options->max_side, .max_pixels = options->max_pixels};
	pthread_mutex_init(&vision->lock, NULL);
	pthread_cond_init(&vision->given_back, NULL);
	int code = open_contexts(vision, options, error);
	if (code != 0) {
		viva_vision_destroy(vision);
		return code;
	}
	*ret_vision = vision;
	return 0;
}

struct viva_vision *viva_vision_destroy(struct viva_vision *vision)
{
	if (!vision)
		return NULL;
	for (size_t i = 0; i < vision->context_count; i++)
		viva_context_finish(&vision->contexts[i]);
	pthread_cond_destroy(&vision->given_back);
	pthread_mutex_destroy(&vision->lock);
	free(vision);
	return NULL;
}

static struct viva_context *take_context(struct viva_vision *vision)
{
	pthread_mutex_lock(&vision->lock);
	while (!vision->idle)
		pthread_cond_wait(&vision->given_back, &vision->lock);
	struct viva_context *context = vision->idle;
	vision->idle = context->next_idle;
	pthread_mutex_unlock(&vision->lock);
	return context;
}

static void give_back_context(struct viva_vision *vision, struct viva_context *context)
{
	viva_picture_trim(&context->picture, KEEP_PICTURE_BYTES);
	pthread_mutex_lock(&vision->lock);
	context->next_idle = vision->idle;
	vision->idle = context;
	pthread_cond_signal(&vision->given_back);
	pthread_mutex_unlock(&vision->lock);
}

static struct viva_vision_point to_source(const struct viva_picture *picture, float x, float y)
{
	float scale_x = (float)picture->source_width / (float)picture->width;
	float scale_y = (float)picture->source_height / (float)picture->height;
	return (struct viva_vision_point){(int32_t)lroundf(x * scale_x), (int32_t)lroundf(y * scale_y)};
}

static struct viva_point mesh_point(const struct viva_face *face, enum viva_mesh_point point)
{
	return (struct viva_point){face->mesh[point].x, face->mesh[point].y};
}

static struct viva_point middle(struct viva_point a, struct viva_point b)
{
	return (struct viva_point){(a.x + b.x) / 2, (a.y + b.y) / 2};
}

static void tell_landmarks(const struct viva_context *context, struct viva_vision_result *result)
{
	const struct viva_face *face = &context->face;
	const struct viva_point points[VIVA_LANDMARK_COUNT] = {
		[VIVA_LANDMARK_LEFT_EYE] = face->irises[VIVA_LEFT][0],
		[VIVA_LANDMARK_RIGHT_EYE] = face->irises[VIVA_RIGHT][0],
		[VIVA_LANDMARK_NOSE] = mesh_point(face, VIVA_MESH_NOSE_TIP),
		[VIVA_LANDMARK_MOUTH] =
			middle(mesh_point(face, VIVA_MESH_UPPER_LIP), mesh_point(face, VIVA_MESH_LOWER_LIP)),
		[VIVA_LANDMARK_MOUTH_LEFT] = mesh_point(face, VIVA_MESH_MOUTH_LEFT),
		[VIVA_LANDMARK_MOUTH_RIGHT] = mesh_point(face, VIVA_MESH_MOUTH_RIGHT),
		[VIVA_LANDMARK_CHIN] = mesh_point(face, VIVA_MESH_CHIN),
		[VIVA_LANDMARK_LEFT_EAR] = mesh_point(face, VIVA_MESH_LEFT_EAR),
		[VIVA_LANDMARK_RIGHT_EAR] = mesh_point(face, VIVA_MESH_RIGHT_EAR),
	};
	for (int i = 0; i < VIVA_LANDMARK_COUNT; i++)
		result->landmarks[i] = to_source(&context->picture, points[i].x, points[i].y);
}

// The box about all points, cut at the picture's edges. Gives the share that was cut.
static float tell_box(const struct viva_context *context, struct viva_vision_result *result)
{
	const struct viva_face *face = &context->face;
	float left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
	for (int i = 0; i < VIVA_MESH_POINTS; i++) {
		left = fminf(left, face->mesh[i].x);
		right = fmaxf(right, face->mesh[i].x);
		top = fminf(top, face->mesh[i].y);
		bottom = fmaxf(bottom, face->mesh[i].y);
	}
	float whole = fmaxf((right - left) * (bottom - top), 1);
	float width = (float)context->picture.width, height = (float)context->picture.height;
	left = fminf(fmaxf(left, 0), width);
	right = fminf(fmaxf(right, 0), width);
	top = fminf(fmaxf(top, 0), height);
	bottom = fminf(fmaxf(bottom, 0), height);
	struct viva_vision_point from = to_source(&context->picture, left, top);
	struct viva_vision_point to = to_source(&context->picture, right, bottom);
	result->box = (struct viva_vision_box){from.x, from.y, to.x - from.x, to.y - from.y};
	return 1 - (right - left) * (bottom - top) / whole;
}

static enum viva_vision_hint choose_hint(const struct viva_context *context, const struct viva_vision_result *result,
					 float cut_off)
{
	if (context->face.brightness < dark)
		return VIVA_HINT_TOO_DARK;
	if ((float)result->box.width < small_face_pixels)
		return VIVA_HINT_FACE_TOO_SMALL;
	if (context->face.sharpness < blurred &&
	    (float)VIVA_MAX(result->box.width, result->box.height) >= judgeable_pixels)
		return VIVA_HINT_TOO_BLURRED;
	if (cut_off > cut_off_share)
		return VIVA_HINT_FACE_CUT_OFF;
	if (fabsf(result->pose.yaw) > turned_degrees || fabsf(result->pose.pitch) > turned_degrees)
		return VIVA_HINT_TURNED_AWAY;
	return result->face_count > 1 ? VIVA_HINT_SEVERAL_FACES : VIVA_HINT_NONE;
}

static void tell_face(const struct viva_context *context, const struct viva_tracker *tracker,
		      struct viva_vision_result *result)
{
	const struct viva_picture *picture = &context->picture;
	result->width = (uint32_t)picture->source_width;
	result->height = (uint32_t)picture->source_height;
	result->face_count = tracker->face_count;
	result->hint = VIVA_HINT_NO_FACE;
	if (!tracker->has_face)
		return;
	result->is_detected = true;
	result->confidence = context->face.presence;
	tell_landmarks(context, result);
	float cut_off = tell_box(context, result);
	result->pose = viva_pose_of(&context->face);
	result->gaze = viva_gaze_of(&context->face, &result->pose);
	result->attention = viva_attention_of(&result->gaze);
	result->eye_ratio = viva_eye_ratio(&context->face);
	result->has_gaze = result->eye_ratio >= VIVA_EYES_MIN_OPEN;
	result->brightness = context->face.brightness;
	result->sharpness = context->face.sharpness;
	result->hint = choose_hint(context, result, cut_off);
}

static void tell_expression(struct viva_context *context, struct viva_tracker *tracker, int64_t now_ms,
			    struct viva_vision_result *result)
{
	struct viva_tracker_expression *expression = &tracker->expression;
	if (viva_expression_is_stale(expression, &context->face, now_ms)) {
		double begin = viva_seconds();
		viva_expression_update(&context->expression, &context->picture, &context->face, now_ms, expression);
		result->is_new_expression = true;
		result->timing.expression = viva_seconds() - begin;
	} else {
		expression->frames_since++;
	}
	viva_expression_observe(expression, now_ms, &result->pose, result->attention);
	result->expression_age_ms = now_ms - expression->updated_ms;
	memcpy(result->expressions, expression->probabilities, sizeof result->expressions);
	result->emotion = viva_expression_label(expression, now_ms, result->attention, &result->emotion_confidence);
}

// The timestamp drives blinks and smoothing; one that does not advance leaves them as they are.
static void observe_eyes(struct viva_context *context, struct viva_tracker *tracker, int64_t now_ms,
			 struct viva_vision_result *result)
{
	struct viva_tracker_eyes *eyes = &tracker->eyes;
	int64_t elapsed_ms = tracker->has_time ? now_ms - tracker->last_ms : 0;
	if (!tracker->has_time || elapsed_ms > 0) {
		bool is_turned = fabsf(result->pose.yaw) > VIVA_EYES_MAX_YAW;
		struct viva_eyes_seen seen = {.is_visible = result->is_detected && !is_turned,
					      .is_turned_away = result->is_detected && is_turned,
					      .ratio = result->eye_ratio,
					      .yaw = result->pose.yaw,
					      .pitch = result->pose.pitch};
		seen.is_looked_at = seen.is_visible && viva_eyes_are_in_doubt(eyes, seen.ratio);
		if (seen.is_looked_at)
			seen.open = viva_eyes_look(&context->eye, &context->picture, &context->face);
		viva_eyes_observe(eyes, now_ms, elapsed_ms, &seen);
	}
	// Closed eyes have no gaze: what they last looked at counts on, until they have been shut for too long.
	if (eyes->state == VIVA_EYES_CLOSED || eyes->is_shut) {
		result->has_gaze = false;
		result->attention = eyes->attention * viva_eyes_attention(eyes);
	} else {
		eyes->attention = result->attention;
	}
	tracker->last_ms = now_ms;
	tracker->has_time = true;
}

static int locate(struct viva_context *context, struct viva_tracker *tracker, struct viva_vision_result *result,
		  struct viva_error *error)
{
	int code = viva_locate(context, tracker, &result->timing, error);
	if (code == 0)
		tell_face(context, tracker, result);
	return code;
}

static void scale_points(struct viva_point *points, size_t count, float scale_x, float scale_y)
{
	for (size_t i = 0; i < count; i++) {
		points[i].x *= scale_x;
		points[i].y *= scale_y;
	}
}

// A copy of the face with all points in pixels of the picture as it was sent.
static void tell_whole_face(const struct viva_context *context, struct viva_face *ret_face)
{
	const struct viva_picture *picture = &context->picture;
	float scale_x = (float)picture->source_width / (float)picture->width;
	float scale_y = (float)picture->source_height / (float)picture->height;
	*ret_face = context->face;
	for (int i = 0; i < VIVA_MESH_POINTS; i++) {
		ret_face->mesh[i].x *= scale_x;
		ret_face->mesh[i].y *= scale_y;
		ret_face->mesh[i].z *= scale_x;
	}
	scale_points(ret_face->lids[0], 2 * VIVA_LID_POINTS, scale_x, scale_y);
	scale_points(ret_face->irises[0], 2 * VIVA_IRIS_POINTS, scale_x, scale_y);
	scale_points(ret_face->lips, VIVA_LIP_POINTS, scale_x, scale_y);
}

// What detectors took for faces in this frame, or, where none has looked at it, what the one takes for faces that saw
// the most when it last looked.
static int find_others(struct viva_context *context, const struct viva_tracker *tracker, struct viva_error *error)
{
	if (context->other_count == (size_t)tracker->face_count)
		return 0;
	int code = viva_picture_is_whole(&context->picture) ? 0 : viva_context_decode(context, NULL, error);
	bool is_far = tracker->faces_far >= tracker->faces_near;
	if (code == 0)
		context->other_count = viva_detect_by(&context->detector, &context->picture,
						      is_far ? VIVA_DETECT_FAR : VIVA_DETECT_NEAR, context->others);
	return code;
}

static int tell_details(struct viva_context *context, const struct viva_tracker *tracker,
			const struct viva_vision_result *result, struct viva_vision_details *ret_details,
			struct viva_error *error)
{
	*ret_details = (struct viva_vision_details){0};
	if (!result->is_detected)
		return 0;
	tell_whole_face(context, &ret_details->face);
	if (result->face_count < 2)
		return 0;
	int code = find_others(context, tracker, error);
	if (code != 0)
		return code;
	ret_details->box_count = context->other_count;
	for (size_t i = 0; i < context->other_count; i++) {
		const struct viva_detection *face = &context->others[i];
		struct viva_vision_point from = to_source(&context->picture, face->left, face->top);
		struct viva_vision_point to = to_source(&context->picture, face->right, face->bottom);
		ret_details->boxes[i] = (struct viva_vision_box){from.x, from.y, to.x - from.x, to.y - from.y};
	}
	return 0;
}

int viva_vision_analyze_in_detail(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
				  int64_t timestamp_ms, struct viva_tracker *tracker,
				  struct viva_vision_result *ret_result, struct viva_vision_details *ret_details,
				  struct viva_error *error)
{
	if (timestamp_ms < 0 || timestamp_ms > VIVA_TRACKER_MAX_TIME_MS)
		return viva_fail(error, VIVA_EFIELD, "timestamp", "the timestamp must be Unix milliseconds");
	double begin = viva_seconds();
	struct viva_tracker next = *tracker;
	struct viva_vision_result result = {0};
	struct viva_context *context = take_context(vision);
	context->frame = (struct viva_frame){
		.image = image, .format = format, .limits = &vision->limits, .needs_lips = ret_details != NULL};
	int code = locate(context, &next, &result, error);
	// Time never runs backwards for the tracker: a late frame is seen as if it came with the newest.
	int64_t now_ms = next.has_time ? VIVA_MAX(timestamp_ms, next.last_ms) : timestamp_ms;
	if (code == 0)
		observe_eyes(context, &next, now_ms, &result);
	if (code == 0 && result.is_detected)
		tell_expression(context, &next, now_ms, &result);
	// Last, for it may decode the picture anew, at a scale that the face's points don't fit.
	if (code == 0 && ret_details)
		code = tell_details(context, &next, &result, ret_details, error);
	give_back_context(vision, context);
	if (code != 0)
		return code;
	result.timing.total = viva_seconds() - begin;
	*tracker = next;
	*ret_result = result;
	return 0;
}

int viva_vision_analyze(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
			int64_t timestamp_ms, struct viva_tracker *tracker, struct viva_vision_result *ret_result,
			struct viva_error *error)
{
	return viva_vision_analyze_in_detail(vision, image, format, timestamp_ms, tracker, ret_result, NULL, error);
}

int viva_vision_detect(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
		       struct viva_vision_result *ret_result, struct viva_error *error)
{
	double begin = viva_seconds();
	struct viva_tracker tracker = {0};
	struct viva_vision_result result = {0};
	struct viva_context *context = take_context(vision);
	context->frame = (struct viva_frame){.image = image, .format = format, .limits = &vision->limits};
	int code = locate(context, &tracker, &result, error);
	give_back_context(vision, context);
	if (code != 0)
		return code;
	result.timing.total = viva_seconds() - begin;
	*ret_result = result;
	return 0;
}

const char *viva_landmark_name(enum viva_landmark_type type)
{
	static const char *const names[VIVA_LANDMARK_COUNT] = {
		"left_eye", "right_eye", "nose", "mouth", "mouth_left", "mouth_right", "chin", "left_ear", "right_ear"};
	return (unsigned)type < VIVA_LANDMARK_COUNT ? names[type] : "";
}

const char *viva_vision_hint_name(enum viva_vision_hint hint)
{
	static const char *const names[] = {
		[VIVA_HINT_NONE] = "",
		[VIVA_HINT_NO_FACE] = "no_face",
		[VIVA_HINT_TOO_DARK] = "too_dark",
		[VIVA_HINT_FACE_TOO_SMALL] = "face_too_small",
		[VIVA_HINT_TOO_BLURRED] = "too_blurred",
		[VIVA_HINT_FACE_CUT_OFF] = "face_cut_off",
		[VIVA_HINT_TURNED_AWAY] = "turned_away",
		[VIVA_HINT_SEVERAL_FACES] = "several_faces",
	};
	return (unsigned)hint < VIVA_COUNT(names) ? names[hint] : "";
}

// Decodes a picture that is a crop, and gives the square about it.
static int take_crop(struct viva_vision *vision, struct viva_context *context, struct viva_bytes image,
		     enum viva_image_format format, struct viva_region *ret_whole, struct viva_error *error)
{
	context->frame = (struct viva_frame){.image = image, .format = format, .limits = &vision->limits};
	int code = viva_context_decode(context, NULL, error);
	float width = (float)context->picture.width, height = (float)context->picture.height;
	*ret_whole = (struct viva_region){.x = width / 2, .y = height / 2, .size = fmaxf(width, height)};
	return code;
}

int viva_vision_thumbnail(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
			  struct viva_buffer *out, struct viva_thumbnail *ret_thumbnail, struct viva_error *error)
{
	struct viva_context *context = take_context(vision);
	context->frame = (struct viva_frame){.image = image, .format = format, .limits = &vision->limits};
	int code = viva_context_decode(context, NULL, error);
	if (code == 0)
		code = viva_thumbnail_write(&context->picture, out, ret_thumbnail);
	give_back_context(vision, context);
	return code;
}

int viva_vision_classify_face(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
			      float ret_expressions[VIVA_EXPRESSION_COUNT], struct viva_error *error)
{
	float expressions[VIVA_EXPRESSION_COUNT];
	struct viva_region whole;
	struct viva_context *context = take_context(vision);
	int code = take_crop(vision, context, image, format, &whole, error);
	if (code == 0)
		viva_expression_look(&context->expression, &context->picture, &whole, expressions);
	give_back_context(vision, context);
	if (code == 0)
		memcpy(ret_expressions, expressions, sizeof expressions);
	return code;
}

int viva_vision_classify_eye(struct viva_vision *vision, struct viva_bytes image, enum viva_image_format format,
			     float *ret_open, struct viva_error *error)
{
	struct viva_region whole;
	struct viva_context *context = take_context(vision);
	int code = take_crop(vision, context, image, format, &whole, error);
	if (code == 0)
		*ret_open = viva_eye_look(&context->eye, &context->picture, &whole);
	give_back_context(vision, context);
	return code;
}
