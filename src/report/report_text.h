// SPDX-License-Identifier: Apache-2.0
//
// Texts of a report as they may be shown. Names, transcripts and questions come from outside: here they lose what could
// steer a reader's eye or a program.
//
// Threads: any; nothing blocks.
#ifndef VIVA_REPORT_TEXT_H
#define VIVA_REPORT_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"

// A copy of valid UTF-8 of at most `max_characters` code points, then "…": white space of any kind is one space,
// control characters, bidirectional controls and invisible format characters are gone (but U+200C and U+200D, which
// scripts need), what Unicode has not assigned or leaves to private use is U+FFFD, and no character carries more than
// six marks. "" when memory is short.
const char *viva_report_clean(struct viva_arena *arena, const char *text, size_t max_characters);

// Members of an object: "" and 0 where they are missing or of another type.
const char *viva_report_text(const json_t *object, const char *name);
double viva_report_number(const json_t *object, const char *name);

// As viva_arena_printf, "" when memory is short.
const char *viva_report_print(struct viva_arena *arena, const char *format, ...) VIVA_PRINTF(2, 3);
// "1:05" from seconds.
const char *viva_report_clock(struct viva_arena *arena, double seconds);
// "24 November 2026, 03:01 UTC" from RFC 3339 in UTC; "" from anything else.
const char *viva_report_moment(struct viva_arena *arena, const char *rfc3339);

// Who judged a question's answer, and why, where that was not the own analysis alone ("judge" of a report's question):
// a sentence, "" where there is nothing to tell.
const char *viva_report_judge(struct viva_arena *arena, const json_t *question);
// Who judged all of them ("judged_by" and "judge_model" of the scores): a sentence.
const char *viva_report_judges(struct viva_arena *arena, const json_t *scores);

// How right the answer is estimated to be, where there is an estimate, and how specific it is ("analysis" of a scored
// question): sentences, "" where there is nothing to tell.
const char *viva_report_correctness(struct viva_arena *arena, const json_t *analysis);
const char *viva_report_specificity(struct viva_arena *arena, const json_t *analysis);

// "3 pauses, the longest 2.4 s" of "pauses" of a question; "" where no times were given.
const char *viva_report_pauses(struct viva_arena *arena, const json_t *pauses);
// What stands beside the number of all pauses: "2 long, 12 % of time", "not measured".
const char *viva_report_pauses_share(struct viva_arena *arena, const json_t *pauses);

// The parts of a story in their order, as the members of an analysis' "story" and for a reader.
enum { VIVA_REPORT_STORY_PARTS = 4 };
struct viva_report_story_part {
	const char *member, *name;
};
#define VIVA_REPORT_STORY_NOTE "The parts of a story, as advice; they weigh nothing in the scores:"
extern const struct viva_report_story_part viva_report_story[VIVA_REPORT_STORY_PARTS];

// How a point's status is told to a reader, from the report's "covered", "partly" or "not_found".
const char *viva_report_status(const char *status);

#endif
