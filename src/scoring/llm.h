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

// The service's options about it, as rows of its table.
// clang-format off
#define SCORING_LLM_OPTIONS                                                                                            \
	{"llm-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL",                                                               \
	 "An OpenAI-compatible API (such as https://host/v1) whose language model judges answers, too: what candidates " \
	 "say is sent there. Default off", false},                                                                     \
	{"llm-model", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "Name of the model at --llm-url", false},                    \
	{"llm-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "Key of that API; better given by variable or file", true},    \
	{"llm-key-file", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "File that holds the key", false},                      \
	{"llm-timeout-ms", VIVA_OPTION_INT, "8000", 300, 120000, "ms",                                                 \
	 "Longest wait for the model about one answer", false},                                                        \
	{"llm-concurrency", VIVA_OPTION_INT, "4", 1, 8, NULL, "Answers of an interview asked about at a time", false}, \
	{"llm-calls-per-interview", VIVA_OPTION_INT, "20", 1, 10000, NULL, "Calls of the model for one interview",     \
	 false},                                                                                                       \
	{"llm-calls-per-day", VIVA_OPTION_INT, "1000", 1, 100000000, NULL, "Calls of the model in a day (UTC)", false}, \
	{"llm-tokens-per-day", VIVA_OPTION_INT, "2000000", 1, 1000000000000, NULL,                                     \
	 "Tokens of prompts and replies in a day (UTC)", false},                                                       \
	{"llm-max-shift", VIVA_OPTION_REAL, "25", 0, 100, "points",                                                    \
	 "How far the model may move the content score of an answer from that of the own analysis", false}
// clang-format on

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
