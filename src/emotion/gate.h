// SPDX-License-Identifier: Apache-2.0
//
// Who may have a frame analysed now: live frames always, queued ones only with what live frames leave over, so that a
// full queue never makes a candidate wait. A queued frame that found no room for its patience goes all the same, so
// that the queue moves on under the heaviest load, too.
//
// Threads: any; enter_queued blocks.
#ifndef VIVA_EMOTION_GATE_H
#define VIVA_EMOTION_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct emotion_gate;

// For `room` frames at a time (> 0). VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_gate_create(size_t room, uint32_t patience_ms, struct emotion_gate **ret_gate);
// After the last frame left. NULL is fine. Always NULL.
struct emotion_gate *emotion_gate_destroy(struct emotion_gate *gate);

void emotion_gate_enter_live(struct emotion_gate *gate);
void emotion_gate_leave_live(struct emotion_gate *gate);
// Waits for room. False when the gate is closed: then the frame did not enter.
bool emotion_gate_enter_queued(struct emotion_gate *gate);
void emotion_gate_leave_queued(struct emotion_gate *gate);
// From now on no queued frame enters, and those that wait give up. Never blocks for long: also from the loop.
void emotion_gate_close(struct emotion_gate *gate);

#endif
