// SPDX-License-Identifier: Apache-2.0
//
// Silences between what was said.
//
// Threads: any; pure.
#ifndef VIVA_SPEECH_PAUSES_H
#define VIVA_SPEECH_PAUSES_H

#include <stdbool.h>

#include "speech/segments.h"

// From here on a silence between two segments is a pause: shorter ones belong to articulation and to how exactly
// recognisers tell times. And from here on it is a long one.
#define VIVA_PAUSE_SECONDS .5
#define VIVA_LONG_PAUSE_SECONDS 2.

struct viva_pauses {
	size_t count, long_count;
	double total, longest;  // seconds
	double span;            // seconds from the first segment's start to the last end: what pauses are a share of
	bool is_by_word;        // nearly each word has times of its own; else pauses inside segments are not seen
};

// Of segments that were checked, at least one. What is before the first and after the last is no pause.
void viva_pauses_measure(const struct viva_speech_segment *segments, size_t count, const char *transcript,
			 struct viva_pauses *ret_pauses);

#endif
