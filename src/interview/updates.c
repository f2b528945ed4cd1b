// SPDX-License-Identifier: Apache-2.0
#include "interview/updates.h"

#include <math.h>
#include <string.h>

#include "interview/messages.h"

enum { DIGITS = 4, MAX_PIXELS = 1 << 20, MAX_DEGREES = 360, MAX_HINT = 32 };

// The emotion service's words (docs/emotion.md). Of no face, and of several, messages of their own tell.
static const struct interview_hint hints[] = {
	{"", ""},
	{"no_face", ""},
	{"too_dark", "It is dark. A lamp in front of you would help."},
	{"face_too_small", "You are far away. Please come closer to the camera."},
	{"too_blurred", "The picture is blurred. Please hold still, or clean the camera's lens."},
	{"face_cut_off", "A part of your face is out of the picture. Please move to its middle."},
	{"turned_away", "You are turned away. Please face the camera."},
	{"several_faces", ""},
};

static const struct interview_hint *find_hint(const char *code)
{
	for (size_t i = 1; i < VIVA_COUNT(hints); i++)
		if (strcmp(hints[i].code, code) == 0)
			return &hints[i];
	return &hints[0];
}

struct interview_sighting interview_sighting_of_response(const Emotion__EmotionResponse *response)
{
	const Emotion__FaceMetrics *metrics = response->face_metrics;
	const Emotion__BoundingBox *box = metrics ? metrics->bounding_box : NULL;
	struct interview_sighting sighting = {
		.timestamp = response->timestamp,
		.has_face = metrics && metrics->detected,
		.has_box = box != NULL,
		.emotion = response->emotion,
		.confidence = (double)response->confidence,
		.blink_count = response->blink_metrics ? response->blink_metrics->count : 0,
		.attention = (double)response->attention,
		.face_count = response->face_count,
		.has_pose = response->head_pose != NULL,
		.has_gaze = response->gaze != NULL,
		.hint = find_hint(response->hint),
	};
	if (response->head_pose) {
		sighting.yaw = (double)response->head_pose->yaw;
		sighting.pitch = (double)response->head_pose->pitch;
		sighting.roll = (double)response->head_pose->roll;
	}
	if (response->gaze) {
		sighting.gaze_yaw = (double)response->gaze->yaw;
		sighting.gaze_pitch = (double)response->gaze->pitch;
	}
	if (box) {
		sighting.x = box->x;
		sighting.y = box->y;
		sighting.width = box->width;
		sighting.height = box->height;
	}
	return sighting;
}

// Members of metadata have no schema of their own to be refused by: what is missing or senseless is as if it was not
// there.
static int read_int(const json_t *object, const char *name)
{
	int64_t value = 0;
	(void)!viva_json_get_int(object, name, false, -MAX_PIXELS, MAX_PIXELS, &value, NULL);
	return (int)value;
}

static double read_degrees(const json_t *object, const char *name)
{
	double value = 0;
	(void)!viva_json_get_double(object, name, false, -MAX_DEGREES, MAX_DEGREES, &value, NULL);
	return value;
}

struct interview_sighting interview_sighting_of_event(const struct viva_emotion_analyzed *event)
{
	const json_t *metadata = event->metadata;
	const json_t *box = json_object_get(metadata, "face");
	const json_t *pose = json_object_get(metadata, "head_pose"), *gaze = json_object_get(metadata, "gaze");
	const char *hint = "";
	(void)!viva_json_get_text(metadata, "hint", false, 0, MAX_HINT, &hint, NULL);
	bool has_face = json_is_true(json_object_get(metadata, "face_detected"));
	double attention = 0;
	(void)!viva_json_get_double(metadata, "attention", false, 0, 1, &attention, NULL);
	return (struct interview_sighting){
		.timestamp = event->timestamp_ms,
		.has_face = has_face,
		.has_box = has_face && json_is_object(box),
		.x = read_int(box, "x"),
		.y = read_int(box, "y"),
		.width = read_int(box, "width"),
		.height = read_int(box, "height"),
		.emotion = event->emotion,
		.confidence = event->confidence,
		.blink_count = event->blink_count,
		.attention = attention,
		.face_count = read_int(metadata, "face_count"),
		.has_pose = has_face && json_is_object(pose),
		.yaw = read_degrees(pose, "yaw"),
		.pitch = read_degrees(pose, "pitch"),
		.roll = read_degrees(pose, "roll"),
		.has_gaze = has_face && json_is_object(gaze),
		.gaze_yaw = read_degrees(gaze, "yaw"),
		.gaze_pitch = read_degrees(gaze, "pitch"),
		.hint = find_hint(hint),
	};
}

// What JSON can't say becomes 0.
static json_t *real(double value)
{
	return viva_json_real(isfinite(value) ? value : 0, DIGITS);
}

json_t *interview_sighting_json(const struct interview_sighting *sighting)
{
	json_t *box = sighting->has_box ? json_pack("{s:i, s:i, s:i, s:i}", "x", sighting->x, "y", sighting->y, "width",
						    sighting->width, "height", sighting->height)
					: json_null();
	json_t *pose = sighting->has_pose ? json_pack("{s:o, s:o, s:o}", "yaw", real(sighting->yaw), "pitch",
						      real(sighting->pitch), "roll", real(sighting->roll))
					  : json_null();
	json_t *gaze = sighting->has_gaze ? json_pack("{s:o, s:o}", "yaw", real(sighting->gaze_yaw), "pitch",
						      real(sighting->gaze_pitch))
					  : json_null();
	return json_pack("{s:s, s:o, s:I, s:o, s:I, s:o, s:i, s:o, s:o, s:s}", "emotion", sighting->emotion,
			 "confidence", real(sighting->confidence), "timestamp", (json_int_t)sighting->timestamp, "face",
			 box, "blink_count", (json_int_t)sighting->blink_count, "attention", real(sighting->attention),
			 "face_count", sighting->face_count, "head_pose", pose, "gaze", gaze, "hint",
			 sighting->hint->code);
}

static void broadcast(struct interview_session *session, const char *text)
{
	if (text)
		interview_session_broadcast(session, text);
}

bool interview_announce_sighting(struct interview_session *session, const struct interview_sighting *sighting,
				 bool is_live, struct viva_arena *arena)
{
	bool is_news = interview_session_note_time(session, sighting->timestamp) || is_live;
	bool is_face_due = is_news && interview_session_notice_no_face(session, !sighting->has_face);
	bool is_faces_due = is_news && interview_session_notice_many_faces(session, sighting->face_count > 1);
	if (sighting->has_face)
		broadcast(session, interview_message(arena, "emotion_update", interview_sighting_json(sighting)));
	else if (is_face_due)
		broadcast(session,
			  interview_notice_message(arena, "FACE_NOT_DETECTED", "Please ensure your face is visible"));
	const struct interview_hint *hint = sighting->hint;
	bool is_hint_due = is_news && hint->message[0] && interview_session_notice_hint(session, hint->code);
	if (is_faces_due)
		broadcast(session, interview_notice_message(arena, "MULTIPLE_FACES",
							    "Please make sure that only you are in the picture"));
	if (is_hint_due)
		broadcast(session,
			  interview_message(arena, "hint",
					    json_pack("{s:s, s:s}", "code", hint->code, "message", hint->message)));
	return sighting->has_face || is_face_due || is_faces_due || is_hint_due;
}
