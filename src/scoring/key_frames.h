// SPDX-License-Identifier: Apache-2.0
//
// An interview's key frames, as the emotion service keeps them.
//
// Threads: any but the loop's: the call blocks on the emotion service.
#ifndef VIVA_SCORING_KEY_FRAMES_H
#define VIVA_SCORING_KEY_FRAMES_H

#include "base/json.h"
#include "scoring/state.h"

// The emotion service's list (its form is the report's to check); NULL where it can't be had now: a report without
// pictures is better than none. The caller's.
json_t *scoring_key_frames_load(struct scoring_service *service, const char *session_id, struct viva_arena *arena);

#endif
