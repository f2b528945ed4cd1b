// SPDX-License-Identifier: Apache-2.0
//
// A delivered message as a captured frame.
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_FRAME_EVENT_H
#define VIVA_WORKER_FRAME_EVENT_H

#include "bus/bus.h"
#include "worker/frame_rule.h"

// Fills what the message itself tells; its picture is looked at and not kept. The session's id is put into the arena;
// message_id is borrowed. A message that is no FrameCaptured, or whose picture is neither a JPEG nor a PNG, gives an
// invalid frame, and *reason says why. VIVA_ENOMEM.
VIVA_MUST_CHECK int worker_frame_read(const struct viva_bus_message *message, int64_t age_ms, struct viva_arena *arena,
				      struct worker_frame *ret_frame, struct viva_error *reason);

#endif
