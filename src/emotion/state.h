// SPDX-License-Identifier: Apache-2.0
//
// What the handlers of the emotion service share.
//
// Threads: made before and freed after all handlers; its members say for themselves who may call them.
#ifndef VIVA_EMOTION_STATE_H
#define VIVA_EMOTION_STATE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "bus/outbox.h"
#include "emotion/gate.h"
#include "emotion/sessions.h"
#include "emotion/timeline.h"
#include "service/housekeeping.h"
#include "store/store.h"
#include "vision/vision.h"

struct emotion_queue;

struct emotion_service {
	const struct viva_clock *clock;
	const struct viva_auth *auth;
	struct viva_pool *pool;
	struct viva_store *store;
	struct viva_bus *bus;        // borrowed
	struct viva_outbox *outbox;  // of EmotionAnalyzed
	struct viva_vision *vision;
	struct emotion_gate *gate;  // before vision
	struct emotion_sessions *sessions;
	struct emotion_queue *queue;
	struct viva_housekeeping *housekeeping;
	uint32_t grace_ms;  // for what waits in the outbox at the end
	int64_t retention_ms;
	atomic_bool needs_scrub;  // something was erased and may still stand in the store's files
	struct viva_metric *frames_with_face;
	struct viva_metric *frames_without_face;
	struct viva_metric *frames_refused;
	struct viva_metric *key_frames;  // pictures that were kept
	struct viva_metric *inference_seconds;
};

#endif
