// SPDX-License-Identifier: Apache-2.0
#include "scoring/session.h"

#include <string.h>

#include "report/report.h"
#include "report/report_json.h"
#include "scoring/calculate.h"
#include "scoring/key_frames.h"
#include "scoring/records.h"
#include "scoring/request.h"
#include "scoring/timeline.h"

// Whether emotions may be looked up for it at all: only where it is known that they may.
static bool allows_emotions(const Scoring__ScoreRequest *request)
{
	const Scoring__InterviewMetadata *metadata = request->metadata;
	return metadata && strcmp(metadata->mode, "practice") == 0 && !metadata->emotion_withheld;
}

// Puts the own timeline's emotions in place of the request's, unless it has fewer: never both, as they are the same
// frames.
static int use_own_timeline(struct scoring_service *service, Scoring__ScoreRequest *request, struct viva_arena *arena,
			    struct viva_error *error)
{
	Scoring__EmotionData **emotions = NULL;
	size_t count = 0, total = 0;
	int code = scoring_timeline_load(service->store, request->session_id, arena, &emotions, &count, &total, error);
	if (code == 0 && total > 0 && total >= request->n_emotions) {
		request->emotions = emotions;
		request->n_emotions = count;
	}
	return code;
}

static int calculate(struct scoring_service *service, const Scoring__ScoreRequest *request,
		     const struct scoring_caller *caller, struct viva_arena *arena,
		     Scoring__ScoreResponse **ret_response, struct viva_error *error)
{
	Scoring__ScoreResponse *response = NULL;
	VIVA_AUTO_JSON details = NULL;
	int code = scoring_calculate(service, request, caller->deadline_us, arena, &response, &details, error);
	const struct scoring_record record = {
		.request = request, .response = response, .details = details, .traceparent = caller->traceparent};
	if (code == 0)
		code = scoring_records_save(service, &record, arena, error);
	if (code == 0)
		*ret_response = response;
	return code;
}

int scoring_session_score(struct scoring_service *service, const Scoring__ScoreRequest *request,
			  const struct scoring_caller *caller, struct viva_arena *arena,
			  Scoring__ScoreResponse **ret_response, struct viva_error *error)
{
	Scoring__ScoreRequest whole = *request;
	// Before anything is looked up by what it says.
	int code = scoring_request_check(request, error);
	if (code == 0 && request->n_emotions == 0 && allows_emotions(request))
		code = use_own_timeline(service, &whole, arena, error);
	return code == 0 ? calculate(service, &whole, caller, arena, ret_response, error) : code;
}

int scoring_session_score_again(struct scoring_service *service, const char *session_id,
				const struct scoring_caller *caller, struct viva_arena *arena,
				Scoring__ScoreResponse **ret_response, struct viva_error *error)
{
	Scoring__ScoreRequest *stored = NULL;
	int code = scoring_records_load(service->store, session_id, arena, &stored, NULL, NULL, error);
	if (code != 0)
		return code;
	Scoring__ScoreRequest whole = *stored;
	if (allows_emotions(stored))
		code = use_own_timeline(service, &whole, arena, error);
	return code == 0 ? calculate(service, &whole, caller, arena, ret_response, error) : code;
}

static const char *report_url(const struct scoring_report_options *options, enum viva_report_format format,
			      struct viva_arena *arena)
{
	return viva_arena_printf(arena, "/api/v1/scores/report/%s?format=%s%s%s", options->session_id,
				 viva_report_format_name(format),
				 options->include_emotions ? "&include_emotions=true" : "",
				 options->include_video ? "&include_video=true" : "");
}

int scoring_session_report(struct scoring_service *service, const struct scoring_report_options *options,
			   struct viva_arena *arena, json_t **ret_report, const char **ret_url,
			   struct viva_error *error)
{
	enum viva_report_format format;
	int code = viva_report_format_parse(options->format, &format, error);
	if (code != 0)
		return code;
	if (!scoring_session_id_is_valid(options->session_id))
		return viva_fail(error, VIVA_EFIELD, "session_id", "session_id is missing or not valid");
	struct viva_report_source source = {.include_emotions = options->include_emotions,
					    .include_video = options->include_video};
	Scoring__ScoreRequest *request = NULL;
	Scoring__ScoreResponse *response = NULL;
	VIVA_AUTO_JSON details = NULL;
	code = scoring_records_load(service->store, options->session_id, arena, &request, &response, &details, error);
	if (code != 0)
		return code;
	Scoring__ScoreRequest whole = *request;
	if (options->include_emotions && allows_emotions(request))
		code = use_own_timeline(service, &whole, arena, error);
	if (code != 0)
		return code;
	VIVA_AUTO_JSON key_frames = NULL;
	if (options->include_video && allows_emotions(request) && request->metadata->recording)
		key_frames = scoring_key_frames_load(service, options->session_id, arena);
	source.key_frames = key_frames;
	source.request = &whole;
	source.response = response;
	source.details = details;
	const char *url = report_url(options, format, arena);
	VIVA_AUTO_JSON report = viva_report_json(&source);
	if (!url || !report)
		return VIVA_ENOMEM;
	*ret_url = url;
	*ret_report = viva_take(&report);
	return 0;
}
