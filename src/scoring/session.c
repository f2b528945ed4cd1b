// SPDX-License-Identifier: Apache-2.0
#include "scoring/session.h"

#include <string.h>

#include "report/report_json.h"
#include "scoring/calculate.h"
#include "scoring/records.h"
#include "scoring/request.h"

int scoring_session_score(struct scoring_service *service, const Scoring__ScoreRequest *request, int64_t deadline_us,
			  struct viva_arena *arena, Scoring__ScoreResponse **ret_response, struct viva_error *error)
{
	Scoring__ScoreResponse *response = NULL;
	VIVA_AUTO_JSON details = NULL;
	int code = scoring_calculate(service, request, deadline_us, arena, &response, &details, error);
	if (code == 0)
		code = scoring_records_save(service->store, request, response, details, arena, error);
	if (code == 0)
		*ret_response = response;
	return code;
}

int scoring_session_score_again(struct scoring_service *service, const char *session_id, int64_t deadline_us,
				struct viva_arena *arena, Scoring__ScoreResponse **ret_response,
				struct viva_error *error)
{
	Scoring__ScoreRequest *request = NULL;
	int code = scoring_records_load(service->store, session_id, arena, &request, NULL, NULL, error);
	return code == 0 ? scoring_session_score(service, request, deadline_us, arena, ret_response, error) : code;
}

static const char *report_url(const struct scoring_report_options *options, struct viva_arena *arena)
{
	return viva_arena_printf(arena, "/api/v1/scores/report/%s%s%s%s", options->session_id,
				 options->include_emotions || options->include_video ? "?" : "",
				 options->include_emotions ? "include_emotions=true" : "",
				 !options->include_video     ? ""
				 : options->include_emotions ? "&include_video=true"
							     : "include_video=true");
}

int scoring_session_report(struct scoring_service *service, const struct scoring_report_options *options,
			   struct viva_arena *arena, json_t **ret_report, const char **ret_url,
			   struct viva_error *error)
{
	bool is_pdf = options->format[0] == '\0' || strcmp(options->format, "pdf") == 0;
	if (!is_pdf && strcmp(options->format, "json") != 0)
		return viva_fail(error, VIVA_EFIELD, "format", "format must be json or pdf");
	if (!scoring_session_id_is_valid(options->session_id))
		return viva_fail(error, VIVA_EFIELD, "session_id", "session_id is missing or not valid");
	struct viva_report_source source = {.include_emotions = options->include_emotions,
					    .include_video = options->include_video};
	Scoring__ScoreRequest *request = NULL;
	Scoring__ScoreResponse *response = NULL;
	VIVA_AUTO_JSON details = NULL;
	int code =
		scoring_records_load(service->store, options->session_id, arena, &request, &response, &details, error);
	if (code != 0)
		return code;
	if (is_pdf)
		return viva_fail(error, VIVA_EUNIMPLEMENTED, "format", "reports are made as json in this version");
	source.request = request;
	source.response = response;
	source.details = details;
	const char *url = report_url(options, arena);
	VIVA_AUTO_JSON report = viva_report_json(&source);
	if (!url || !report)
		return VIVA_ENOMEM;
	*ret_url = url;
	*ret_report = viva_take(&report);
	return 0;
}
