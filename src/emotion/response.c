// SPDX-License-Identifier: Apache-2.0
#include "emotion/response.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { DIGITS = 4 };

// Generated messages want char *; these are never written to or freed.
static char *constant(const char *text)
{
	return (char *)(uintptr_t)text;
}

static Emotion__BoundingBox *make_box(const struct viva_vision_box *box, struct viva_arena *arena)
{
	Emotion__BoundingBox *message = viva_arena_alloc(arena, sizeof *message);
	if (!message)
		return NULL;
	emotion__bounding_box__init(message);
	message->x = box->x;
	message->y = box->y;
	message->width = box->width;
	message->height = box->height;
	return message;
}

static Emotion__Landmark **make_landmarks(const struct viva_vision_result *result, struct viva_arena *arena)
{
	Emotion__Landmark **list = viva_arena_alloc(arena, VIVA_LANDMARK_COUNT * sizeof *list);
	Emotion__Landmark *landmarks = viva_arena_alloc(arena, VIVA_LANDMARK_COUNT * sizeof *landmarks);
	if (!list || !landmarks)
		return NULL;
	for (int i = 0; i < VIVA_LANDMARK_COUNT; i++) {
		emotion__landmark__init(&landmarks[i]);
		landmarks[i].x = result->landmarks[i].x;
		landmarks[i].y = result->landmarks[i].y;
		landmarks[i].type = constant(viva_landmark_name((enum viva_landmark_type)i));
		list[i] = &landmarks[i];
	}
	return list;
}

static Emotion__FaceMetrics *make_face_metrics(const struct viva_vision_result *result, struct viva_arena *arena)
{
	Emotion__FaceMetrics *metrics = viva_arena_alloc(arena, sizeof *metrics);
	if (!metrics)
		return NULL;
	emotion__face_metrics__init(metrics);
	if (!result->is_detected)
		return metrics;
	metrics->detected = true;
	metrics->detection_confidence = result->confidence;
	metrics->bounding_box = make_box(&result->box, arena);
	metrics->landmarks = make_landmarks(result, arena);
	metrics->n_landmarks = VIVA_LANDMARK_COUNT;
	return metrics->bounding_box && metrics->landmarks ? metrics : NULL;
}

static Emotion__BlinkMetrics *make_blink_metrics(const struct viva_blink_summary *blinks, struct viva_arena *arena)
{
	Emotion__BlinkMetrics *metrics = viva_arena_alloc(arena, sizeof *metrics);
	if (!metrics)
		return NULL;
	emotion__blink_metrics__init(metrics);
	metrics->count = blinks->count;
	metrics->rate = blinks->rate_per_min;
	metrics->avg_duration = blinks->avg_duration_ms;
	metrics->reliability = blinks->reliability;
	metrics->long_closures = blinks->long_closures;
	metrics->partial = blinks->partial;
	metrics->squints = blinks->squints;
	return metrics;
}

static Emotion__HeadPose *make_head_pose(const struct viva_head_pose *pose, struct viva_arena *arena)
{
	Emotion__HeadPose *message = viva_arena_alloc(arena, sizeof *message);
	if (!message)
		return NULL;
	emotion__head_pose__init(message);
	message->yaw = pose->yaw;
	message->pitch = pose->pitch;
	message->roll = pose->roll;
	return message;
}

static Emotion__Gaze *make_gaze(const struct viva_gaze *gaze, struct viva_arena *arena)
{
	Emotion__Gaze *message = viva_arena_alloc(arena, sizeof *message);
	if (!message)
		return NULL;
	emotion__gaze__init(message);
	message->yaw = gaze->yaw;
	message->pitch = gaze->pitch;
	return message;
}

static Emotion__FaceQuality *make_quality(const struct viva_vision_result *result, struct viva_arena *arena)
{
	Emotion__FaceQuality *message = viva_arena_alloc(arena, sizeof *message);
	if (!message)
		return NULL;
	emotion__face_quality__init(message);
	message->brightness = result->brightness;
	message->sharpness = result->sharpness;
	return message;
}

static Emotion__Expression **make_expressions(const struct viva_vision_result *result, struct viva_arena *arena)
{
	Emotion__Expression **list = viva_arena_alloc(arena, VIVA_EXPRESSION_COUNT * sizeof *list);
	Emotion__Expression *expressions = viva_arena_alloc(arena, VIVA_EXPRESSION_COUNT * sizeof *expressions);
	if (!list || !expressions)
		return NULL;
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++) {
		emotion__expression__init(&expressions[i]);
		expressions[i].emotion = constant(viva_emotion_name((enum viva_emotion)i));
		expressions[i].probability = result->expressions[i];
		list[i] = &expressions[i];
	}
	return list;
}

Emotion__EmotionResponse *emotion_response_make(const struct viva_vision_result *result,
						const struct viva_blink_summary *blinks, struct viva_arena *arena)
{
	Emotion__EmotionResponse *response = viva_arena_alloc(arena, sizeof *response);
	if (!response)
		return NULL;
	emotion__emotion_response__init(response);
	response->face_metrics = make_face_metrics(result, arena);
	response->blink_metrics = make_blink_metrics(blinks, arena);
	response->face_count = result->face_count;
	response->hint = constant(viva_vision_hint_name(result->hint));
	if (!response->face_metrics || !response->blink_metrics)
		return NULL;
	if (!result->is_detected)
		return response;
	response->emotion = constant(viva_emotion_name(result->emotion));
	response->confidence = result->emotion_confidence;
	response->attention = result->attention;
	response->head_pose = make_head_pose(&result->pose, arena);
	response->expressions = make_expressions(result, arena);
	response->n_expressions = VIVA_EXPRESSION_COUNT;
	response->expression_age_ms = result->expression_age_ms;
	response->quality = make_quality(result, arena);
	if (result->has_gaze && !(response->gaze = make_gaze(&result->gaze, arena)))
		return NULL;
	return response->head_pose && response->expressions && response->quality ? response : NULL;
}

