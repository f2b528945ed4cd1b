// SPDX-License-Identifier: Apache-2.0
//
// The report of an interview as JSON: what was asked and answered, how each answer was judged and why, how the scores
// follow from that (so that they can be computed by hand), and what the method can't do.
//
// Threads: any; nothing blocks.
#ifndef VIVA_REPORT_JSON_H
#define VIVA_REPORT_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/macros.h"
#include "scoring.pb-c.h"

// How sure the band around the overall score is meant to be (src/scoring/band.h).
#define VIVA_REPORT_BAND_CONFIDENCE .9

// What a report is made from; all borrowed.
struct viva_report_source {
	const Scoring__ScoreRequest *request;
	const Scoring__ScoreResponse *response;
	// {"answers": [{"question", "category", "analysis", "scored", "technical", "content_score",
	// "communication_score", "content_sum", "communication_sum", "pauses"}], "weights", "content_weights",
	// "technical_fallback", "standard_errors"}: as many answers as the request.
	const json_t *details;
	bool include_emotions;
	bool include_video;
	// Of the emotion service (its key_frames); NULL = they could not be fetched. Looked at with consent only.
	const json_t *key_frames;
};

// A new object, or NULL when memory is short. All that the PDF and the web page show is in it. In recruitment nothing
// in it is about emotions but the insight that says that they are never analysed, and an emotion_score of null.
json_t *viva_report_json(const struct viva_report_source *source);

// The scores of a response as JSON with proto field names; emotion_score is null where there is no measurement.
json_t *viva_score_json(const Scoring__ScoreResponse *response);

#endif
