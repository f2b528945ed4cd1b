// SPDX-License-Identifier: Apache-2.0
//
// Completed interviews: once their frames are through (completion_rule.h), the score is had made, then the report.
//
// One that has to wait, for its frames or for a service that is away, is looked at again later, without a thread
// sleeping on it. After ten minutes in hand it goes back into the queue, uncounted, so that no outage makes a dead
// letter; only what could not be finished for a day becomes one.
//
// Threads: create and destroy on one thread; stop on any but the loop's.
#ifndef VIVA_WORKER_COMPLETIONS_H
#define VIVA_WORKER_COMPLETIONS_H

#include "bus/bus.h"
#include "bus/inbox.h"
#include "service/peer.h"
#include "store/store.h"

struct worker_completions;

struct worker_completions_options {
	struct viva_store *store;
	struct viva_bus *bus;
	const struct viva_inbox *inbox;
	struct viva_peer *interview, *emotion, *scoring;
	const struct viva_clock *clock;
	struct viva_random *random;  // all borrowed
	size_t threads;
	int64_t wait_ms;            // at most, for the frames of an interview
	const char *report_format;  // "pdf", "html" or "json"; borrowed
};

// Starts to consume. The errors of viva_bus_consume.
VIVA_MUST_CHECK int worker_completions_create(const struct worker_completions_options *options,
					      struct worker_completions **ret_completions, struct viva_error *error);
// Nothing is begun any more: those that wait go back into the queue.
void worker_completions_stop(struct worker_completions *completions);
struct worker_completions *worker_completions_destroy(struct worker_completions *completions);  // NULL is fine

#endif
