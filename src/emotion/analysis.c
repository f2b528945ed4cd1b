// SPDX-License-Identifier: Apache-2.0
#include "emotion/analysis.h"

#include <string.h>

#include "emotion/announce.h"
#include "emotion/continuation.h"
#include "emotion/key_frames.h"
#include "emotion/response.h"
#include "emotion/timeline.h"

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

static int check_numbers(const struct emotion_frame *frame, struct viva_error *error)
{
	if (frame->timestamp_ms < 0 || frame->timestamp_ms > VIVA_TRACKER_MAX_TIME_MS)
		return viva_fail(error, VIVA_EFIELD, "timestamp", "timestamp must be Unix time in milliseconds");
	if (frame->question < 0 || frame->question > EMOTION_MAX_QUESTION)
		return viva_fail(error, VIVA_EFIELD, "question", "question must be 0 to %d", EMOTION_MAX_QUESTION);
	if (frame->frame_number < 0)
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
				      .may_be_kept = view->keep,
				      .question = view->question,
				      .deadline_us = INT64_MAX};
	int code = emotion_session_id_check(session_id, error);
	if (code == 0)
		code = check_numbers(&frame, error);
	if (code == 0)
		code = viva_image_format_parse(format, &frame.format, error);
	if (code == 0 && frame.image.size == 0)
		code = viva_fail(error, VIVA_EFIELD, "image_data", "image_data must not be empty");
	if (code == 0)
		*ret_frame = frame;
	return code;
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

// One frame's way through the service.
struct work {
	struct emotion_service *service;
	const struct emotion_frame *frame;
	struct viva_arena *arena;
	bool is_recorded;  // goes into the timeline
	int64_t began_us;
	struct viva_tracker tracker;  // before the frame, then after it
	bool is_late;                 // the tracker has seen later frames
	struct viva_vision_result result;
	bool is_new;  // what was not in the timeline before
};

// The state to go on from: the caller's, or the latest that this process or, since another instance may have gone on
// meanwhile, the store knows.
static int load_state(struct work *work, struct emotion_session *session, struct viva_error *error)
{
	const struct emotion_frame *frame = work->frame;
	if (frame->continuation.size > 0)
		return emotion_continuation_open(work->service->auth, frame->session_id, frame->continuation,
						 work->arena, &work->tracker, error);
	int64_t known_ms = session->tracker.has_time ? session->tracker.last_ms : -1;
	int code = emotion_timeline_load_state(work->service->store, frame->session_id, known_ms, work->arena,
					       &session->tracker, error);
	work->tracker = session->tracker;
	work->is_late = frame->is_queued && work->tracker.has_time && frame->timestamp_ms < work->tracker.last_ms;
	return code;
}

static void keep_state(struct emotion_session *session, const struct viva_tracker *tracker)
{
	if (!session->tracker.has_time || tracker->last_ms >= session->tracker.last_ms)
		session->tracker = *tracker;
}

// A late frame is looked at where the face is known to be, but what is seen in it does not become part of the state.
static int see(struct work *work, struct viva_error *error)
{
	struct emotion_service *service = work->service;
	const struct emotion_frame *frame = work->frame;
	struct viva_tracker tracker = work->tracker;
	if (work->is_late)
		tracker.expression = (struct viva_tracker_expression){0};
	if (!frame->is_queued)
		emotion_gate_enter_live(service->gate);
	int code = viva_vision_analyze(service->vision, frame->image, frame->format, frame->timestamp_ms, &tracker,
				       &work->result, error);
	if (!frame->is_queued)
		emotion_gate_leave_live(service->gate);
	count_frame(service, code, &work->result);
	if (code == 0 && !work->is_late)
		work->tracker = tracker;
	return code;
}

static int record(struct work *work, struct viva_error *error)
{
	struct emotion_service *service = work->service;
	const struct emotion_frame *frame = work->frame;
	const struct emotion_timeline_frame row = {
		.frame_number = frame->frame_number,
		.timestamp_ms = frame->timestamp_ms,
		.has_face = work->result.is_detected,
		.emotion = work->result.is_detected ? viva_emotion_name(work->result.emotion) : "",
		.confidence = work->result.emotion_confidence,
		.blink_count = work->tracker.eyes.blink_count,
	};
	struct emotion_timeline_addition addition = {
		.session_id = frame->session_id,
		.frame = work->is_recorded ? &row : NULL,
		.state = work->is_late ? NULL : &work->tracker,
		.outbox = service->outbox,
		.now_ms = viva_clock_unix_ms(service->clock),
	};
	const struct emotion_sighting sighting = {
		.frame = frame,
		.result = &work->result,
		.blink_count = row.blink_count,
		.latency_us = viva_clock_monotonic_us(service->clock) - work->began_us,
	};
	int code = 0;
	if (work->is_recorded)
		code = emotion_announcement_make(&sighting, addition.now_ms, work->arena, &addition.event);
	if (code == 0 && work->is_recorded)
		code = emotion_key_frame_make(service, frame, &work->result, work->arena, &addition.key_frame, error);
	struct emotion_timeline_outcome outcome = {0};
	if (code == 0)
		code = emotion_timeline_add(service->store, &addition, work->arena, &outcome, error);
	work->is_new = outcome.is_new;
	if (outcome.is_key_frame)
		viva_metric_add(service->key_frames, 1);
	return code;
}

// While the session is checked out.
static int work_on(struct work *work, struct emotion_session *session, struct viva_error *error)
{
	int code = check_deadline(work->service, work->frame, error);
	if (code == 0)
		code = load_state(work, session, error);
	if (code == 0)
		code = see(work, error);
	if (code == 0)
		code = record(work, error);
	if (code == VIVA_ENOTFOUND)
		*session = (struct emotion_session){0};
	if (code != 0)
		return code;
	keep_state(session, &work->tracker);
	return 0;
}

