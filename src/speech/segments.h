// SPDX-License-Identifier: Apache-2.0
//
// A spoken answer with its times: segments, which are words or longer runs of them as a speech recogniser tells them.
//
// Threads: any; nothing blocks.
#ifndef VIVA_SPEECH_SEGMENTS_H
#define VIVA_SPEECH_SEGMENTS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"

enum {
	VIVA_SPEECH_MAX_SEGMENTS = 5000,
	VIVA_SPEECH_MAX_SEGMENT_BYTES = 2000,
	VIVA_SPEECH_MAX_SECONDS = 7200,
};

struct viva_speech_segment {
	double start, end;  // seconds from the answer's beginning
	const char *text;   // "" = not told
};

// Reads the member "segments" of an object, [{"start","end","text"}]; a missing or null one has none. Texts are
// borrowed from the JSON. VIVA_EFIELD names "segments", VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_speech_segments_read(const json_t *object, struct viva_arena *arena,
					      struct viva_speech_segment **ret_segments, size_t *ret_count,
					      struct viva_error *error);
// Whether they are at most VIVA_SPEECH_MAX_SEGMENTS, within VIVA_SPEECH_MAX_SECONDS, none ends before it starts or
// starts before the one before it, and their texts, where any is told, are together the transcript: the same letters
// and digits in the same order; case, spaces and ASCII punctuation may differ. VIVA_EFIELD names "segments".
VIVA_MUST_CHECK int viva_speech_segments_check(const struct viva_speech_segment *segments, size_t count,
					       const char *transcript, struct viva_error *error);
// As viva_speech_segments_read takes them, to the millisecond. NULL when memory is short.
json_t *viva_speech_segments_json(const struct viva_speech_segment *segments, size_t count);

#endif
