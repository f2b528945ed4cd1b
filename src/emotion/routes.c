// SPDX-License-Identifier: Apache-2.0
#include "emotion/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "emotion/analysis.h"
#include "emotion/key_frames.h"
#include "emotion/response.h"
#include "emotion/timeline.h"
#include "service/service.h"

enum {
	MAX_IMAGE_BODY = 15 << 20,  // 10 MiB as base64 within JSON
	MAX_BATCH_BODY = 32 << 20,
	MAX_BATCH_FRAMES = 64,
	MAX_BASE64 = 14 << 20,
	MAX_FORMAT = 32,
	DEFAULT_LIMIT = 100,
};

static const char *credential(const struct viva_http_request *request)
{
	return viva_http_header(request, "authorization");
}

// Knows the caller before the body is looked at.
static int check_caller(struct viva_http_request *request, struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	enum viva_grant grant;
	struct viva_claims claims;
	return viva_auth_check(service->auth, credential(request), NULL, &grant, &claims, error);
}

// Whether the caller may have frames of that session analysed: consent is in the token.
static int check_consent(struct viva_http_request *request, const char *session_id, struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	enum viva_grant grant = VIVA_GRANT_INTERVIEW;
	struct viva_claims claims = {0};
	int code =
		viva_auth_check_interview(service->auth, credential(request), NULL, session_id, &grant, &claims, error);
	if (code != 0 || grant == VIVA_GRANT_ALL)
		return code;
	if (strcmp(claims.mode, "recruitment") == 0)
		return viva_fail(error, VIVA_EEMOTIONCONSENT, NULL,
				 "emotions are never analysed in recruitment interviews");
	if (!claims.emotion_analysis)
		return viva_fail(error, VIVA_EEMOTIONCONSENT, NULL, "the candidate did not agree to emotion analysis");
	return 0;
}

// A member of the query. One that is there but is no text (a NUL, half a character) is an error, not nothing.
static int query_text(const struct viva_http_request *request, const char *name, const char **ret_text,
		      struct viva_error *error)
{
	const char *text = viva_http_query(request, name);
	size_t length = strlen(name);
	const char *at = text ? NULL : strstr(request->query, name);
	for (; at; at = strstr(at + length, name)) {
		bool is_member = (at == request->query || at[-1] == '&') && at[length] == '=';
		if (is_member)
			return viva_fail(error, VIVA_EFIELD, name, "%s is not valid text", name);
	}
	*ret_text = text;
	return 0;
}

static int decode_base64(const char *text, const char *field, struct viva_arena *arena, struct viva_bytes *ret_bytes,
			 struct viva_error *error)
{
	size_t length = strlen(text), size = 0;
	uint8_t *bytes = viva_arena_alloc(arena, viva_base64_decoded_bound(length) + 1);
	if (!bytes)
		return VIVA_ENOMEM;
	if (viva_base64_decode(text, length, bytes, &size) != 0)
		return viva_fail(error, VIVA_EFIELD, field, "%s is not base64", field);
	*ret_bytes = viva_bytes_of(bytes, size);
	return 0;
}

// A frame's members, but for the session's id.
static int view_from_json(const json_t *json, const struct emotion_service *service, struct viva_arena *arena,
			  struct emotion_frame_view *view, struct viva_error *error)
{
	const char *format = "", *image = NULL, *continuation = "";
	view->timestamp = viva_clock_unix_ms(service->clock);
	int code = viva_json_get_int(json, "timestamp", false, 0, VIVA_TRACKER_MAX_TIME_MS, &view->timestamp, error);
	if (code == 0)
		code = viva_json_get_int(json, "frame_number", false, 0, INT64_MAX, &view->frame_number, error);
	if (code == 0)
		code = viva_json_get_text(json, "format", false, 0, MAX_FORMAT, &format, error);
	if (code == 0)
		code = viva_json_get_text(json, "image_data", true, 1, MAX_BASE64, &image, error);
	if (code == 0)
		code = viva_json_get_text(json, "continuation", false, 0, MAX_BASE64, &continuation, error);
	if (code == 0)
		code = decode_base64(image, "image_data", arena, &view->image, error);
	if (code == 0)
		code = decode_base64(continuation, "continuation", arena, &view->continuation, error);
	if (code == 0)
		view->format = viva_bytes_of_text(format);
	return code;
}

