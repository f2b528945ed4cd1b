// SPDX-License-Identifier: Apache-2.0
//
// The scores of an interview: every answer judged, then the means that docs/scoring.md documents. The same request
// gives the same scores.
//
// Threads: any; blocks while the answers are judged.
#ifndef VIVA_SCORING_CALCULATE_H
#define VIVA_SCORING_CALCULATE_H

#include "base/json.h"
#include "scoring.pb-c.h"
#include "scoring/judge.h"
#include "scoring/state.h"

// Of the formulas; with the language library's version and the weights it is ScoreResponse.version.
#define SCORING_VERSION "scoring-3"

// Checks and scores a request. *ret_response lives in the arena; *ret_details is the caller's: what the report needs to
// let the scores be computed by hand. VIVA_EFIELD, VIVA_EDEADLINE (deadline_us has passed, monotonic), VIVA_EMODEL,
// VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_calculate(struct scoring_service *service, const Scoring__ScoreRequest *request,
				      int64_t deadline_us, struct viva_arena *arena,
				      Scoring__ScoreResponse **ret_response, json_t **ret_details,
				      struct viva_error *error);

#endif
