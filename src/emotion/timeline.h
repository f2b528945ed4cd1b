// SPDX-License-Identifier: Apache-2.0
//
// What is kept of the sessions: a row for each frame, and the tracker's last state.
//
// Threads: any; calls block on the store.
#ifndef VIVA_EMOTION_TIMELINE_H
#define VIVA_EMOTION_TIMELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "store/store.h"
#include "vision/tracker.h"

enum { EMOTION_TIMELINE_MAX_ROWS = 1000 };  // of a page

VIVA_MUST_CHECK int emotion_timeline_open(const char *url, struct viva_store **ret_store, struct viva_error *error);

struct emotion_timeline_frame {
	int64_t frame_number;  // 0 = not numbered
	int64_t timestamp_ms;
	bool has_face;
	const char *emotion;  // "" without a face
	float confidence;
	int32_t blink_count;
};

// Keeps the frame (NULL = none), unless one with the same session, number and timestamp is there, and the state, unless
// a later one is; both or neither. They survive a crash of the process once this returned. `now_ms` is when, for the
// retention. Fails as the store.
VIVA_MUST_CHECK int emotion_timeline_add(struct viva_store *store, const char *session_id,
					 const struct emotion_timeline_frame *frame, const struct viva_tracker *state,
					 int64_t now_ms, struct viva_error *error);
// The state kept last, or an empty one.
VIVA_MUST_CHECK int emotion_timeline_load_state(struct viva_store *store, const char *session_id,
						struct viva_arena *arena, struct viva_tracker *ret_state,
						struct viva_error *error);

// A page of at most `limit` rows behind the place `after` (NULL = from the start), in order of time, and the summary of
// all: {"session_id","emotions":[…],"summary":{…},"next":null|"place"}. VIVA_EFIELD for a place that is none.
VIVA_MUST_CHECK int emotion_timeline_page(struct viva_store *store, const char *session_id, int64_t limit,
					  const char *after, struct viva_arena *arena, json_t **ret_page,
					  struct viva_error *error);

// Deletes all that is kept of the session.
VIVA_MUST_CHECK int emotion_timeline_erase(struct viva_store *store, const char *session_id, struct viva_error *error);
// Deletes what was kept before `before_ms`. *ret_deleted counts rows.
VIVA_MUST_CHECK int emotion_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t *ret_deleted,
					    struct viva_error *error);

#endif
