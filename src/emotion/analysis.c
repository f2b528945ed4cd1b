// SPDX-License-Identifier: Apache-2.0
#include "emotion/analysis.h"

#include <string.h>

#include "emotion/response.h"
#include "emotion/timeline.h"

enum {
	// A sealed state and its session's id; what is longer was not made here.
	MAX_CONTINUATION = VIVA_TRACKER_MAX_BYTES + EMOTION_MAX_SESSION_ID + 256,
};

static const char continuation_purpose[] = "continuation";

int emotion_session_id_check(const char *session_id, struct viva_error *error)
{
	size_t length = strnlen(session_id, EMOTION_MAX_SESSION_ID + 1);
	if (length == 0 || length > EMOTION_MAX_SESSION_ID)
		return viva_fail(error, VIVA_EFIELD, "session_id", "session_id must have 1 to %d bytes",
				 EMOTION_MAX_SESSION_ID);
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)session_id[i] < 0x20 || session_id[i] == 0x7f)
			return viva_fail(error, VIVA_EFIELD, "session_id",
					 "session_id must not hold control characters");
	}
	return 0;
}

static int check_numbers(int64_t timestamp_ms, int64_t frame_number, struct viva_error *error)
{
	if (timestamp_ms < 0 || timestamp_ms > VIVA_TRACKER_MAX_TIME_MS)
		return viva_fail(error, VIVA_EFIELD, "timestamp", "timestamp must be Unix time in milliseconds");
	if (frame_number < 0)
		return viva_fail(error, VIVA_EFIELD, "frame_number", "frame_number must not be negative");
	return 0;
}

int emotion_frame_from_view(const struct emotion_frame_view *view, const char *session_id, struct viva_arena *arena,
			    struct emotion_frame *ret_frame, struct viva_error *error)
{
	const char *format = viva_arena_text(arena, (const char *)view->format.data, view->format.size);
	if (view->session_id.size > 0)
		session_id = viva_arena_text(arena, (const char *)view->session_id.data, view->session_id.size);
	if (!format || !session_id)
		return VIVA_ENOMEM;
	struct emotion_frame frame = {.session_id = session_id,
				      .image = view->image,
				      .timestamp_ms = view->timestamp,
				      .frame_number = view->frame_number,
				      .continuation = view->continuation,
				      .deadline_us = INT64_MAX};
	int code = emotion_session_id_check(session_id, error);
	if (code == 0)
		code = check_numbers(frame.timestamp_ms, frame.frame_number, error);
	if (code == 0)
		code = viva_image_format_parse(format, &frame.format, error);
	if (code == 0 && frame.image.size == 0)
		code = viva_fail(error, VIVA_EFIELD, "image_data", "image_data must not be empty");
	if (code == 0)
		*ret_frame = frame;
	return code;
}

static int refuse_continuation(struct viva_error *error)
{
	return viva_fail(error, VIVA_EFIELD, "continuation", "the continuation was not made for this session");
}

// The sealed text is the id's length, the id, and the tracker's bytes: a continuation of another session does not open.
static int open_continuation(const struct emotion_service *service, const struct emotion_frame *frame,
			     struct viva_arena *arena, struct viva_tracker *ret_tracker, struct viva_error *error)
{
	struct viva_bytes plain;
	size_t id_size = strlen(frame->session_id);
	if (frame->continuation.size > MAX_CONTINUATION)
		return refuse_continuation(error);
	int code = viva_auth_unseal(service->auth, continuation_purpose, frame->continuation, arena, &plain);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0 || plain.size < 1 + id_size || plain.data[0] != id_size ||
	    memcmp(plain.data + 1, frame->session_id, id_size) != 0)
		return refuse_continuation(error);
	struct viva_bytes state = viva_bytes_of(plain.data + 1 + id_size, plain.size - 1 - id_size);
	return viva_tracker_read(state, ret_tracker) == 0 ? 0 : refuse_continuation(error);
}

static int make_continuation(const struct emotion_service *service, const char *session_id,
			     const struct viva_tracker *tracker, struct viva_arena *arena,
			     ProtobufCBinaryData *ret_continuation)
{
	uint8_t plain[1 + EMOTION_MAX_SESSION_ID + VIVA_TRACKER_MAX_BYTES];
	size_t id_size = strlen(session_id);
	plain[0] = (uint8_t)id_size;
	memcpy(plain + 1, session_id, id_size);
	size_t size = 1 + id_size + viva_tracker_write(tracker, plain + 1 + id_size);
	struct viva_bytes sealed;
	int code = viva_auth_seal(service->auth, continuation_purpose, viva_bytes_of(plain, size), arena, &sealed);
	if (code != 0)
		return code;
	uint8_t *bytes = viva_arena_alloc(arena, sealed.size);
	if (!bytes)
		return VIVA_ENOMEM;
	memcpy(bytes, sealed.data, sealed.size);
	*ret_continuation = (ProtobufCBinaryData){.len = sealed.size, .data = bytes};
	return 0;
}

// The state to go on from: the caller's, or ours, or what the store knows.
static int load_state(struct emotion_service *service, const struct emotion_frame *frame,
		      struct emotion_session *session, struct viva_arena *arena, struct viva_tracker *ret_tracker,
		      struct viva_error *error)
{
	if (frame->continuation.size > 0)
		return open_continuation(service, frame, arena, ret_tracker, error);
	if (!session->is_loaded) {
		int code =
			emotion_timeline_load_state(service->store, frame->session_id, arena, &session->tracker, error);
		if (code != 0)
			return code;
		session->is_loaded = true;
	}
	*ret_tracker = session->tracker;
	return 0;
}

