// SPDX-License-Identifier: Apache-2.0
#include "scoring/methods.h"

#include <string.h>

#include "base/log.h"
#include "report/report.h"
#include "scoring/judge.h"
#include "scoring/request.h"
#include "scoring/session.h"

static int calculate_score(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	ProtobufCMessage *message = NULL;
	int code = viva_rpc_unpack(call, &scoring__score_request__descriptor, &message, error);
	if (code != 0)
		return code;
	const Scoring__ScoreRequest *request = (const Scoring__ScoreRequest *)message;
	Scoring__ScoreResponse *response = NULL;
	const struct scoring_caller caller = {.deadline_us = viva_rpc_deadline_us(call),
					      .traceparent = viva_rpc_metadata(call, "traceparent")};
	viva_log_set_session(request->session_id);
	code = scoring_session_score(context, request, &caller, viva_rpc_arena(call), &response, error);
	if (code == 0)
		code = viva_rpc_reply(call, &response->base);
	return code;
}

static int analyze_answer(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	ProtobufCMessage *message = NULL;
	int code = viva_rpc_unpack(call, &scoring__answer_request__descriptor, &message, error);
	if (code != 0)
		return code;
	const Scoring__AnswerRequest *request = (const Scoring__AnswerRequest *)message;
	code = scoring_answer_request_check(request, error);
	if (code != 0)
		return code;
	const struct scoring_answer answer = scoring_answer_of(request);
	struct scoring_judgement judgement;
	Scoring__AnswerAnalysis reply;
	code = scoring_judge(context, &answer, viva_rpc_arena(call), &judgement, error);
	if (code == 0)
		code = scoring_analysis_message(&judgement.analysis, viva_rpc_arena(call), &reply);
	return code == 0 ? viva_rpc_reply(call, &reply.base) : code;
}

static int generate_report(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	ProtobufCMessage *message = NULL;
	int code = viva_rpc_unpack(call, &scoring__report_request__descriptor, &message, error);
	if (code != 0)
		return code;
	const Scoring__ReportRequest *request = (const Scoring__ReportRequest *)message;
	const struct scoring_report_options options = {.session_id = request->session_id,
						       .format = request->format,
						       .include_emotions = request->include_emotions,
						       .include_video = request->include_video};
	VIVA_AUTO_JSON report = NULL;
	VIVA_AUTO(viva_blob) blob = NULL;
	const char *url = NULL;
	enum viva_report_format format = VIVA_REPORT_PDF;
	code = scoring_session_report(context, &options, viva_rpc_arena(call), &report, &url, error);
	if (code == 0)
		code = viva_report_format_parse(options.format, &format, error);
	if (code == 0)
		code = viva_report_render(report, format, &blob);
	if (code != 0)
		return code;
	struct viva_bytes bytes = viva_blob_bytes(blob);
	Scoring__ReportResponse reply = SCORING__REPORT_RESPONSE__INIT;
	// Packing only reads what protobuf-c's members, which are not const, point to.
	reply.report_url = (char *)(uintptr_t)url;
	reply.report_data = (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
	reply.format = (char *)(uintptr_t)viva_report_format_name(format);
	return viva_rpc_reply(call, &reply.base);
}

const struct viva_rpc_method scoring_methods[] = {
	{"/scoring.ScoringService/CalculateScore", calculate_score, false},
	{"/scoring.ScoringService/AnalyzeAnswer", analyze_answer, false},
	{"/scoring.ScoringService/GenerateReport", generate_report, false},
};
const size_t scoring_method_count = VIVA_COUNT(scoring_methods);
const char *const scoring_rpc_services[] = {"scoring.ScoringService", NULL};
