// SPDX-License-Identifier: Apache-2.0
#include "scoring/routes.h"

#include <string.h>

#include "auth/auth.h"
#include "report/report.h"
#include "report/report_html.h"
#include "report/report_json.h"
#include "scoring/judge.h"
#include "scoring/records.h"
#include "scoring/request.h"
#include "scoring/session.h"
#include "service/service.h"

enum { MAX_SCORE_BYTES = 16 << 20, MAX_ANSWER_BYTES = 2 << 20, MAX_REPORT_BYTES = 4096 };

static const char *credential(const struct viva_http_request *request)
{
	return viva_http_header(request, "authorization");
}

// Knows the caller before anything of the body is looked at, then whether the session is theirs.
static int read_body(struct viva_http_request *request, size_t max_bytes, json_t **ret_json, struct viva_error *error)
{
	const struct scoring_service *service = request->context;
	enum viva_grant grant;
	struct viva_claims claims;
	int code = viva_auth_check(service->auth, credential(request), NULL, &grant, &claims, error);
	return code == 0 ? viva_json_parse_object(viva_blob_bytes(request->body), max_bytes, ret_json, error) : code;
}

static int read_session_id(const json_t *json, const char **ret_id, struct viva_error *error)
{
	const char *id = NULL;
	int code = viva_json_get_text(json, "session_id", true, 1, SCORING_MAX_SESSION_ID, &id, error);
	if (code != 0)
		return code;
	if (!scoring_session_id_is_valid(id))
		return viva_fail(error, VIVA_EFIELD, "session_id",
				 "session_id must be 1 to %d of letters, digits, dot, underscore and hyphen",
				 SCORING_MAX_SESSION_ID);
	*ret_id = id;
	return 0;
}

// The session of the path, if the caller may see it.
static int path_session(struct viva_http_request *request, const char **ret_id, struct viva_error *error)
{
	const struct scoring_service *service = request->context;
	const char *id = viva_http_parameter(request, "id");
	int code = viva_auth_check_interview(service->auth, credential(request), NULL, id, NULL, NULL, error);
	if (code != 0)
		return code;
	if (!scoring_session_id_is_valid(id))
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "no score of this session is known");
	*ret_id = id;
	return 0;
}

static int respond(struct viva_http_response *response, json_t *json)
{
	return json ? viva_http_respond_json(response, 200, json) : VIVA_ENOMEM;
}

// With answers: scores them, which is the platform's to ask. Without: scores again what is stored, which the candidate
// may ask, too.
static int calculate(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct scoring_service *service = request->context;
	VIVA_AUTO_JSON json = NULL;
	const char *id = NULL;
	int code = read_body(request, MAX_SCORE_BYTES, &json, error);
	if (code == 0)
		code = read_session_id(json, &id, error);
	if (code != 0)
		return code;

	bool has_answers = json_object_get(json, "answers") != NULL;
	const struct scoring_caller caller = {.deadline_us = request->deadline_us, .traceparent = request->traceparent};
	Scoring__ScoreRequest *score_request = NULL;
	Scoring__ScoreResponse *score = NULL;
	if (has_answers)
		code = viva_auth_check_api_key(service->auth, credential(request), error);
	else
		code = viva_auth_check_interview(service->auth, credential(request), NULL, id, NULL, NULL, error);
	if (code == 0 && has_answers)
		code = scoring_request_from_json(json, request->arena, &score_request, error);
	if (code != 0)
		return code;
	if (has_answers)
		code = scoring_session_score(service, score_request, &caller, request->arena, &score, error);
	else
		code = scoring_session_score_again(service, id, &caller, request->arena, &score, error);
	return code == 0 ? respond(response, viva_score_json(score)) : code;
}

static int get_score(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct scoring_service *service = request->context;
	const char *id = NULL;
	Scoring__ScoreResponse *score = NULL;
	int code = path_session(request, &id, error);
	if (code == 0)
		code = scoring_records_load(service->store, id, request->arena, NULL, &score, NULL, error);
	return code == 0 ? respond(response, viva_score_json(score)) : code;
}

