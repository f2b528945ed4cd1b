// SPDX-License-Identifier: Apache-2.0
//
// Scoring's own copy of the timelines, as EmotionAnalyzed told them: what was seen in which frame.
//
// A frame is named by its session and its number, or, where it has none (0), by the message that told of it.
//
// Threads: any but the loop's; calls block on the store.
#ifndef VIVA_SCORING_TIMELINE_H
#define VIVA_SCORING_TIMELINE_H

#include "scoring.pb-c.h"
#include "scoring/state.h"

enum scoring_sighting_outcome {
	SCORING_SIGHTING_KEPT,
	SCORING_SIGHTING_REPEATED,  // it is there already
	SCORING_SIGHTING_ERASED,    // its session was erased: not kept
	SCORING_SIGHTING_OUTCOMES,
};

struct scoring_sighting {
	const char *message_id;  // "" only where the publisher gave none; then the time stands in
	const char *session_id;
	int64_t frame_number;  // 0 = not numbered
	int64_t timestamp_ms;
	const char *emotion;  // "" without a face
	double confidence;
	int64_t blink_count;
	enum scoring_sighting_outcome outcome;  // set by keep
};

// Keeps all of them in one transaction, each once, and says what came of each; sorts them by session. Durable on
// return. `now_ms` is Unix time, for the retention. Errors of viva_store_transact; then nothing was kept.
VIVA_MUST_CHECK int scoring_timeline_keep(struct viva_store *store, struct scoring_sighting *sightings, size_t count,
					  int64_t now_ms, struct viva_error *error);

// The session's sightings of faces, in order of time, in the arena; thinned out evenly to SCORING_MAX_COPIED where
// there are more. *ret_total is how many there are. Errors of viva_store_query.
VIVA_MUST_CHECK int scoring_timeline_load(struct viva_store *store, const char *session_id, struct viva_arena *arena,
					  Scoring__EmotionData ***ret_emotions, size_t *ret_count, size_t *ret_total,
					  struct viva_error *error);

// Deletes, in portions, what was kept before `before_ms` (Unix time). *ret_deleted counts rows. Errors of
// viva_store_execute.
VIVA_MUST_CHECK int scoring_timeline_expire(struct viva_store *store, int64_t before_ms, int64_t *ret_deleted,
					    struct viva_error *error);

#endif
