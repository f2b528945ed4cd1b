// SPDX-License-Identifier: Apache-2.0
//
// The trackers of the sessions seen lately: bounded, expiring, one frame of a session at a time, in order of arrival.
//
// Threads: any. checkout blocks while another frame of the same session is in work.
#ifndef VIVA_EMOTION_SESSIONS_H
#define VIVA_EMOTION_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"
#include "vision/tracker.h"

struct emotion_sessions;

// A session while it is checked out.
struct emotion_session {
	struct viva_tracker
		tracker;  // to be changed freely by whoever has checked it out; the store may know a newer one
};

struct emotion_sessions_options {
	size_t max_sessions;  // > 0; beyond, the one used longest ago is forgotten. Default 10,000 (12 MB).
	int64_t max_idle_ms;  // > 0; so long after its last frame a session is forgotten. Default 600,000.
	size_t max_waiting;   // > 0; frames of one session that wait; one more is refused. Default 16.
	const struct viva_clock *clock;
	struct viva_random *random;  // makes the hash unpredictable
};

struct emotion_sessions_options emotion_sessions_defaults(void);
// VIVA_EINVAL (a limit is 0), VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_sessions_create(const struct emotion_sessions_options *options,
					    struct emotion_sessions **ret_sessions);
// After the last check-in. NULL is fine. Always NULL.
struct emotion_sessions *emotion_sessions_destroy(struct emotion_sessions *sessions);

// The session of that id, known or new, for the caller alone until check-in. VIVA_EOVERLOAD (too many frames of it are
// waiting, or all max_sessions are in work), VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_sessions_checkout(struct emotion_sessions *sessions, const char *session_id,
					      struct emotion_session **ret_session, struct viva_error *error);
void emotion_sessions_checkin(struct emotion_sessions *sessions, struct emotion_session *session);

size_t emotion_sessions_count(struct emotion_sessions *sessions);

#endif
