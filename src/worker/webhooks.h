// SPDX-License-Identifier: Apache-2.0
//
// Sends the webhooks that are due (deliveries.h), a few at a time to each URL, so that one that doesn't answer holds up
// no other. An answer of 2xx delivers, 410 ends it; anything else, redirects too, is tried again (backoff.h) until the
// delivery is too old. An answer's body is cut short and never looked at.
//
// Threads: create and destroy on one thread; stop on any but the loop's; wake on any.
#ifndef VIVA_WORKER_WEBHOOKS_H
#define VIVA_WORKER_WEBHOOKS_H

#include "base/clock.h"
#include "store/store.h"
#include "worker/meters.h"
#include "worker/webhook_targets.h"

struct worker_webhooks;

struct worker_webhooks_options {
	struct viva_store *store;
	const struct worker_webhook_targets *targets;
	const struct viva_clock *clock;
	struct viva_random *random;  // all borrowed
	uint32_t timeout_ms;         // of a call
	size_t concurrency;          // calls to one URL at a time, 1–8
};

// VIVA_ENOMEM, VIVA_EINTERNAL (no thread).
VIVA_MUST_CHECK int worker_webhooks_create(const struct worker_webhooks_options *options,
					   struct worker_webhooks **ret_webhooks);
void worker_webhooks_wake(struct worker_webhooks *webhooks);  // There may be something due. NULL is fine.
// No call is begun any more.
void worker_webhooks_stop(struct worker_webhooks *webhooks);
struct worker_webhooks *worker_webhooks_destroy(struct worker_webhooks *webhooks);  // Ends the calls. NULL is fine.

// What a call came to. `code` is that of the call, `status` its answer's.
enum worker_attempt worker_attempt_of(int code, int status);

#endif
