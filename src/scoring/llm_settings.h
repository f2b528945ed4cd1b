// SPDX-License-Identifier: Apache-2.0
//
// Where the language model is that judges answers, how it is spoken to, and how much may be asked of it.
//
// Threads: read and finish on the main one; in between it is read only.
#ifndef VIVA_SCORING_LLM_SETTINGS_H
#define VIVA_SCORING_LLM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "scoring/llm_budget.h"

enum { SCORING_LLM_MAX_LANES = 8 };

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

struct scoring_llm_settings {
	char *url;            // of /chat/completions
	char *model;          // 1–200 bytes
	char *authorization;  // the header with the key; NULL = none
	int64_t timeout_ms;   // of one call
	size_t lanes;         // calls at a time for one interview, 1 – SCORING_LLM_MAX_LANES
	double max_shift;     // points, 0–100
	struct scoring_llm_limits limits;
};

// Whether a model is configured at all.
bool scoring_llm_is_wanted(const struct viva_config *config);
// The settings of one that is, to be finished. VIVA_EUSAGE (names the setting), VIVA_EIO (the key's file), VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_llm_settings_read(const struct viva_config *config,
					      struct scoring_llm_settings *ret_settings, struct viva_error *error);
// Overwrites the key.
void scoring_llm_settings_finish(struct scoring_llm_settings *settings);

#endif