static int analyze_frame(struct work *work, struct viva_error *error)
{
	struct emotion_service *service = work->service;
	struct emotion_session *session = NULL;
	work->began_us = viva_clock_monotonic_us(service->clock);
	int code = emotion_sessions_checkout(service->sessions, work->frame->session_id, &session, error);
	if (code != 0)
		return code;
	code = work_on(work, session, error);
	emotion_sessions_checkin(service->sessions, session);
	if (code == 0 && work->is_new)
		viva_outbox_wake(service->outbox);
	return code;
}

int emotion_analyze(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
		    Emotion__EmotionResponse **ret_response, struct viva_error *error)
{
	struct work work = {.service = service, .frame = frame, .arena = arena, .is_recorded = true};
	int code = analyze_frame(&work, error);
	if (code != 0)
		return code;
	struct viva_blink_summary blinks = viva_tracker_blinks(&work.tracker);
	struct viva_bytes continuation;
	Emotion__EmotionResponse *response = emotion_response_make(&work.result, &blinks, arena);
	char *session_id = viva_arena_text(arena, frame->session_id, strlen(frame->session_id));
	if (!response || !session_id)
		return VIVA_ENOMEM;
	code = emotion_continuation_make(service->auth, frame->session_id, &work.tracker, arena, &continuation);
	if (code != 0)
		return code;
	response->session_id = session_id;
	response->timestamp = frame->timestamp_ms;
	response->frame_number = frame->frame_number;
	response->continuation.data = (uint8_t *)(uintptr_t)continuation.data;  // only read from
	response->continuation.len = continuation.size;
	*ret_response = response;
	return 0;
}

static int drop(struct emotion_service *service, const struct emotion_frame *frame, const char *rule,
		struct viva_arena *arena, struct viva_error *error)
{
	return emotion_timeline_drop(service->store, frame->session_id, frame->frame_number, frame->timestamp_ms, rule,
				     viva_clock_unix_ms(service->clock), arena, error);
}

static int analyze_unknown(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			   enum emotion_queued_outcome *ret_outcome, struct viva_error *error)
{
	struct work work = {.service = service, .frame = frame, .arena = arena, .is_recorded = true};
	struct viva_error reason = {0};
	enum emotion_queued_outcome outcome = EMOTION_QUEUED_ANALYSED;
	// Before the session is taken, so that a live frame of it never waits for one that waits here.
	if (!emotion_gate_enter_queued(service->gate))
		return viva_fail(error, VIVA_ECLOSED, NULL, "the service is stopping");
	int code = analyze_frame(&work, &reason);
	emotion_gate_leave_queued(service->gate);
	if (code == VIVA_EIMAGE) {
		outcome = EMOTION_QUEUED_UNREADABLE;
		code = drop(service, frame, "invalid_image", arena, &reason);
	} else if (code == VIVA_EFRAMESIZE) {
		outcome = EMOTION_QUEUED_TOO_LARGE;
		code = drop(service, frame, "frame_too_large", arena, &reason);
	} else if (code == 0 && !work.is_new) {
		outcome = EMOTION_QUEUED_REPEATED;  // by a live call meanwhile
	}
	if (code == VIVA_ENOTFOUND) {
		outcome = EMOTION_QUEUED_ERASED;
		code = 0;
	}
	if (code == 0)
		*ret_outcome = outcome;
	else if (error)
		*error = reason;
	return code;
}

int emotion_analyze_queued(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			   enum emotion_queued_outcome *ret_outcome, struct viva_error *error)
{
	enum emotion_timeline_place place;
	int code = emotion_timeline_find(service->store, frame->session_id, frame->frame_number, frame->timestamp_ms,
					 arena, &place, error);
	if (code != 0)
		return code;
	if (place == EMOTION_FRAME_UNKNOWN)
		return analyze_unknown(service, frame, arena, ret_outcome, error);
	*ret_outcome = place == EMOTION_FRAME_ERASED ? EMOTION_QUEUED_ERASED : EMOTION_QUEUED_REPEATED;
	return 0;
}

int emotion_detect_blink(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			 Emotion__BlinkResponse **ret_response, struct viva_error *error)
{
	struct work work = {.service = service, .frame = frame, .arena = arena};
	int code = analyze_frame(&work, error);
	if (code != 0)
		return code;
	*ret_response = emotion_blink_response_make(&work.tracker, arena);
	return *ret_response ? 0 : VIVA_ENOMEM;
}

int emotion_detect_face(struct emotion_service *service, const struct emotion_frame *frame, struct viva_arena *arena,
			Emotion__FaceResponse **ret_response, struct viva_error *error)
{
	struct viva_vision_result result;
	int code = check_deadline(service, frame, error);
	if (code != 0)
		return code;
	emotion_gate_enter_live(service->gate);
	code = viva_vision_detect(service->vision, frame->image, frame->format, &result, error);
	emotion_gate_leave_live(service->gate);
	count_frame(service, code, &result);
	if (code != 0)
		return code;
	*ret_response = emotion_face_response_make(&result, arena);
	return *ret_response ? 0 : VIVA_ENOMEM;
}

int emotion_erase(struct emotion_service *service, const char *session_id, int64_t until_ms, struct viva_error *error)
{
	struct emotion_session *session = NULL;
	int code = emotion_sessions_checkout(service->sessions, session_id, &session, error);
	if (code != 0)
		return code;
	code = emotion_timeline_erase(service->store, session_id, until_ms, error);
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
