// SPDX-License-Identifier: Apache-2.0
#include "emotion/methods.h"

#include <string.h>

#include "emotion/analysis.h"
#include "emotion/frame_view.h"
#include "emotion/response.h"

static int read_frame(struct viva_rpc_call *call, struct emotion_frame *ret_frame, struct viva_error *error)
{
	struct emotion_frame_view view;
	int code = emotion_frame_view_parse(viva_rpc_request(call), &view, error);
	if (code == 0)
		code = emotion_frame_from_view(&view, "", viva_rpc_arena(call), ret_frame, error);
	if (code != 0)
		return code;
	ret_frame->deadline_us = viva_rpc_deadline_us(call);
	ret_frame->traceparent = viva_rpc_metadata(call, "traceparent");
	return 0;
}

static int analyze_frame(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct emotion_frame frame;
	Emotion__EmotionResponse *response = NULL;
	int code = read_frame(call, &frame, error);
	if (code == 0)
		code = emotion_analyze(context, &frame, viva_rpc_arena(call), &response, error);
	return code == 0 ? viva_rpc_reply(call, &response->base) : code;
}

static int detect_face(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct emotion_frame frame;
	Emotion__FaceResponse *response = NULL;
	int code = read_frame(call, &frame, error);
	if (code == 0)
		code = emotion_detect_face(context, &frame, viva_rpc_arena(call), &response, error);
	return code == 0 ? viva_rpc_reply(call, &response->base) : code;
}

static int detect_blink(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct emotion_frame frame;
	Emotion__BlinkResponse *response = NULL;
	int code = read_frame(call, &frame, error);
	if (code == 0)
		code = emotion_detect_blink(context, &frame, viva_rpc_arena(call), &response, error);
	return code == 0 ? viva_rpc_reply(call, &response->base) : code;
}

// Whether a failure is the frame's own, so that the next frame may fare better.
static bool is_frames_fault(int code)
{
	return code == VIVA_EINVAL || code == VIVA_EFIELD || code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE;
}

static int analyze_one(struct viva_rpc_call *call, struct emotion_service *service, struct viva_bytes message,
		       const char *session_id, struct viva_arena *arena, Emotion__EmotionResponse **ret_response,
		       struct viva_error *error)
{
	struct emotion_frame_view view = {0};
	struct emotion_frame frame;
	int code = emotion_frame_view_parse(message, &view, error);
	if (code == 0 && view.session_id.size > 0 &&
	    (view.session_id.size != strlen(session_id) ||
	     memcmp(view.session_id.data, session_id, view.session_id.size) != 0))
		code = viva_fail(error, VIVA_EFIELD, "session_id", "the frame is of another session than its batch");
	if (code == 0)
		code = emotion_frame_from_view(&view, session_id, arena, &frame, error);
	if (code == 0) {
		frame.deadline_us = viva_rpc_deadline_us(call);
		frame.traceparent = viva_rpc_metadata(call, "traceparent");
		code = emotion_analyze(service, &frame, arena, ret_response, error);
	}
	if (!is_frames_fault(code))
		return code;
	Emotion__EmotionResponse *response = emotion_error_response_make(viva_error_message(error), arena);
	char *id = viva_arena_text(arena, session_id, strlen(session_id));
	if (!response || !id)
		return VIVA_ENOMEM;
	response->session_id = id;
	response->timestamp = view.timestamp;
	response->frame_number = view.frame_number;
	*ret_response = response;
	return 0;
}

static int answer_batch(struct viva_rpc_call *call, struct emotion_service *service, struct emotion_batch_view *batch,
			const char *session_id, struct viva_error *error)
{
	struct viva_bytes message;
	while (emotion_batch_view_next(batch, &message)) {
		if (viva_rpc_is_cancelled(call))
			return VIVA_ECANCELLED;
		// An arena for each frame: a batch may be long.
		VIVA_AUTO(viva_arena) arena = NULL;
		Emotion__EmotionResponse *response = NULL;
		struct viva_error reason = {0};
		int code = viva_arena_create(0, &arena);
		if (code == 0)
			code = analyze_one(call, service, message, session_id, arena, &response, &reason);
		if (code != 0) {
			*error = reason;
			return code;
		}
		code = viva_rpc_reply(call, &response->base);
		if (code != 0)
			return code;
	}
	return 0;
}

static int analyze_batch(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	struct emotion_batch_view batch;
	int code = emotion_batch_view_parse(viva_rpc_request(call), &batch, error);
	if (code != 0)
		return code;
	const char *session_id =
		viva_arena_text(viva_rpc_arena(call), (const char *)batch.session_id.data, batch.session_id.size);
	if (!session_id)
		return VIVA_ENOMEM;
	code = emotion_session_id_check(session_id, error);
	return code == 0 ? answer_batch(call, context, &batch, session_id, error) : code;
}

const char *const emotion_rpc_services[] = {"emotion.EmotionService", NULL};

const struct viva_rpc_method emotion_methods[] = {
	{.path = "/emotion.EmotionService/AnalyzeFrame", .handle = analyze_frame},
	{.path = "/emotion.EmotionService/AnalyzeBatch", .handle = analyze_batch, .is_server_streaming = true},
	{.path = "/emotion.EmotionService/DetectFace", .handle = detect_face},
	{.path = "/emotion.EmotionService/DetectBlink", .handle = detect_blink},
};
const size_t emotion_method_count = VIVA_COUNT(emotion_methods);
