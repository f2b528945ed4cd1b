// SPDX-License-Identifier: Apache-2.0
#include "analyze/json.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"

enum { DIGITS = 4, POINT_DIGITS = 3 };

// jansson gives NULL through where memory ends: a set of NULL fails, and the last one tells.
static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static json_t *real(double value)
{
	return viva_json_real(value, DIGITS);
}

static json_t *point_json(double x, double y)
{
	return json_pack("[o, o]", viva_json_real(x, POINT_DIGITS), viva_json_real(y, POINT_DIGITS));
}

static json_t *points_json(const struct viva_point *points, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, point_json((double)points[i].x, (double)points[i].y)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *mesh_json(const struct viva_face *face)
{
	json_t *list = json_array();
	for (size_t i = 0; i < VIVA_MESH_POINTS; i++) {
		json_t *point = json_pack("[o, o, o]", viva_json_real((double)face->mesh[i].x, POINT_DIGITS),
					  viva_json_real((double)face->mesh[i].y, POINT_DIGITS),
					  viva_json_real((double)face->mesh[i].z, POINT_DIGITS));
		if (json_array_append_new(list, point) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *all_points_json(const struct viva_face *face)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "mesh", mesh_json(face), "left_lids",
			 points_json(face->lids[VIVA_LEFT], VIVA_LID_POINTS), "right_lids",
			 points_json(face->lids[VIVA_RIGHT], VIVA_LID_POINTS), "left_iris",
			 points_json(face->irises[VIVA_LEFT], VIVA_IRIS_POINTS), "right_iris",
			 points_json(face->irises[VIVA_RIGHT], VIVA_IRIS_POINTS), "lips",
			 points_json(face->lips, VIVA_LIP_POINTS));
}

static json_t *box_json(const struct viva_vision_box *box)
{
	return json_pack("{s:i, s:i, s:i, s:i}", "x", box->x, "y", box->y, "width", box->width, "height", box->height);
}

static json_t *landmarks_json(const struct viva_vision_result *result)
{
	json_t *list = json_array();
	for (int i = 0; i < VIVA_LANDMARK_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "type",
						      viva_landmark_name((enum viva_landmark_type)i), "x",
						      result->landmarks[i].x, "y", result->landmarks[i].y));
	return list;
}

static json_t *expressions_json(const struct viva_vision_result *result)
{
	json_t *object = json_object();
	for (int i = 0; i < VIVA_EXPRESSION_COUNT; i++)
		set(object, viva_emotion_name((enum viva_emotion)i), real((double)result->expressions[i]));
	return object;
}

static json_t *blinks_json(const struct viva_blink_summary *blinks)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:i}", "count", blinks->count, "rate",
			 real((double)blinks->rate_per_min), "avg_duration", real((double)blinks->avg_duration_ms),
			 "reliability", real((double)blinks->reliability), "partial", blinks->partial, "long_closures",
			 blinks->long_closures, "squints", blinks->squints);
}

static json_t *faces_json(const struct viva_vision_details *details)
{
	json_t *list = json_array();
	for (size_t i = 0; i < details->box_count; i++)
		json_array_append_new(list, box_json(&details->boxes[i]));
	return list;
}

static int set_looks(json_t *object, const struct viva_vision_result *result)
{
	set(object, "emotion", json_string(viva_emotion_name(result->emotion)));
	set(object, "confidence", real((double)result->emotion_confidence));
	return set(object, "expressions", expressions_json(result));
}

static int set_face(json_t *object, const struct analyze_writer *writer, const struct analyze_record *record)
{
	const struct viva_vision_result *result = &record->result;
	set(object, "detection_confidence", real((double)result->confidence));
	set(object, "bounding_box", box_json(&result->box));
	set(object, "landmarks", landmarks_json(result));
	set(object, "head_pose",
	    json_pack("{s:o, s:o, s:o}", "yaw", real((double)result->pose.yaw), "pitch",
		      real((double)result->pose.pitch), "roll", real((double)result->pose.roll)));
	set(object, "gaze",
	    result->has_gaze ? json_pack("{s:o, s:o}", "yaw", real((double)result->gaze.yaw), "pitch",
					 real((double)result->gaze.pitch))
			     : json_null());
	set(object, "attention", real((double)result->attention));
	set(object, "eye_ratio", real((double)result->eye_ratio));
	if (writer->with_points)
		set(object, "points", all_points_json(&record->details.face));
	if (record->details.box_count > 0)
		set(object, "faces", faces_json(&record->details));
	return set_looks(object, result);
}

static json_t *timing_json(const struct viva_vision_timing *timing)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "decode", real(timing->decode * 1000), "detect",
			 real(timing->detect * 1000), "landmarks", real(timing->landmarks * 1000), "expression",
			 real(timing->expression * 1000), "total", real(timing->total * 1000));
}