static int session_from_json(const json_t *json, const char **ret_id, struct viva_error *error)
{
	const char *id = NULL;
	int code = viva_json_get_text(json, "session_id", true, 1, EMOTION_MAX_SESSION_ID, &id, error);
	if (code == 0)
		code = emotion_session_id_check(id, error);
	if (code == 0)
		*ret_id = id;
	return code;
}

static int view_from_raw(struct viva_http_request *request, struct emotion_frame_view *view, const char **ret_id,
			 struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	const char *id = NULL, *timestamp = NULL;
	int code = query_text(request, "session_id", &id, error);
	if (code == 0)
		code = query_text(request, "timestamp", &timestamp, error);
	if (code == 0 && !id)
		id = viva_http_header(request, "x-session-id");
	if (code == 0)
		code = emotion_session_id_check(id ? id : "", error);
	if (code != 0)
		return code;
	view->timestamp = viva_clock_unix_ms(service->clock);
	if (timestamp && viva_parse_int64(timestamp, 0, VIVA_TRACKER_MAX_TIME_MS, &view->timestamp) != 0)
		return viva_fail(error, VIVA_EFIELD, "timestamp", "timestamp must be Unix time in milliseconds");
	view->image = viva_blob_bytes(request->body);
	view->format = viva_bytes_of_text(viva_http_content_type_is(request, "image/png") ? "png" : "jpeg");
	*ret_id = id;
	return 0;
}

static int analyze_view(struct viva_http_request *request, const struct emotion_frame_view *view,
			const char *session_id, struct viva_arena *arena, Emotion__EmotionResponse **ret_response,
			struct viva_error *error)
{
	struct emotion_frame frame;
	int code = emotion_frame_from_view(view, session_id, arena, &frame, error);
	if (code != 0)
		return code;
	frame.deadline_us = request->deadline_us;
	frame.traceparent = request->traceparent;
	return emotion_analyze(request->context, &frame, arena, ret_response, error);
}

static int analyze(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct emotion_frame_view view = {0};
	const char *session_id = NULL;
	VIVA_AUTO_JSON json = NULL;
	int code = check_caller(request, error);
	if (code == 0 && viva_http_content_type_is(request, "application/json")) {
		code = viva_json_parse_object(viva_blob_bytes(request->body), MAX_IMAGE_BODY, &json, error);
		if (code == 0)
			code = session_from_json(json, &session_id, error);
		if (code == 0)
			code = check_consent(request, session_id, error);
		if (code == 0)
			code = view_from_json(json, request->context, request->arena, &view, error);
	} else if (code == 0) {
		code = view_from_raw(request, &view, &session_id, error);
		if (code == 0)
			code = check_consent(request, session_id, error);
	}
	Emotion__EmotionResponse *message = NULL;
	if (code == 0)
		code = analyze_view(request, &view, session_id, request->arena, &message, error);
	if (code != 0)
		return code;
	json_t *answer = emotion_response_json(message, request->arena);
	return answer ? viva_http_respond_json(response, 200, answer) : VIVA_ENOMEM;
}

// Whether a failure is the frame's own, so that the batch goes on.
static bool is_frames_fault(int code)
{
	return code == VIVA_EINVAL || code == VIVA_EFIELD || code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE;
}

