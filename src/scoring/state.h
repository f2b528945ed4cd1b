// SPDX-License-Identifier: Apache-2.0
//
// What the handlers of the scoring service share.
//
// Threads: made before and freed after all handlers; reading is free from any thread, and the parts are thread-safe.
#ifndef VIVA_SCORING_STATE_H
#define VIVA_SCORING_STATE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/pool.h"
#include "bus/outbox.h"
#include "language/analyze.h"
#include "questions/question_bank.h"
#include "service/housekeeping.h"
#include "store/store.h"

enum {
	SCORING_MAX_SESSION_ID = 63,
	SCORING_MAX_ANSWERS = 200,
	SCORING_MAX_EMOTIONS = 100000,
	SCORING_MAX_TRANSCRIPT_BYTES = 1 << 20,  // refused beyond; characters past 50,000 are not read
	SCORING_MAX_QUESTION_BYTES = 4000,
	SCORING_MAX_REFERENCE_BYTES = 8000,  // of a reference answer, and of a graded one
	SCORING_MAX_NAME_BYTES = 128,
	SCORING_MAX_COPIED = 4000,  // sightings of the own timeline that one score is made of
};

struct scoring_feed;
struct scoring_llm;
struct viva_peer;

// What each score weighs in the overall score: not negative, and not all 0.
struct scoring_weights {
	double technical, communication, emotion;
};

struct scoring_service {
	const struct viva_clock *clock;
	struct viva_auth *auth;  // borrowed
	struct viva_pool *pool;  // borrowed
	struct viva_bus *bus;    // borrowed
	struct viva_store *store;
	struct viva_outbox *outbox;  // of ScoreCalculated
	struct scoring_feed *feed;
	struct viva_peer *emotion;  // asked for key frames
	struct viva_housekeeping *housekeeping;
	int64_t timeline_retention_ms;
	uint32_t grace_ms;        // for what waits in the outbox at the end
	atomic_bool needs_scrub;  // something was erased and may still stand in the store's files
	struct viva_question_bank *bank;
	struct viva_language *language;
	struct scoring_weights weights;
	struct scoring_llm *llm;  // NULL = no language model judges
};

#endif