static int print_line(const struct analyze_writer *writer, const json_t *object, struct viva_error *error)
{
	if (!object || json_dumpf(object, writer->out, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0) {
		if (object && ferror(writer->out))
			return 0;  // said at the end
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the result");
	}
	fputc('\n', writer->out);
	return 0;
}

int analyze_json_record(const struct analyze_writer *writer, const struct analyze_record *record,
			struct viva_error *error)
{
	VIVA_AUTO_JSON object = json_pack("{s:I, s:s?}", "frame", (json_int_t)record->index, "name",
					  record->name[0] ? record->name : NULL);
	if (writer->is_film)
		set(object, "time_ms", json_integer((json_int_t)record->time_ms));
	if (!record->is_readable) {
		set(object, "error", json_string(viva_error_message(&record->error)));
		return print_line(writer, object, error);
	}
	const struct viva_vision_result *result = &record->result;
	if (writer->crop == ANALYZE_EYE) {
		set(object, "eyes", json_string(analyze_eyes_name(record->eyes)));
		set(object, "eye_open", real((double)record->eye_open));
		return print_line(writer, object, error);
	}
	if (writer->crop == ANALYZE_FACE) {
		int failed = set_looks(object, result);
		return print_line(writer, failed ? NULL : object, error);
	}
	set(object, "width", json_integer((json_int_t)result->width));
	set(object, "height", json_integer((json_int_t)result->height));
	set(object, "detected", json_boolean(result->is_detected));
	set(object, "face_count", json_integer(result->face_count));
	set(object, "hint", json_string(viva_vision_hint_name(result->hint)));
	if (writer->is_film) {
		set(object, "eyes", json_string(analyze_eyes_name(record->eyes)));
		set(object, "blinks", blinks_json(&record->blinks));
	}
	int failed = result->is_detected ? set_face(object, writer, record) : 0;
	failed |= set(object, "ms", timing_json(&result->timing));
	return print_line(writer, failed ? NULL : object, error);
}

static json_t *counts_json(const struct analyze_summary *summary)
{
	json_t *object = json_object();
	for (int i = 0; i < VIVA_EMOTION_COUNT; i++)
		if (summary->emotions[i] > 0)
			set(object, viva_emotion_name((enum viva_emotion)i),
			    json_integer((json_int_t)summary->emotions[i]));
	return object;
}

static json_t *hints_json(const struct analyze_summary *summary)
{
	json_t *object = json_object();
	for (int i = 0; i < ANALYZE_HINTS; i++)
		if (summary->hints[i] > 0 && viva_vision_hint_name((enum viva_vision_hint)i)[0])
			set(object, viva_vision_hint_name((enum viva_vision_hint)i),
			    json_integer((json_int_t)summary->hints[i]));
	return object;
}

static json_t *range_json(struct analyze_range range)
{
	return json_pack("[o, o]", real((double)range.low), real((double)range.high));
}

static void set_film(json_t *object, const struct analyze_writer *writer, const struct analyze_summary *summary)
{
	const struct viva_tracker_eyes *eyes = &summary->tracker.eyes;
	struct viva_blink_summary blinks = viva_tracker_blinks(&summary->tracker);
	json_t *times = json_array();
	for (size_t i = 0; i < eyes->blink_times; i++)
		json_array_append_new(times, json_integer((json_int_t)eyes->blink_times_ms[i]));
	set(object, "fps", real(writer->fps));
	set(object, "duration_ms", json_integer((json_int_t)summary->duration_ms));
	set(object, "blinks", blinks_json(&blinks));
	set(object, "blink_times_ms", times);
}

// The most memory that the process ever held: Linux gives KiB (getrusage(2)).
static double peak_memory_mb(void)
{
	struct rusage usage = {0};
	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss / 1024;
}

int analyze_json_summary(const struct analyze_writer *writer, struct analyze_summary *summary, struct viva_error *error)
{
	VIVA_AUTO_JSON object =
		json_pack("{s:I, s:I, s:I, s:I, s:i}", "pictures", (json_int_t)summary->pictures, "unreadable",
			  (json_int_t)summary->unreadable, "with_face", (json_int_t)summary->faces,
			  "with_several_faces", (json_int_t)summary->several_faces, "most_faces", summary->most_faces);
	if (writer->is_film)
		set_film(object, writer, summary);
	if (summary->faces > 0) {
		set(object, "yaw", range_json(summary->yaw));
		set(object, "pitch", range_json(summary->pitch));
		set(object, "roll", range_json(summary->roll));
		set(object, "attention", real(summary->attention_sum / (double)summary->faces));
	}
	set(object, "emotions", counts_json(summary));
	set(object, "hints", hints_json(summary));
	set(object, "ms_p50", real(analyze_summary_time_ms(summary, .5)));
	set(object, "ms_p99", real(analyze_summary_time_ms(summary, .99)));
	set(object, "rss_mb", real(peak_memory_mb()));
	VIVA_AUTO_JSON line = json_pack("{s:O?}", "summary", object);
	return print_line(writer, object ? line : NULL, error);
}
