// SPDX-License-Identifier: Apache-2.0
//
// The events without a picture, read through a tree; and what a message of any event must be called.
#include <string.h>

#include "events/event_json.h"

int viva_event_check_type(const char *type, const char *event, struct viva_error *error)
{
	if (type[0] == '\0' || strcmp(type, event) == 0)
		return 0;
	return viva_fail(error, VIVA_EUNKNOWNTYPE, "type", "the message's type is not %s", event);
}

static void free_json(void *json)
{
	json_decref(json);
}

// As Go writes a map: null stands for none. The arena holds a reference on it.
static int get_metadata(const json_t *json, struct viva_arena *arena, json_t **ret_metadata, struct viva_error *error)
{
	json_t *metadata = NULL;
	int status = viva_json_get_object(json, "metadata", false, &metadata, error);
	if (status)
		return status;
	metadata = metadata ? json_incref(metadata) : json_object();
	if (!metadata || viva_arena_on_destroy(arena, free_json, metadata)) {
		json_decref(metadata);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a message");
	}
	*ret_metadata = metadata;
	return 0;
}

int viva_event_read_emotion_analyzed(struct viva_bytes body, struct viva_arena *arena,
				     struct viva_emotion_analyzed *ret_event, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_emotion_analyzed event = {0};
	int status = event_parse(body, VIVA_EVENT_MAX_SMALL_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = event_get_time(json, "timestamp", &event.timestamp_ms, error);
	if (!status)
		status = event_get_text(json, "emotion", 0, VIVA_EVENT_MAX_EMOTION, arena, &event.emotion, error);
	if (!status)
		status = viva_json_get_double(json, "confidence", true, 0, 1, &event.confidence, error);
	if (!status)
		status = viva_json_get_int(json, "blink_count", true, 0, INT64_MAX, &event.blink_count, error);
	if (!status)
		status = get_metadata(json, arena, &event.metadata, error);
	if (!status)
		*ret_event = event;
	return status;
}

int viva_event_read_interview_completed(struct viva_bytes body, struct viva_arena *arena,
					struct viva_interview_completed *ret_event, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_interview_completed event = {.queued_frames = -1};
	int status = event_parse(body, VIVA_EVENT_MAX_SMALL_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = event_get_text(json, "user_id", 1, VIVA_EVENT_MAX_USER_ID, arena, &event.user_id, error);
	if (!status)
		status = event_get_time(json, "completed_at", &event.completed_at_ms, error);
	if (!status)
		status = viva_json_get_int(json, "total_duration", true, 0, INT64_MAX, &event.total_duration_s, error);
	if (!status)
		status = viva_json_get_int(json, "answer_count", true, 0, INT64_MAX, &event.answer_count, error);
	if (!status)
		status = viva_json_get_int(json, "queued_frames", false, 0, INT64_MAX, &event.queued_frames, error);
	if (!status)
		*ret_event = event;
	return status;
}

static int get_score(const json_t *json, const char *name, double *ret_score, struct viva_error *error)
{
	return viva_json_get_double(json, name, true, 0, 100, ret_score, error);
}

int viva_event_read_score_calculated(struct viva_bytes body, struct viva_arena *arena,
				     struct viva_score_calculated *ret_event, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_score_calculated event = {0};
	int status = event_parse(body, VIVA_EVENT_MAX_SMALL_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = get_score(json, "technical_score", &event.technical_score, error);
	if (!status)
		status = get_score(json, "communication_score", &event.communication_score, error);
	if (!status)
		status = get_score(json, "emotion_score", &event.emotion_score, error);
	if (!status)
		status = get_score(json, "overall_score", &event.overall_score, error);
	if (!status)
		status = event_get_time(json, "calculated_at", &event.calculated_at_ms, error);
	if (!status)
		status = viva_json_get_bool(json, "not_scorable", false, &event.not_scorable, error);
	if (!status)
		*ret_event = event;
	return status;
}

int viva_event_read_interview_erased(struct viva_bytes body, struct viva_arena *arena,
				     struct viva_interview_erased *ret_event, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_interview_erased event = {0};
	int status = event_parse(body, VIVA_EVENT_MAX_SMALL_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = event_get_time(json, "erased_at", &event.erased_at_ms, error);
	if (!status)
		*ret_event = event;
	return status;
}

int viva_event_read_interview_changed(struct viva_bytes body, struct viva_arena *arena,
				      struct viva_interview_changed *ret_event, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	struct viva_interview_changed event = {0};
	int status = event_parse(body, VIVA_EVENT_MAX_SMALL_BYTES, &json, error);
	if (!status)
		status = event_get_session_id(json, arena, &event.session_id, error);
	if (!status)
		status = event_get_time(json, "changed_at", &event.changed_at_ms, error);
	if (!status)
		*ret_event = event;
	return status;
}
