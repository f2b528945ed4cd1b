// SPDX-License-Identifier: Apache-2.0
#include "interview/updates.h"

#include <math.h>

#include "interview/messages.h"

enum { DIGITS = 4, MAX_PIXELS = 1 << 20 };

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
	};
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

struct interview_sighting interview_sighting_of_event(const struct viva_emotion_analyzed *event)
{
	const json_t *metadata = event->metadata;
	const json_t *box = json_object_get(metadata, "face");
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
	return json_pack("{s:s, s:o, s:I, s:o, s:I, s:o}", "emotion", sighting->emotion, "confidence",
			 real(sighting->confidence), "timestamp", (json_int_t)sighting->timestamp, "face", box,
			 "blink_count", (json_int_t)sighting->blink_count, "attention", real(sighting->attention));
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
	if (is_faces_due)
		broadcast(session, interview_notice_message(arena, "MULTIPLE_FACES",
							    "Please make sure that only you are in the picture"));
	return sighting->has_face || is_face_due || is_faces_due;
}