static int erase(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct scoring_service *service = request->context;
	const char *id = NULL;
	int code = path_session(request, &id, error);
	if (code == 0)
		code = scoring_records_erase(service->store, id, 0, error);
	if (code == 0)
		atomic_store(&service->needs_scrub, true);
	if (code == 0)
		viva_http_set_status(response, 204);
	return code;
}

static int read_report_options(const json_t *json, struct scoring_report_options *options, struct viva_error *error)
{
	int code = read_session_id(json, &options->session_id, error);
	if (code == 0)
		code = viva_json_get_bool(json, "include_emotions", false, &options->include_emotions, error);
	if (code == 0)
		code = viva_json_get_bool(json, "include_video", false, &options->include_video, error);
	if (code == 0)
		code = viva_json_get_text(json, "format", false, 1, 16, &options->format, error);
	return code;
}

static int make_report(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct scoring_service *service = request->context;
	struct scoring_report_options options = {.format = "pdf"};
	VIVA_AUTO_JSON json = NULL;
	VIVA_AUTO_JSON report = NULL;
	const char *url = NULL;
	int code = read_body(request, MAX_REPORT_BYTES, &json, error);
	if (code == 0)
		code = read_report_options(json, &options, error);
	if (code == 0)
		code = viva_auth_check_interview(service->auth, credential(request), NULL, options.session_id, NULL,
						 NULL, error);
	if (code == 0)
		code = scoring_session_report(service, &options, request->arena, &report, &url, error);
	if (code != 0)
		return code;
	// As it was understood: "" is pdf.
	const char *format = options.format[0] != '\0' ? options.format : viva_report_format_name(VIVA_REPORT_PDF);
	return respond(response, json_pack("{s:s, s:s}", "report_url", url, "format", format));
}

static bool query_is_true(const struct viva_http_request *request, const char *name)
{
	const char *value = viva_http_query(request, name);
	return value && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

// A page that is opened right here may load nothing, and no type is guessed.
static int add_report_headers(struct viva_http_response *response, enum viva_report_format format)
{
	char policy[256];
	int code = viva_http_add_header(response, "X-Content-Type-Options", "nosniff");
	if (code == 0)
		code = viva_http_add_header(response, "Cache-Control", "no-store");
	if (code != 0 || format != VIVA_REPORT_HTML)
		return code;
	code = viva_report_html_policy(policy);
	return code == 0 ? viva_http_add_header(response, "Content-Security-Policy", policy) : code;
}

static int get_report(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	const char *wanted = viva_http_query(request, "format");
	struct scoring_report_options options = {
		.format = wanted && wanted[0] != '\0' ? wanted : viva_report_format_name(VIVA_REPORT_JSON),
		.include_emotions = query_is_true(request, "include_emotions"),
		.include_video = query_is_true(request, "include_video")};
	VIVA_AUTO_JSON report = NULL;
	VIVA_AUTO(viva_blob) blob = NULL;
	const char *url = NULL;
	enum viva_report_format format = VIVA_REPORT_JSON;
	int code = path_session(request, &options.session_id, error);
	if (code == 0)
		code = scoring_session_report(request->context, &options, request->arena, &report, &url, error);
	if (code == 0)
		code = viva_report_format_parse(options.format, &format, error);
	if (code == 0)
		code = viva_report_render(report, format, &blob);
	if (code == 0)
		code = add_report_headers(response, format);
	return code == 0 ? viva_http_respond_blob(response, 200, viva_report_content_type(format), blob) : code;
}

static int read_graded_answers(const json_t *json, struct viva_arena *arena, Scoring__AnswerRequest *answer,
			       struct viva_error *error)
{
	json_t *array = NULL;
	int code = viva_json_get_array(json, "graded_answers", false, VIVA_ANSWER_MAX_GRADED, &array, error);
	size_t count = json_array_size(array);
	if (code != 0 || count == 0)
		return code;
	Scoring__GradedAnswer *graded = viva_arena_alloc(arena, count * sizeof *graded);
	answer->graded_answers = viva_arena_alloc(arena, count * sizeof(Scoring__GradedAnswer *));
	if (!graded || !answer->graded_answers)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		const char *text = "";
		double points = 0;
		if (!json_is_object(item))
			return viva_fail(error, VIVA_EFIELD, "graded_answers", "a graded answer must be an object");
		code = viva_json_get_text(item, "answer", true, 0, SCORING_MAX_REFERENCE_BYTES, &text, error);
		if (code == 0)
			code = viva_json_get_double(item, "points", true, 0, 1, &points, error);
		if (code != 0)
			return code;
		scoring__graded_answer__init(&graded[i]);
		graded[i].answer = (char *)(uintptr_t)text;
		graded[i].points = (float)points;
		answer->graded_answers[answer->n_graded_answers++] = &graded[i];
	}
	return 0;
}

