// SPDX-License-Identifier: Apache-2.0
//
// The tracker's state as a caller carries it from instance to instance: sealed, and bound to its session.
//
// Threads: any; nothing blocks.
#ifndef VIVA_EMOTION_CONTINUATION_H
#define VIVA_EMOTION_CONTINUATION_H

#include "auth/auth.h"
#include "vision/tracker.h"

// VIVA_EFIELD ("continuation": not ours, or of another session), VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_continuation_open(const struct viva_auth *auth, const char *session_id,
					      struct viva_bytes sealed, struct viva_arena *arena,
					      struct viva_tracker *ret_tracker, struct viva_error *error);
// The sealed bytes are in the arena. VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_continuation_make(const struct viva_auth *auth, const char *session_id,
					      const struct viva_tracker *tracker, struct viva_arena *arena,
					      struct viva_bytes *ret_sealed);

#endif
