// SPDX-License-Identifier: Apache-2.0
//
// What is kept of the sessions: a row for each frame that was analysed, another for each that was dropped, the
// tracker's last state, and the pictures of key_frames.h. A frame's row and the event that tells of it are one
// transaction.
//
// A frame is named by its session and its number, or, where it has none (0), by its session and its time.
//
// Threads: any but the loop's; calls block on the store.
#ifndef VIVA_EMOTION_TIMELINE_H
#define VIVA_EMOTION_TIMELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "bus/outbox.h"
#include "store/store.h"
#include "vision/tracker.h"

enum {
	EMOTION_TIMELINE_MAX_ROWS = 1000,  // of a page
	EMOTION_MAX_SESSION_ID = 128,      // bytes
};

// Opens the store, with so many connections of each kind (viva_store_options), and brings its schema up to date. Errors
// of viva_store_open.
VIVA_MUST_CHECK int emotion_timeline_open(const char *url, size_t connections, struct viva_store **ret_store,
					  struct viva_error *error);

// Inside a transaction that adds to a session or erases it: lets no other one of the session in until it ends. The
// store's errors.
VIVA_MUST_CHECK int emotion_timeline_lock(struct viva_store_transaction *transaction, const char *session_id,
					  struct viva_error *error);

struct emotion_timeline_frame {
	int64_t frame_number;  // 0 = not numbered
	int64_t timestamp_ms;
	bool has_face;
	const char *emotion;  // "" without a face
	float confidence;
	int32_t blink_count;
};

struct emotion_key_frame;

struct emotion_timeline_addition {
	const char *session_id;
	const struct emotion_timeline_frame *frame;  // NULL = none
	const struct viva_tracker *state;            // NULL = the state stays as it is
	const struct emotion_key_frame *key_frame;   // kept only if the frame is new; NULL = none
	const struct viva_bus_message *event;        // told only if the frame is new; NULL = nobody is told
	struct viva_outbox *outbox;                  // of the event; NULL without one
	int64_t now_ms;                              // Unix time, for the retention
};

struct emotion_timeline_outcome {
	bool is_new;        // the frame was not there before
	bool is_key_frame;  // its picture is kept
};

// Keeps the frame, unless it is there already, with its event and its picture, and the state, unless a later one is
// there: all or nothing. They survive a crash of the process once this returned. VIVA_ENOTFOUND (the session was
// erased: nothing is kept of it), or as the store.
VIVA_MUST_CHECK int emotion_timeline_add(struct viva_store *store, const struct emotion_timeline_addition *addition,
					 struct viva_arena *arena, struct emotion_timeline_outcome *ret_outcome,
					 struct viva_error *error);

// Notes that a frame was not analysed by the rule of that name, unless that is noted already. Errors as above.
VIVA_MUST_CHECK int emotion_timeline_drop(struct viva_store *store, const char *session_id, int64_t frame_number,
					  int64_t timestamp_ms, const char *rule, int64_t now_ms,
					  struct viva_arena *arena, struct viva_error *error);

enum emotion_timeline_place {
	EMOTION_FRAME_UNKNOWN,
	EMOTION_FRAME_RECORDED,  // analysed before
	EMOTION_FRAME_DROPPED,   // dropped before
	EMOTION_FRAME_ERASED,    // its session was
};

// What is known of a frame. Fails as the store.
VIVA_MUST_CHECK int emotion_timeline_find(struct viva_store *store, const char *session_id, int64_t frame_number,
					  int64_t timestamp_ms, struct viva_arena *arena,
					  enum emotion_timeline_place *ret_place, struct viva_error *error);

// The kept state, if its last frame is later than `after_ms`; otherwise *ret_state stays. Fails as the store.
VIVA_MUST_CHECK int emotion_timeline_load_state(struct viva_store *store, const char *session_id, int64_t after_ms,
						struct viva_arena *arena, struct viva_tracker *ret_state,
						struct viva_error *error);

// A page of at most `limit` rows behind the place `after` (NULL = from the start), in order of time, and the summary of
// all: {"session_id","emotions":[…],"summary":{…},"next":null|"place"}. VIVA_EFIELD for a place that is none, or as the
// store.
VIVA_MUST_CHECK int emotion_timeline_page(struct viva_store *store, const char *session_id, int64_t limit,
					  const char *after, struct viva_arena *arena, json_t **ret_page,
					  struct viva_error *error);

// Deletes all that is kept of the session, with its events that wait to be published. With `until_ms` (Unix time; 0 =
// without) it is remembered until then that the session was erased, and nothing of it is kept again. Fails as the
// store.
VIVA_MUST_CHECK int emotion_timeline_erase(struct viva_store *store, const char *session_id, int64_t until_ms,
					   struct viva_error *error);
// Deletes what was kept before `before_ms`, and forgets erasures that need not be remembered at `now_ms` (both Unix
// time). *ret_deleted counts the rows of timelines. Fails as the store.
VIVA_MUST_CHECK int emotion_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t now_ms,
					    int64_t *ret_deleted, struct viva_error *error);

#endif