static int analyze_member(struct viva_http_request *request, const json_t *member, const char *session_id,
			  struct viva_arena *arena, json_t **ret_json, struct viva_error *error)
{
	struct emotion_frame_view view = {0};
	struct viva_error reason = {0};
	Emotion__EmotionResponse *message = NULL;
	int code = json_is_object(member) ? view_from_json(member, request->context, arena, &view, &reason)
					  : viva_fail(&reason, VIVA_EFIELD, "frames", "a frame must be an object");
	if (code == 0)
		code = analyze_view(request, &view, session_id, arena, &message, &reason);
	if (code != 0 && !is_frames_fault(code)) {
		*error = reason;
		return code;
	}
	if (code != 0) {
		message = emotion_error_response_make(viva_error_message(&reason), arena);
		if (!message)
			return VIVA_ENOMEM;
		message->session_id = viva_arena_text(arena, session_id, strlen(session_id));
		message->timestamp = view.timestamp;
		message->frame_number = view.frame_number;
	}
	*ret_json = message->session_id ? emotion_response_json(message, arena) : NULL;
	return *ret_json ? 0 : VIVA_ENOMEM;
}

static int write_line(struct viva_http_response *response, struct viva_arena *arena, const json_t *json)
{
	const char *text = viva_json_text(arena, json);
	const char *line = text ? viva_arena_printf(arena, "%s\n", text) : NULL;
	return line ? viva_http_write(response, line, strlen(line)) : VIVA_ENOMEM;
}

// Each frame with an arena of its own. Into `results`, or, where that is NULL, as a line of the response.
static int analyze_members(struct viva_http_request *request, struct viva_http_response *response, const json_t *frames,
			   const char *session_id, json_t *results, struct viva_error *error)
{
	size_t index;
	const json_t *member;
	json_array_foreach(frames, index, member)
	{
		if (viva_http_is_cancelled(response))
			return VIVA_ECANCELLED;
		VIVA_AUTO(viva_arena) arena = NULL;
		VIVA_AUTO_JSON json = NULL;
		int code = viva_arena_create(0, &arena);
		if (code == 0)
			code = analyze_member(request, member, session_id, arena, &json, error);
		if (code == 0 && results)
			code = json_array_append(results, json) == 0 ? 0 : VIVA_ENOMEM;
		else if (code == 0)
			code = write_line(response, arena, json);
		if (code != 0)
			return code;
	}
	return 0;
}

static bool wants_lines(const struct viva_http_request *request)
{
	const char *accept = viva_http_header(request, "accept");
	return accept && strstr(accept, "application/x-ndjson") != NULL;
}

static int analyze_batch(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	json_t *frames = NULL;
	const char *session_id = NULL;
	int code = check_caller(request, error);
	if (code == 0)
		code = viva_json_parse_object(viva_blob_bytes(request->body), MAX_BATCH_BODY, &json, error);
	if (code == 0)
		code = session_from_json(json, &session_id, error);
	if (code == 0)
		code = viva_json_get_array(json, "frames", true, MAX_BATCH_FRAMES, &frames, error);
	if (code == 0)
		code = check_consent(request, session_id, error);
	if (code != 0)
		return code;
	if (wants_lines(request)) {
		code = viva_http_begin_stream(response, 200, "application/x-ndjson");
		return code == 0 ? analyze_members(request, response, frames, session_id, NULL, error) : code;
	}
	VIVA_AUTO_JSON results = json_array();
	code = results ? analyze_members(request, response, frames, session_id, results, error) : VIVA_ENOMEM;
	if (code != 0)
		return code;
	json_t *answer = json_pack("{s:O}", "results", results);
	return answer ? viva_http_respond_json(response, 200, answer) : VIVA_ENOMEM;
}

// The session of the path, if the caller may see it.
static int path_session(struct viva_http_request *request, const char **ret_id, struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	const char *id = viva_http_parameter(request, "id");
	int code = viva_auth_check_interview(service->auth, credential(request), NULL, id, NULL, NULL, error);
	if (code == 0)
		code = emotion_session_id_check(id, error);
	if (code == 0)
		*ret_id = id;
	return code;
}