static void keep_state(struct emotion_session *session, const struct viva_tracker *tracker)
{
	if (session->is_loaded && tracker->last_ms < session->tracker.last_ms)
		return;
	session->tracker = *tracker;
	session->is_loaded = true;
}

static int check_deadline(const struct emotion_service *service, const struct emotion_frame *frame,
			  struct viva_error *error)
{
	if (viva_clock_monotonic_us(service->clock) < frame->deadline_us)
		return 0;
	return viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline passed before the frame's turn came");
}

static void count_frame(struct emotion_service *service, int code, const struct viva_vision_result *result)
{
	if (code != 0) {
		viva_metric_add(service->frames_refused, 1);
		return;
	}
	viva_metric_add(result->is_detected ? service->frames_with_face : service->frames_without_face, 1);
	viva_metric_observe(service->inference_seconds, result->timing.total);
}

// Analyses the frame against the state and keeps both, while the session is checked out.
static int analyze_session(struct emotion_service *service, const struct emotion_frame *frame, bool is_recorded,
			   struct emotion_session *session, struct viva_arena *arena, struct viva_tracker *ret_tracker,
			   struct viva_vision_result *ret_result, struct viva_error *error)
{
	struct viva_tracker tracker;
	int code = check_deadline(service, frame, error);
	if (code == 0)
		code = load_state(service, frame, session, arena, &tracker, error);
	if (code != 0)
		return code;
	code = viva_vision_analyze(service->vision, frame->image, frame->format, frame->timestamp_ms, &tracker,
				   ret_result, error);
	count_frame(service, code, ret_result);
	if (code != 0)
		return code;

	const struct emotion_timeline_frame row = {
		.frame_number = frame->frame_number,
		.timestamp_ms = frame->timestamp_ms,
		.has_face = ret_result->is_detected,
		.emotion = ret_result->is_detected ? viva_emotion_name(ret_result->emotion) : "",
		.confidence = ret_result->emotion_confidence,
		.blink_count = tracker.eyes.blink_count,
	};
	code = emotion_timeline_add(service->store, frame->session_id, is_recorded ? &row : NULL, &tracker,
				    viva_clock_unix_ms(service->clock), error);
	if (code != 0)
		return code;
	keep_state(session, &tracker);
	*ret_tracker = tracker;
	return 0;
}

static int analyze_frame(struct emotion_service *service, const struct emotion_frame *frame, bool is_recorded,
			 struct viva_arena *arena, struct viva_tracker *ret_tracker,
			 struct viva_vision_result *ret_result, struct viva_error *error)
{
	struct emotion_session *session = NULL;
	int code = emotion_sessions_checkout(service->sessions, frame->session_id, &session, error);
	if (code != 0)
		return code;
	code = analyze_session(service, frame, is_recorded, session, arena, ret_tracker, ret_result, error);
	emotion_sessions_checkin(service->sessions, session);
	return code;
}

int emotion_analyze(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
		    Emotion__EmotionResponse **ret_response, struct viva_error *error)
{
	struct viva_tracker tracker;
	struct viva_vision_result result;
	int code = analyze_frame(service, frame, true, arena, &tracker, &result, error);
	if (code != 0)
		return code;
	struct viva_blink_summary blinks = viva_tracker_blinks(&tracker);
	Emotion__EmotionResponse *response = emotion_response_make(&result, &blinks, arena);
	char *session_id = viva_arena_text(arena, frame->session_id, strlen(frame->session_id));
	if (!response || !session_id)
		return VIVA_ENOMEM;
	response->session_id = session_id;
	response->timestamp = frame->timestamp_ms;
	response->frame_number = frame->frame_number;
	code = make_continuation(service, frame->session_id, &tracker, arena, &response->continuation);
	if (code == 0)
		*ret_response = response;
	return code;
}

int emotion_detect_blink(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			 Emotion__BlinkResponse **ret_response, struct viva_error *error)
{
	struct viva_tracker tracker;
	struct viva_vision_result result;
	int code = analyze_frame(service, frame, false, arena, &tracker, &result, error);
	if (code != 0)
		return code;
	*ret_response = emotion_blink_response_make(&tracker, arena);
	return *ret_response ? 0 : VIVA_ENOMEM;
}

int emotion_detect_face(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			Emotion__FaceResponse **ret_response, struct viva_error *error)
{
	struct viva_vision_result result;
	int code = check_deadline(service, frame, error);
	if (code != 0)
		return code;
	code = viva_vision_detect(service->vision, frame->image, frame->format, &result, error);
	count_frame(service, code, &result);
	if (code != 0)
		return code;
	*ret_response = emotion_face_response_make(&result, arena);
	return *ret_response ? 0 : VIVA_ENOMEM;
}

int emotion_erase(struct emotion_service *service, const char *session_id, struct viva_error *error)
{
	struct emotion_session *session = NULL;
	int code = emotion_sessions_checkout(service->sessions, session_id, &session, error);
	if (code != 0)
		return code;
	code = emotion_timeline_erase(service->store, session_id, error);
	if (code == 0)
		*session = (struct emotion_session){0};
	emotion_sessions_checkin(service->sessions, session);
	if (code != 0)
		return code;
	// What readers of other processes prevent now, the housekeeping does.
	if (viva_store_scrub(service->store, NULL) != 0)
		atomic_store(&service->needs_scrub, true);
	return 0;
}
