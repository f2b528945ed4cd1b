// SPDX-License-Identifier: Apache-2.0
//
// What was seen of expressions and blinks during an interview, summed up for its report.
//
// Threads: any; nothing blocks.
#ifndef VIVA_REPORT_EMOTIONS_H
#define VIVA_REPORT_EMOTIONS_H

#include <jansson.h>

#include "scoring.pb-c.h"

enum { VIVA_REPORT_MAX_STRETCHES = 120 };

// A new object: {"analysed": false, "note"} where emotions were withheld; else "frames", "faces", "dominant",
// "distribution", "blinks", "blinks_per_minute", "frames_per_second", "from", "until", "blink_note", and "timeline": at
// most VIVA_REPORT_MAX_STRETCHES stretches of equal length, of "stretch_seconds" each, as {"seconds" (from the start),
// "frames", "faces", "emotion" (the strongest, null without a face), "confidence", "blinks"}; those without frames are
// left out. NULL when memory is short.
json_t *viva_report_emotions(const Scoring__ScoreRequest *request);

#endif