// Adds what became of the frame that the query asks for.
static int add_frame(const struct viva_http_request *request, const char *session_id, json_t *page,
		     struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	static const char *const names[] = {
		[EMOTION_FRAME_UNKNOWN] = "unknown",
		[EMOTION_FRAME_RECORDED] = "analysed",
		[EMOTION_FRAME_DROPPED] = "dropped",
		[EMOTION_FRAME_ERASED] = "erased",
	};
	const char *text = NULL;
	int64_t number = 0;
	enum emotion_timeline_place place;
	int code = query_text(request, "frame", &text, error);
	if (code != 0 || !text)
		return code;
	if (viva_parse_int64(text, 1, INT64_MAX, &number) != 0)
		return viva_fail(error, VIVA_EFIELD, "frame", "frame must be a frame's number, at least 1");
	code = emotion_timeline_find(service->store, session_id, number, 0, request->arena, &place, error);
	if (code != 0)
		return code;
	json_t *frame = json_pack("{s:I, s:s}", "number", (json_int_t)number, "state", names[place]);
	return json_object_set_new(page, "frame", frame) == 0 ? 0 : VIVA_ENOMEM;
}

static int get_timeline(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	const char *id = NULL, *limit_text = NULL, *after = NULL;
	int64_t limit = DEFAULT_LIMIT;
	VIVA_AUTO_JSON page = NULL;
	int code = path_session(request, &id, error);
	if (code == 0)
		code = query_text(request, "limit", &limit_text, error);
	if (code == 0)
		code = query_text(request, "after", &after, error);
	if (code == 0 && limit_text && viva_parse_int64(limit_text, 1, EMOTION_TIMELINE_MAX_ROWS, &limit) != 0)
		code = viva_fail(error, VIVA_EFIELD, "limit", "limit must be 1 to %d", EMOTION_TIMELINE_MAX_ROWS);
	if (code == 0)
		code = emotion_timeline_page(service->store, id, limit, after, request->arena, &page, error);
	if (code == 0)
		code = add_frame(request, id, page, error);
	return code == 0 ? viva_http_respond_json(response, 200, viva_take(&page)) : code;
}

// The pictures of one person: nothing between here and who asks may keep them.
static int get_key_frames(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	const struct emotion_service *service = request->context;
	const char *id = NULL;
	VIVA_AUTO_JSON json = NULL;
	int code = path_session(request, &id, error);
	if (code == 0)
		code = emotion_key_frames_json(service->store, id, request->arena, &json, error);
	if (code == 0)
		code = viva_http_add_header(response, "Cache-Control", "no-store");
	return code == 0 ? viva_http_respond_json(response, 200, viva_take(&json)) : code;
}

static int erase(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	const char *id = NULL;
	int code = path_session(request, &id, error);
	if (code == 0)
		code = emotion_erase(request->context, id, 0, error);
	if (code == 0)
		viva_http_set_status(response, 204);
	return code;
}

const struct viva_http_route emotion_routes[] = {
	{.method = "POST",
	 .pattern = "/api/v1/emotions/analyze",
	 .handle = analyze,
	 .max_body_bytes = MAX_IMAGE_BODY,
	 .too_large_code = VIVA_EFRAMESIZE,
	 .content_types = "application/json,image/jpeg,image/png"},
	{.method = "POST",
	 .pattern = "/api/v1/emotions/batch",
	 .handle = analyze_batch,
	 .max_body_bytes = MAX_BATCH_BODY,
	 .too_large_code = VIVA_EBODYSIZE,
	 .content_types = "application/json"},
	{.method = "GET", .pattern = "/api/v1/emotions/session/:id", .handle = get_timeline},
	{.method = "GET", .pattern = "/api/v1/emotions/session/:id/key-frames", .handle = get_key_frames},
	{.method = "DELETE", .pattern = "/api/v1/emotions/session/:id", .handle = erase},
	{.method = "GET", .pattern = "/api/v1/emotions/health", .handle = viva_service_handle_health},
};
const size_t emotion_route_count = VIVA_COUNT(emotion_routes);
