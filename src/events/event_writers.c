// SPDX-License-Identifier: Apache-2.0
//
// The events without a picture: each is one call of json_pack, its members in the order of the Go structs.
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "events/event_json.h"

// What json_pack can't write is the caller's mistake, not a want of memory.
static bool is_writable(const char *text)
{
	return viva_utf8_is_valid(text, strlen(text));
}

int viva_event_write_emotion_analyzed(const struct viva_emotion_analyzed *event, struct viva_buffer *out)
{
	if (!is_writable(event->session_id) || !is_writable(event->emotion) || !isfinite(event->confidence) ||
	    !json_is_object(event->metadata))
		return VIVA_EINVAL;
	VIVA_AUTO_JSON json = json_pack("{s:s, s:o, s:s, s:o, s:I, s:O}", "session_id", event->session_id, "timestamp",
					event_time(event->timestamp_ms), "emotion", event->emotion, "confidence",
					event_number(event->confidence), "blink_count", (json_int_t)event->blink_count,
					"metadata", event->metadata);
	return event_put_json(out, json);
}

int viva_event_write_interview_completed(const struct viva_interview_completed *event, struct viva_buffer *out)
{
	if (!is_writable(event->session_id) || !is_writable(event->user_id))
		return VIVA_EINVAL;
	VIVA_AUTO_JSON json =
		json_pack("{s:s, s:s, s:o, s:I, s:I}", "session_id", event->session_id, "user_id", event->user_id,
			  "completed_at", event_time(event->completed_at_ms), "total_duration",
			  (json_int_t)event->total_duration_s, "answer_count", (json_int_t)event->answer_count);
	if (json && event->queued_frames >= 0 &&
	    json_object_set_new(json, "queued_frames", json_integer(event->queued_frames)))
		return VIVA_ENOMEM;
	return event_put_json(out, json);
}

int viva_event_write_score_calculated(const struct viva_score_calculated *event, struct viva_buffer *out)
{
	if (!is_writable(event->session_id) || !isfinite(event->technical_score) ||
	    !isfinite(event->communication_score) || !isfinite(event->emotion_score) || !isfinite(event->overall_score))
		return VIVA_EINVAL;
	VIVA_AUTO_JSON json = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o}", "session_id", event->session_id, "technical_score",
		event_number(event->technical_score), "communication_score", event_number(event->communication_score),
		"emotion_score", event_number(event->emotion_score), "overall_score",
		event_number(event->overall_score), "calculated_at", event_time(event->calculated_at_ms));
	if (json && event->not_scorable && json_object_set_new(json, "not_scorable", json_true()))
		return VIVA_ENOMEM;
	return event_put_json(out, json);
}

int viva_event_write_interview_erased(const struct viva_interview_erased *event, struct viva_buffer *out)
{
	if (!is_writable(event->session_id))
		return VIVA_EINVAL;
	VIVA_AUTO_JSON json =
		json_pack("{s:s, s:o}", "session_id", event->session_id, "erased_at", event_time(event->erased_at_ms));
	return event_put_json(out, json);
}

int viva_event_write_interview_changed(const struct viva_interview_changed *event, struct viva_buffer *out)
{
	if (!is_writable(event->session_id))
		return VIVA_EINVAL;
	VIVA_AUTO_JSON json = json_pack("{s:s, s:o}", "session_id", event->session_id, "changed_at",
					event_time(event->changed_at_ms));
	return event_put_json(out, json);
}
