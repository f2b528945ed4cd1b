// SPDX-License-Identifier: Apache-2.0
//
// What all parts of the worker share.
//
// Threads: made and freed on the main thread, before and after the loop; read-only in between.
#ifndef VIVA_WORKER_CONTEXT_H
#define VIVA_WORKER_CONTEXT_H

#include "bus/inbox.h"
#include "service/housekeeping.h"
#include "service/peer.h"
#include "service/service.h"
#include "worker/completions.h"
#include "worker/frames.h"
#include "worker/webhooks.h"

struct worker_service {
	struct viva_service_runtime runtime;  // a copy; what it points to is borrowed
	struct viva_arena *arena;             // of settings
	struct viva_store *store;
	struct viva_inbox inbox;
	struct worker_webhook_targets targets;
	int64_t webhook_max_age_ms;
	int64_t frame_retention_ms, delivery_retention_ms;
	struct viva_peer *interview, *emotion, *scoring;
	struct worker_frames *frames;
	struct worker_completions *completions;
	struct worker_webhooks *webhooks;  // NULL: none are configured
	struct viva_bus_consumer *scores, *erasures;
	struct viva_housekeeping *housekeeping;
};

static inline int64_t worker_now_ms(const struct worker_service *service)
{
	return viva_clock_unix_ms(service->runtime.clock);
}

#endif
