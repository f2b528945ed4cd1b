// SPDX-License-Identifier: Apache-2.0
//
// The score that the scoring service has stored of an interview, read over REST.
//
// Threads: any but the loop's: blocks on the scoring service.
#ifndef VIVA_INTERVIEW_STORED_SCORE_H
#define VIVA_INTERVIEW_STORED_SCORE_H

#include "interview/context.h"
#include "interview/records.h"
#include "scoring.pb-c.h"

// Reads what GET /api/v1/scores/session/:id answers, into the arena. VIVA_EFIELD names the member, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_score_parse(const json_t *json, struct viva_arena *arena,
					  Scoring__ScoreResponse **ret_score, struct viva_error *error);

// The score as interview_score_json has it, the caller's; NULL when there is none that was calculated since the
// interview was completed. VIVA_ESCORINGDOWN, VIVA_EBADGATEWAY, VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_stored_score(struct interview_service *service, const struct interview_record *record,
					   struct viva_arena *arena, json_t **ret_score, struct viva_error *error);

#endif
