// SPDX-License-Identifier: Apache-2.0
#include "emotion/announce.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "events/events.h"

enum { DIGITS = 4 };
static const int64_t MAX_UNIX_MS = 253402300799999;  // the end of the year 9999

static bool can_be_told_of(const char *session_id)
{
	size_t size = strnlen(session_id, VIVA_EVENT_MAX_SESSION_ID + 1);
	for (size_t i = 0; i < size; i++)
		if (session_id[i] <= 0x20 || session_id[i] >= 0x7f)
			return false;
	return size > 0 && size <= VIVA_EVENT_MAX_SESSION_ID;
}

static json_t *real(float value)
{
	return viva_json_real((double)value, DIGITS);
}

static int add_face(json_t *metadata, const struct viva_vision_result *result)
{
	const struct viva_vision_box *box = &result->box;
	const struct viva_head_pose *pose = &result->pose;
	json_t *face = json_pack("{s:i, s:i, s:i, s:i}", "x", (int)box->x, "y", (int)box->y, "width", (int)box->width,
				 "height", (int)box->height);
	json_t *head = json_pack("{s:o, s:o, s:o}", "yaw", real(pose->yaw), "pitch", real(pose->pitch), "roll",
				 real(pose->roll));
	int code = json_object_set_new(metadata, "face", face);
	if (json_object_set_new(metadata, "head_pose", head))
		code = -1;
	if (result->has_gaze && json_object_set_new(metadata, "gaze",
						    json_pack("{s:o, s:o}", "yaw", real(result->gaze.yaw), "pitch",
							      real(result->gaze.pitch))))
		code = -1;
	return code;
}

static json_t *make_metadata(const struct emotion_sighting *sighting)
{
	const struct emotion_frame *frame = sighting->frame;
	const struct viva_vision_result *result = sighting->result;
	json_t *metadata = json_pack(
		"{s:I, s:b, s:o, s:s, s:o, s:i, s:s}", "frame_number", (json_int_t)frame->frame_number, "face_detected",
		result->is_detected, "latency_ms", viva_json_real((double)sighting->latency_us / 1000, 3), "source",
		frame->is_queued ? "queue" : "live", "attention", real(result->attention), "face_count",
		(int)result->face_count, "hint", viva_vision_hint_name(result->hint));
	if (metadata && result->is_detected && add_face(metadata, result)) {
		json_decref(metadata);
		return NULL;
	}
	return metadata;
}

static int write_body(const struct viva_emotion_analyzed *event, struct viva_arena *arena, struct viva_bytes *ret_body)
{
	struct viva_buffer buffer = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	int code = viva_event_write_emotion_analyzed(event, &buffer);
	char *body = code == 0 ? viva_arena_text(arena, (const char *)buffer.data, buffer.size) : NULL;
	if (body)
		*ret_body = viva_bytes_of(body, buffer.size);
	viva_buffer_finish(&buffer);
	return body ? 0 : VIVA_ENOMEM;
}

int emotion_announcement_make(const struct emotion_sighting *sighting, int64_t now_ms, struct viva_arena *arena,
			      const struct viva_bus_message **ret_message)
{
	const struct emotion_frame *frame = sighting->frame;
	if (!can_be_told_of(frame->session_id)) {
		*ret_message = NULL;
		return 0;
	}
	VIVA_AUTO_JSON metadata = make_metadata(sighting);
	struct viva_bus_message *message = viva_arena_alloc(arena, sizeof *message);
	if (!metadata || !message)
		return VIVA_ENOMEM;
	bool has_time = frame->timestamp_ms > 0 && frame->timestamp_ms <= MAX_UNIX_MS;
	const struct viva_vision_result *result = sighting->result;
	const struct viva_emotion_analyzed event = {
		.session_id = frame->session_id,
		.timestamp_ms = has_time ? frame->timestamp_ms : now_ms,
		.emotion = result->is_detected ? viva_emotion_name(result->emotion) : "",
		.confidence = (double)result->emotion_confidence,
		.blink_count = sighting->blink_count,
		.metadata = metadata,
	};
	bool has_trace = frame->traceparent && viva_traceparent_is_valid(frame->traceparent);
	*message = (struct viva_bus_message){
		.routing_key = VIVA_KEY_EMOTION_ANALYZED,
		.type = VIVA_EVENT_EMOTION_ANALYZED,
		.session_id = frame->session_id,
		.traceparent = has_trace ? frame->traceparent : NULL,
	};
	int code = write_body(&event, arena, &message->body);
	if (code == 0)
		*ret_message = message;
	return code;
}
