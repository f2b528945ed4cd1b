// SPDX-License-Identifier: Apache-2.0
#include "speech/pauses.h"

#include <ctype.h>
#include <math.h>

// Of the words, so many segments: some recognisers tell "New York" as one.
static const double BY_WORD = .8;
// Times are told in milliseconds at best.
static const double HALF_A_MILLISECOND = .0005;

static size_t count_words(const char *text)
{
	size_t count = 0;
	bool is_inside = false;
	for (; *text; text++) {
		bool is_space = isspace((unsigned char)*text) != 0;
		count += !is_space && !is_inside;
		is_inside = !is_space;
	}
	return count;
}

void viva_pauses_measure(const struct viva_speech_segment *segments, size_t count, const char *transcript,
			 struct viva_pauses *ret_pauses)
{
	struct viva_pauses pauses = {0};
	double reached = segments[0].end;
	for (size_t i = 1; i < count; i++) {
		double silence = segments[i].start - reached + HALF_A_MILLISECOND;
		if (silence >= VIVA_PAUSE_SECONDS) {
			pauses.count++;
			pauses.long_count += silence >= VIVA_LONG_PAUSE_SECONDS;
			pauses.total += segments[i].start - reached;
			pauses.longest = fmax(pauses.longest, segments[i].start - reached);
		}
		// Segments may overlap.
		reached = fmax(reached, segments[i].end);
	}
	pauses.span = reached - segments[0].start;
	pauses.is_by_word = (double)count >= BY_WORD * (double)count_words(transcript);
	*ret_pauses = pauses;
}