static int read_answer_request(const json_t *json, struct viva_arena *arena, Scoring__AnswerRequest *answer,
			       struct viva_error *error)
{
	const char *texts[] = {"", "", "", "", "", ""};
	static const char *const names[] = {"question",    "answer",   "category",
					    "question_id", "language", "reference_answer"};
	static const size_t limits[] = {SCORING_MAX_QUESTION_BYTES, SCORING_MAX_TRANSCRIPT_BYTES,
					SCORING_MAX_NAME_BYTES,     SCORING_MAX_NAME_BYTES,
					SCORING_MAX_NAME_BYTES,     SCORING_MAX_REFERENCE_BYTES};
	int code = 0;
	for (size_t i = 0; i < VIVA_COUNT(names) && code == 0; i++)
		code = viva_json_get_text(json, names[i], false, 0, limits[i], &texts[i], error);
	double duration = 0;
	double confidence = 0;
	if (code == 0)
		code = viva_json_get_double(json, "duration", false, 0, 24 * 3600, &duration, error);
	if (code == 0)
		code = viva_json_get_double(json, "confidence", false, 0, 1, &confidence, error);
	if (code != 0)
		return code;
	// The message only carries the texts to the check.
	scoring__answer_request__init(answer);
	answer->question = (char *)(uintptr_t)texts[0];
	answer->answer = (char *)(uintptr_t)texts[1];
	answer->category = (char *)(uintptr_t)texts[2];
	answer->question_id = (char *)(uintptr_t)texts[3];
	answer->language = (char *)(uintptr_t)texts[4];
	answer->reference_answer = (char *)(uintptr_t)texts[5];
	answer->duration = (float)duration;
	answer->confidence = (float)confidence;
	code = read_graded_answers(json, arena, answer, error);
	return code == 0 ? scoring_answer_request_check(answer, error) : code;
}

static int analyze(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	struct scoring_service *service = request->context;
	VIVA_AUTO_JSON json = NULL;
	Scoring__AnswerRequest message;
	int code = viva_auth_check_api_key(service->auth, credential(request), error);
	if (code == 0)
		code = viva_json_parse_object(viva_blob_bytes(request->body), MAX_ANSWER_BYTES, &json, error);
	if (code == 0)
		code = read_answer_request(json, request->arena, &message, error);
	if (code != 0)
		return code;
	const struct scoring_answer answer = scoring_answer_of(&message);
	struct scoring_judgement judgement;
	code = scoring_judge(service, &answer, request->arena, &judgement, error);
	return code == 0 ? respond(response, scoring_analysis_json(&judgement.analysis)) : code;
}

const struct viva_http_route scoring_routes[] = {
	{.method = "POST",
	 .pattern = "/api/v1/scores/calculate",
	 .handle = calculate,
	 .max_body_bytes = MAX_SCORE_BYTES,
	 .content_types = "application/json"},
	{.method = "POST",
	 .pattern = "/api/v1/scores/analyze",
	 .handle = analyze,
	 .max_body_bytes = MAX_ANSWER_BYTES,
	 .content_types = "application/json"},
	{.method = "POST",
	 .pattern = "/api/v1/scores/report",
	 .handle = make_report,
	 .max_body_bytes = MAX_REPORT_BYTES,
	 .content_types = "application/json"},
	{.method = "GET", .pattern = "/api/v1/scores/health", .handle = viva_service_handle_health},
	{.method = "GET", .pattern = "/api/v1/scores/report/:id", .handle = get_report},
	{.method = "GET", .pattern = "/api/v1/scores/session/:id", .handle = get_score},
	{.method = "DELETE", .pattern = "/api/v1/scores/session/:id", .handle = erase},
};
const size_t scoring_route_count = VIVA_COUNT(scoring_routes);
