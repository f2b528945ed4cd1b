// SPDX-License-Identifier: Apache-2.0
//
// EmotionAnalyzed: what the others are told of a frame that was analysed.
//
// Threads: any; nothing blocks.
#ifndef VIVA_EMOTION_ANNOUNCE_H
#define VIVA_EMOTION_ANNOUNCE_H

#include "bus/bus.h"
#include "emotion/analysis.h"

struct emotion_sighting {
	const struct emotion_frame *frame;
	const struct viva_vision_result *result;
	int32_t blink_count;  // of the session so far
	int64_t latency_us;   // from the frame's arrival at the service to its analysis
};

// The message, in the arena. An event's session and time have narrower rules than a frame's: a session with an id that
// no interview has is not told of (*ret_message is NULL), and a time that no calendar has becomes `now_ms`.
// VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_announcement_make(const struct emotion_sighting *sighting, int64_t now_ms,
					      struct viva_arena *arena, const struct viva_bus_message **ret_message);

#endif
