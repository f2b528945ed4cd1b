// SPDX-License-Identifier: Apache-2.0
//
// What the store knows of frames, and how their outcomes get into it.
//
// Threads: any but the event loop's: calls block on the store. Each may give the store's errors, beside those it names.
#ifndef VIVA_WORKER_FRAME_STORE_H
#define VIVA_WORKER_FRAME_STORE_H

#include "base/clock.h"
#include "store/store.h"
#include "worker/frame_rule.h"

// Fills is_erased, newest and known_as of `count` frames; texts are put into the arena. Invalid frames are left out.
// The store's errors.
VIVA_MUST_CHECK int worker_frames_look_up(struct viva_store *store, struct viva_arena *arena,
					  struct worker_frame *frames, size_t count, struct viva_error *error);

struct worker_note {
	const struct worker_frame *frames;
	size_t count;
	int64_t now_ms;                  // Unix time
	const struct viva_clock *clock;  // with `random`: for the ids of messages that have none
	struct viva_random *random;
};

// Notes the outcomes in one transaction; noting one twice changes nothing. A frame whose session was erased since it
// was looked up is noted as erased, one that another worker brought meanwhile as a duplicate. The store's errors.
VIVA_MUST_CHECK int worker_frames_note(struct viva_store *store, const struct worker_note *note,
				       struct viva_error *error);

// How many of a session's frames have which outcome.
struct worker_frame_counts {
	int64_t accepted;
	int64_t dropped;  // superseded or invalid
	int64_t newest;   // number of the newest that was accepted; −1 = none
	bool is_erased;   // the session; then nothing else is held of it
};
VIVA_MUST_CHECK int worker_frames_count(struct viva_store *store, const char *session_id,
					struct worker_frame_counts *ret_counts, struct viva_error *error);

// Deletes what is held of a session's frames and remembers that it was erased; inside a transaction. *ret_is_new (may
// be NULL) tells whether it was not remembered yet.
VIVA_MUST_CHECK int worker_frames_erase(struct viva_store_transaction *transaction, const char *session_id,
					int64_t now_ms, bool *ret_is_new, struct viva_error *error);
// Whether the session was erased; inside a transaction that will not commit after a later erasure.
VIVA_MUST_CHECK int worker_session_is_erased(struct viva_store_transaction *transaction, const char *session_id,
					     int64_t now_ms, bool *ret_is_erased, struct viva_error *error);
// Forgets, in portions, frames from before `frames_before_ms`, and sessions and erasures from before
// `sessions_before_ms`. The store's errors.
VIVA_MUST_CHECK int worker_frames_expire(struct viva_store *store, int64_t frames_before_ms, int64_t sessions_before_ms,
					 struct viva_error *error);

#endif
