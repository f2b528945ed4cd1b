// SPDX-License-Identifier: Apache-2.0
//
// What the service does for a session, whichever way it is asked: score, score again, report.
//
// Threads: any but the event loop's; blocks on the store and the analysis.
#ifndef VIVA_SCORING_SESSION_H
#define VIVA_SCORING_SESSION_H

#include "base/json.h"
#include "scoring.pb-c.h"
#include "scoring/state.h"

// Who asks for a score.
struct scoring_caller {
	int64_t deadline_us;      // monotonic
	const char *traceparent;  // W3C trace context; NULL = none
};

// Calculates and keeps a score, and tells the others of it. A request of a practice interview with consent that brings
// no emotions is scored with those of scoring's own timeline. VIVA_ENOTFOUND (the session was erased), or errors of
// scoring_calculate and scoring_records_save.
VIVA_MUST_CHECK int scoring_session_score(struct scoring_service *service, const Scoring__ScoreRequest *request,
					  const struct scoring_caller *caller, struct viva_arena *arena,
					  Scoring__ScoreResponse **ret_response, struct viva_error *error);
// The same from what was kept, with the emotions of scoring's own timeline if it has no fewer than the request had:
// those that came later through the queue count then. VIVA_ENOTFOUND.
VIVA_MUST_CHECK int scoring_session_score_again(struct scoring_service *service, const char *session_id,
						const struct scoring_caller *caller, struct viva_arena *arena,
						Scoring__ScoreResponse **ret_response, struct viva_error *error);

struct scoring_report_options {
	const char *session_id;
	const char *format;  // "json", "html", "pdf" or "" = pdf
	bool include_emotions, include_video;
};

// With include_video and the candidate's consent the emotion service is asked for key frames.
// What the report says, as JSON (the caller's; viva_report_render makes the format of it), and the path it can be
// fetched from in this format, in the arena. VIVA_EFIELD (format, session_id), VIVA_ENOTFOUND.
VIVA_MUST_CHECK int scoring_session_report(struct scoring_service *service,
					   const struct scoring_report_options *options, struct viva_arena *arena,
					   json_t **ret_report, const char **ret_url, struct viva_error *error);

#endif
