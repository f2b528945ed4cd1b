// SPDX-License-Identifier: Apache-2.0
#include "interview/routes.h"

#include <ctype.h>
#include <string.h>

#include "interview/adapt.h"
#include "interview/answers.h"
#include "interview/erase.h"
#include "interview/export.h"
#include "interview/frame_routes.h"
#include "interview/life.h"
#include "interview/live.h"
#include "interview/messages.h"
#include "interview/score.h"
#include "interview/spread.h"
#include "interview/start.h"

enum { MAX_START_BYTES = 256 * 1024 };

static int no_memory(struct viva_error *error)
{
	return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
}

int interview_route_id(struct viva_http_request *request, const char *token, const char **ret_id,
		       int64_t *ret_expires_at, struct viva_error *error)
{
	struct interview_service *service = request->context;
	const char *given = viva_http_parameter(request, "id");
	char *id = viva_arena_text(request->arena, given, strlen(given));
	if (!id)
		return no_memory(error);
	for (char *at = id; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	enum viva_grant grant = VIVA_GRANT_ALL;
	struct viva_claims claims = {0};
	int status = viva_auth_check_interview(service->runtime.auth, viva_http_header(request, "authorization"), token,
					       id, &grant, &claims, error);
	if (status)
		return status;
	if (!viva_uuid_is_valid(id))
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no such interview");
	*ret_id = id;
	if (ret_expires_at)
		*ret_expires_at = grant == VIVA_GRANT_INTERVIEW ? claims.expires_at : 0;
	return 0;
}

static struct interview_reader reader_of(struct viva_http_request *request)
{
	struct interview_service *service = request->context;
	return (struct interview_reader){.store = service->store, .arena = request->arena};
}

static int handle_start(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	struct interview_service *service = request->context;
	int status = viva_auth_check_api_key(service->runtime.auth, viva_http_header(request, "authorization"), error);
	if (status)
		return status;
	struct viva_bytes body = viva_blob_bytes(request->body);
	VIVA_AUTO_JSON members = NULL;
	struct interview_start start;
	status = viva_json_parse_object(body, MAX_START_BYTES, &members, error);
	if (!status)
		status = interview_start_parse(members, service->bank, &start, error);
	const char *text = NULL;
	const char *id = NULL;
	if (!status)
		status = interview_start(service, &start, viva_http_header(request, "idempotency-key"), body,
					 request->arena, &text, &id, error);
	if (status)
		return status;
	const char *location = viva_arena_printf(request->arena, "/api/v1/interviews/%s", id);
	if (!location)
		return no_memory(error);
	status = viva_http_add_header(response, "Location", location);
	return status ? status : viva_http_respond_text(response, 201, "application/json", text);
}

static int handle_get(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct interview_reader reader = reader_of(request);
	const char *id = NULL;
	struct interview_record record;
	const struct interview_question *questions = NULL;
	const struct interview_answer *answers = NULL;
	size_t question_count = 0;
	size_t answer_count = 0;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (!status)
		status = interview_load_settled(request->context, id, request->arena, &record, error);
	if (!status)
		status = interview_load_questions(&reader, id, &questions, &question_count, error);
	if (!status)
		status = interview_load_answers(&reader, id, &answers, &answer_count, error);
	if (status)
		return status;
	json_t *whole = interview_whole_json(&record, questions, question_count, answers, answer_count);
	return whole ? viva_http_respond_json(response, 200, whole) : no_memory(error);
}

static int handle_status(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	struct interview_reader reader = reader_of(request);
	const char *id = NULL;
	struct interview_record record;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (!status)
		status = interview_load(&reader, id, &record, error);
	if (status)
		return status;
	json_t *json = interview_status_json(&record);
	return json ? viva_http_respond_json(response, 200, json) : no_memory(error);
}

static int handle_answer(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	struct interview_service *service = request->context;
	const char *id = NULL;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (status)
		return status;
	VIVA_AUTO_JSON members = NULL;
	struct interview_answer_request answer;
	struct interview_answer_result result;
	status = viva_json_parse_object(viva_blob_bytes(request->body), INTERVIEW_MAX_ANSWER_BYTES, &members, error);
	if (!status)
		status = interview_answer_parse(members, request->arena, &answer, error);
	if (!status)
		status = interview_answer(service, id, &answer, request->deadline_us, request->arena, &result, error);
	if (status)
		return status;
	interview_spread(service, id, request->arena);
	json_t *json = json_pack("{s:s, s:o, s:o, s:i}", "question_id", result.question_id, "analysis",
				 interview_stored_json(result.analysis), "next_question",
				 interview_question_json(result.has_next ? &result.next : NULL), "progress",
				 interview_progress(&result.record));
	return json ? viva_http_respond_json(response, 201, json) : no_memory(error);
}

static int handle_complete(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	struct interview_service *service = request->context;
	struct interview_reader reader = reader_of(request);
	const char *id = NULL;
	struct interview_record record;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (!status)
		status = interview_complete(service, id, request->traceparent, request->arena, &record, error);
	if (status)
		return status;
	// Completed is completed: a score that can't be made now follows.
	if (record.state == INTERVIEW_COMPLETED)
		(void)!interview_score_or_wait(service, id, request->deadline_us, NULL);
	status = interview_load(&reader, id, &record, error);
	if (status)
		return status;
	// Of a score everybody hears by its own event.
	if (record.state != INTERVIEW_SCORED)
		interview_spread(service, id, request->arena);
	json_t *json = json_pack("{s:s, s:s, s:o, s:o}", "id", record.id, "status", interview_state_name(record.state),
				 "completed_at", interview_time_json(record.completed_at), "score",
				 interview_stored_json(record.score));
	return json ? viva_http_respond_json(response, 200, json) : no_memory(error);
}

static int handle_delete(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	const char *id = NULL;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	if (!status)
		status = interview_erase(request->context, id, request->traceparent, request->arena, error);
	if (!status)
		viva_http_set_status(response, 204);
	return status;
}

static int handle_export(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	const char *id = NULL;
	int status = interview_route_id(request, NULL, &id, NULL, error);
	return status ? status : interview_export(request->context, id, request->arena, response, error);
}

// No body is needed to complete; one that comes all the same is short and not looked at.
enum { MAX_IGNORED_BYTES = 4096 };

const struct viva_http_route interview_routes[] = {
	{"POST", "/api/v1/interviews/start", handle_start, .max_body_bytes = MAX_START_BYTES,
	 .content_types = "application/json"},
	{"GET", "/api/v1/interviews/:id", handle_get},
	{"DELETE", "/api/v1/interviews/:id", handle_delete},
	{"GET", "/api/v1/interviews/:id/status", handle_status},
	{"POST", "/api/v1/interviews/:id/frames", interview_handle_frame,
	 .max_body_bytes = INTERVIEW_MAX_FRAME_MESSAGE_BYTES, .too_large_code = VIVA_EFRAMESIZE,
	 .content_types = "application/json,image/jpeg,image/png"},
	{"POST", "/api/v1/interviews/:id/answers", handle_answer, .max_body_bytes = INTERVIEW_MAX_ANSWER_BYTES,
	 .content_types = "application/json"},
	{"POST", "/api/v1/interviews/:id/complete", handle_complete, .max_body_bytes = MAX_IGNORED_BYTES},
	{"GET", "/api/v1/interviews/:id/export", handle_export},
	{"GET", "/ws/interviews/:id", NULL, .websocket = &interview_live_route},
};
const size_t interview_route_count = VIVA_COUNT(interview_routes);
