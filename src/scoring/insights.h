// SPDX-License-Identifier: Apache-2.0
//
// The sentences that explain a score, collected in order and bounded in number.
//
// Threads: any; nothing blocks.
#ifndef VIVA_SCORING_INSIGHTS_H
#define VIVA_SCORING_INSIGHTS_H

#include "base/arena.h"
#include "base/macros.h"
#include "scoring.pb-c.h"

enum { SCORING_MAX_INSIGHTS = 40, SCORING_MAX_EVIDENCE_BYTES = 400 };

struct scoring_insights {
	struct viva_arena *arena;
	Scoring__Insight *items[SCORING_MAX_INSIGHTS];
	size_t count;
	bool is_short_of_memory;
};

// Adds one. `category` is borrowed for ever; `impact` in [-1, 1] is what it does to the scores. Past the limit, and
// when memory is short, nothing is added.
void scoring_insight_add(struct scoring_insights *insights, const char *category, double impact, const char *format,
			 ...) VIVA_PRINTF(4, 5);
// Puts the candidate's own words under the last one; a copy, cut at a character's boundary where it is long. Nothing
// happens without one.
void scoring_insight_quote(struct scoring_insights *insights, const char *evidence);

#endif
