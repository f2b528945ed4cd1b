// SPDX-License-Identifier: Apache-2.0
//
// Results of the analysis as protocol messages, and those as JSON.
//
// Threads: any; nothing blocks.
#ifndef VIVA_EMOTION_RESPONSE_H
#define VIVA_EMOTION_RESPONSE_H

#include <jansson.h>

#include "base/arena.h"
#include "emotion.pb-c.h"
#include "vision/vision.h"

// Messages in the arena, with texts that are static or in the arena; NULL when memory is exhausted.
Emotion__EmotionResponse *emotion_response_make(const struct viva_vision_result *result,
						const struct viva_blink_summary *blinks, struct viva_arena *arena);
Emotion__FaceResponse *emotion_face_response_make(const struct viva_vision_result *result, struct viva_arena *arena);
Emotion__BlinkResponse *emotion_blink_response_make(const struct viva_tracker *tracker, struct viva_arena *arena);
// The answer for a frame of a batch that was not analysed.
Emotion__EmotionResponse *emotion_error_response_make(const char *reason, struct viva_arena *arena);

// With the proto's field names; NULL when memory is exhausted.
json_t *emotion_response_json(const Emotion__EmotionResponse *response, struct viva_arena *arena);

#endif
