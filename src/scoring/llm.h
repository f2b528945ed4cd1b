// SPDX-License-Identifier: Apache-2.0
//
// An optional second judge of what answers say: a language model behind an OpenAI-compatible endpoint, off by default.
// It is asked while an interview is scored, behind a breaker, a budget and a deadline, and moves the content score of
// an answer by a limited number of points. Whatever goes wrong, the own score stands and says so. docs/llm-judge.md.
//
//   round_start ─▶ lanes ask, the answers at once ─▶ content(0), content(1), … ─▶ round_finish
//                  (while the own analysis runs)
//
// Threads: create and destroy from one, before and after all rounds; a round belongs to one thread. content() blocks
// until the model has answered or can't any more.
#ifndef VIVA_SCORING_LLM_H
#define VIVA_SCORING_LLM_H

#include "base/config.h"
#include "base/json.h"
#include "scoring.pb-c.h"
#include "scoring/insights.h"
#include "scoring/state.h"

struct scoring_llm;
struct scoring_llm_round;

// Reads the settings; *ret_llm = NULL where it is off. VIVA_EUSAGE (names the setting), VIVA_EIO (the key's file),
// VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_llm_create(const struct viva_config *config, const struct viva_clock *clock,
				       struct scoring_llm **ret_llm, struct viva_error *error);
struct scoring_llm *scoring_llm_destroy(struct scoring_llm *llm);

// Begins to ask about all answers of a request that are long enough. NULL = it is off, or there is no memory: then
// everything is judged locally. The request must live until the round is finished.
struct scoring_llm_round *scoring_llm_round_start(struct scoring_service *service, const Scoring__ScoreRequest *request,
						  int64_t deadline_us);
struct scoring_llm_round *scoring_llm_round_finish(struct scoring_llm_round *round);

// What the parts of an answer's content weigh.
struct scoring_content_weights {
	double depth, relevance, coverage;
};
// The content score (0–100) of an answer that the own analysis gave `local`. Writes into the answer's details who
// judged it, and why the model did not where it did not. `round` may be NULL.
double scoring_llm_content(struct scoring_llm_round *round, size_t index, const struct scoring_content_weights *weights,
			   json_t *details, double local);
// After all answers: who judged ("local", "llm", "mixed") and the model's name ("" = none), in the arena of the
// insights, to which a sentence about it is added where a model is configured.
void scoring_llm_sum_up(const struct scoring_llm_round *round, struct scoring_insights *insights,
			const char **ret_judged_by, const char **ret_model);

#endif