Emotion__FaceResponse *emotion_face_response_make(const struct viva_vision_result *result, struct viva_arena *arena)
{
	Emotion__FaceResponse *response = viva_arena_alloc(arena, sizeof *response);
	if (!response)
		return NULL;
	emotion__face_response__init(response);
	if (!result->is_detected)
		return response;
	response->detected = true;
	response->box = make_box(&result->box, arena);
	response->landmarks = make_landmarks(result, arena);
	response->n_landmarks = VIVA_LANDMARK_COUNT;
	return response->box && response->landmarks ? response : NULL;
}

Emotion__BlinkResponse *emotion_blink_response_make(const struct viva_tracker *tracker, struct viva_arena *arena)
{
	struct viva_blink_summary blinks = viva_tracker_blinks(tracker);
	size_t count = tracker->eyes.blink_times;
	Emotion__BlinkResponse *response = viva_arena_alloc(arena, sizeof *response);
	int64_t *times = viva_arena_alloc(arena, (count + 1) * sizeof *times);
	if (!response || !times)
		return NULL;
	emotion__blink_response__init(response);
	memcpy(times, tracker->eyes.blink_times_ms, count * sizeof *times);
	response->blink_count = blinks.count;
	response->blink_rate = blinks.rate_per_min;
	response->blink_timestamps = times;
	response->n_blink_timestamps = count;
	return response;
}

Emotion__EmotionResponse *emotion_error_response_make(const char *reason, struct viva_arena *arena)
{
	Emotion__EmotionResponse *response = viva_arena_alloc(arena, sizeof *response);
	Emotion__FaceMetrics *face = viva_arena_alloc(arena, sizeof *face);
	char *text = viva_arena_text(arena, reason, strlen(reason));
	if (!response || !face || !text)
		return NULL;
	emotion__emotion_response__init(response);
	emotion__face_metrics__init(face);
	response->face_metrics = face;
	response->error = text;
	return response;
}

static json_t *real(float value)
{
	return viva_json_real((double)value, DIGITS);
}

static json_t *face_json(const Emotion__FaceMetrics *face)
{
	json_t *landmarks = json_array();
	for (size_t i = 0; i < face->n_landmarks; i++) {
		const Emotion__Landmark *mark = face->landmarks[i];
		json_array_append_new(landmarks,
				      json_pack("{s:i, s:i, s:s}", "x", mark->x, "y", mark->y, "type", mark->type));
	}
	const Emotion__BoundingBox *box = face->bounding_box;
	json_t *box_json = box ? json_pack("{s:i, s:i, s:i, s:i}", "x", box->x, "y", box->y, "width", box->width,
					   "height", box->height)
			       : json_null();
	return json_pack("{s:b, s:o, s:o, s:o}", "detected", face->detected, "detection_confidence",
			 real(face->detection_confidence), "bounding_box", box_json, "landmarks", landmarks);
}

static json_t *blinks_json(const Emotion__BlinkMetrics *blinks)
{
	if (!blinks)
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:i}", "count", blinks->count, "rate", real(blinks->rate),
			 "avg_duration", real(blinks->avg_duration), "reliability", real(blinks->reliability),
			 "partial", blinks->partial, "long_closures", blinks->long_closures, "squints",
			 blinks->squints);
}

static json_t *pose_json(const Emotion__HeadPose *pose)
{
	if (!pose)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "yaw", real(pose->yaw), "pitch", real(pose->pitch), "roll",
			 real(pose->roll));
}

static json_t *gaze_json(const Emotion__Gaze *gaze)
{
	return gaze ? json_pack("{s:o, s:o}", "yaw", real(gaze->yaw), "pitch", real(gaze->pitch)) : json_null();
}

static json_t *quality_json(const Emotion__FaceQuality *quality)
{
	if (!quality)
		return json_null();
	return json_pack("{s:o, s:o}", "brightness", real(quality->brightness), "sharpness", real(quality->sharpness));
}

static json_t *expressions_json(const Emotion__EmotionResponse *response)
{
	json_t *list = json_array();
	for (size_t i = 0; i < response->n_expressions; i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "emotion", response->expressions[i]->emotion,
						      "probability", real(response->expressions[i]->probability)));
	return list;
}

json_t *emotion_response_json(const Emotion__EmotionResponse *response, struct viva_arena *arena)
{
	size_t size = viva_base64_encoded_size(response->continuation.len);
	char *continuation = viva_arena_alloc(arena, size + 1);
	if (!continuation)
		return NULL;
	viva_base64_encode(response->continuation.data, response->continuation.len, continuation);
	return json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:s, s:o, s:I, s:o, s:s, s:s}",
			 "session_id", response->session_id, "timestamp", (json_int_t)response->timestamp,
			 "frame_number", (json_int_t)response->frame_number, "emotion", response->emotion, "confidence",
			 real(response->confidence), "face_metrics", face_json(response->face_metrics), "blink_metrics",
			 blinks_json(response->blink_metrics), "head_pose", pose_json(response->head_pose), "gaze",
			 gaze_json(response->gaze), "attention", real(response->attention), "face_count",
			 response->face_count, "hint", response->hint, "expressions", expressions_json(response),
			 "expression_age_ms", (json_int_t)response->expression_age_ms, "quality",
			 quality_json(response->quality), "continuation", continuation, "error", response->error);
}
