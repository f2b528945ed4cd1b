// SPDX-License-Identifier: Apache-2.0
//
// What the candidate sees: a live view that is redrawn in place on a terminal, plain lines elsewhere.
//
// Threads: one owner at a time.
#ifndef VIVA_CANDIDATE_VIEW_H
#define VIVA_CANDIDATE_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/macros.h"

// The interview as it stands. Texts are the platform's: the view takes control characters out.
struct candidate_status {
	char question[512];
	char category[64];
	int current_question, total_questions;
	int progress;  // percent
	char emotion[32];
	double confidence;  // 0–1
	double attention;   // 0–1
	int64_t blinks;
	int64_t frames;   // sent
	int64_t updates;  // received
	bool sends_frames;
	bool is_face_missing;
	char hint[160];  // what would help to see better; "" = nothing
	bool is_connected;
};

struct candidate_view {
	FILE *out;
	bool is_live;
	int drawn_lines;  // of the live block, to be drawn over
	int64_t drawn_ms;
	char last_emotion[32];
};

// Live where `out` is a terminal that knows more than plain text.
void candidate_view_init(struct candidate_view *view, FILE *out);
// A line that stays.
void candidate_view_say(struct candidate_view *view, const char *format, ...) VIVA_PRINTF(2, 3);
// Shows the status: on a terminal at once (at most 20 times a second), elsewhere as a line when the emotion changed or
// five seconds went by. `now_ms` is monotonic.
void candidate_view_update(struct candidate_view *view, const struct candidate_status *status, int64_t now_ms);
void candidate_view_question(struct candidate_view *view, const struct candidate_status *status);
void candidate_view_analysis(struct candidate_view *view, const json_t *analysis);
void candidate_view_score(struct candidate_view *view, const json_t *score);

// Copies text without control characters (C0, DEL, C1), which could steer a terminal.
void candidate_clean(const char *text, char *ret_text, size_t size);

#endif
