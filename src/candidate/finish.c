// SPDX-License-Identifier: Apache-2.0
#include "candidate/finish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { MAX_PATH = 512 };

static int call_interview(struct candidate_client *client, const char *id, const char *method, const char *rest,
			  json_t **ret_answer, struct viva_error *error)
{
	char path[MAX_PATH];
	snprintf(path, sizeof path, "/api/v1/interviews/%s%s", id, rest);
	struct candidate_request request = {.method = method, .path = path};
	return candidate_call_json(client, &request, ret_answer, error);
}

static bool is_analysed(const json_t *answers)
{
	for (size_t i = 0; i < json_array_size(answers); i++)
		if (!json_is_object(json_object_get(json_array_get(answers, i), "analysis")))
			return false;
	return true;
}

// The interview with its score. While scoring is away the platform keeps everything and scores later.
static int wait_for_score(struct candidate_client *client, const char *id, json_t **ret_interview,
			  struct viva_error *error)
{
	int64_t began_ms = candidate_now_ms();
	for (unsigned attempt = 0;; attempt++) {
		VIVA_AUTO_JSON completed = NULL;
		VIVA_AUTO_JSON interview = NULL;
		int result = call_interview(client, id, "POST", "/complete", &completed, error);
		if (result == 0)
			result = call_interview(client, id, "GET", "", &interview, error);
		if (result < 0)
			return result;
		bool has_score = json_is_object(json_object_get(interview, "score"));
		bool is_late = candidate_now_ms() - began_ms > CANDIDATE_PATIENCE_MS;
		if (has_score && (is_late || is_analysed(json_object_get(interview, "answers")))) {
			*ret_interview = viva_take(&interview);
			return 0;
		}
		if (is_late)
			return viva_fail(error, VIVA_EUNAVAILABLE, NULL,
					 "the interview %s is complete, but its score has not come yet", id);
		candidate_back_off(attempt);
	}
}

static int write_report(const char *path, struct viva_bytes report, struct viva_error *error)
{
	int result = viva_file_replace(path, report);
	if (result < 0)
		return viva_fail(error, result, "report", "the report can't be written to %.160s: %s", path,
				 result == VIVA_EIO ? strerror(errno) : viva_error_text(result));
	return 0;
}

// By the ending of the file's name; what has none of ours is JSON.
static const char *format_of(const char *path)
{
	const char *ending = strrchr(path, '.');
	if (ending && (strcmp(ending, ".pdf") == 0 || strcmp(ending, ".html") == 0))
		return ending + 1;
	return "json";
}

static int order_report(struct candidate_client *client, const struct candidate_plan *plan, const char *id,
			json_t **ret_answer, struct viva_error *error)
{
	VIVA_AUTO_JSON order =
		json_pack("{s:s, s:b, s:b, s:s}", "session_id", id, "include_emotions", plan->consents_to_emotion,
			  "include_video", plan->consents_to_recording, "format", format_of(plan->report_path));
	if (!order)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	struct candidate_request request = {.method = "POST", .path = "/api/v1/scores/report", .body = order};
	return candidate_call_json(client, &request, ret_answer, error);
}

static int fetch_report(struct candidate_client *client, const struct candidate_plan *plan, const char *id,
			struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO_JSON answer = NULL;
	const char *path = NULL;
	struct viva_bytes report;
	if (viva_arena_create(0, &arena) < 0)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	int result = order_report(client, plan, id, &answer, error);
	if (result < 0)
		return result;
	result = viva_json_get_text(answer, "report_url", true, 1, MAX_PATH, &path, error);
	if (result < 0 || path[0] != '/')
		return viva_fail(error, VIVA_EBADGATEWAY, NULL, "the platform gave no path of the report");
	struct candidate_request request = {.method = "GET", .path = path};
	result = candidate_call(client, &request, arena, &report, error);
	return result < 0 ? result : write_report(plan->report_path, report, error);
}

int candidate_finish(struct candidate_client *client, const struct candidate_plan *plan, struct candidate_view *view,
		     struct candidate_outcome *outcome, struct viva_error *error)
{
	VIVA_AUTO_JSON interview = NULL;
	int result = wait_for_score(client, outcome->interview_id, &interview, error);
	if (result == 0 && plan->report_path)
		result = fetch_report(client, plan, outcome->interview_id, error);
	if (result < 0)
		return result;
	candidate_view_score(view, json_object_get(interview, "score"));
	outcome->answers = json_incref(json_object_get(interview, "answers"));
	outcome->score = json_incref(json_object_get(interview, "score"));
	return 0;
}
