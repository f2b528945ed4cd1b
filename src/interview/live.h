// SPDX-License-Identifier: Apache-2.0
//
// The WebSocket /ws/interviews/:id.
//
//   a frame ─▶ waiting_frame (the newest wins) ─▶ strand `frames` ─▶ emotion ─▶ emotion_update to all sockets
//                                                              └─ queue, when it can't be reached: the update follows
//   others  ─▶ strand `control` (bounded)      ─▶ answers, errors
//   ping    ─▶ pong, on the loop
//
// Threads: the server calls as net/websocket.h says.
#ifndef VIVA_INTERVIEW_LIVE_H
#define VIVA_INTERVIEW_LIVE_H

#include "net/websocket.h"

extern const struct viva_websocket_route interview_live_route;

// Frees a frame that waits, for the sessions' mailboxes.
void interview_live_drop_frame(void *item);

#endif
