// SPDX-License-Identifier: Apache-2.0
//
// The interviews that were erased, as the bus tells each service that holds something of them.
//
// Threads: create and destroy from the main thread; stop from any but the loop's; the service's own part runs on the
// consumer's thread, for which it may block: erasures are rare.
#ifndef VIVA_SERVICE_ERASURES_H
#define VIVA_SERVICE_ERASURES_H

#include "base/clock.h"
#include "bus/bus.h"

struct viva_erasures;

struct viva_erasures_options {
	struct viva_bus *bus;            // borrowed
	const struct viva_clock *clock;  // borrowed
	enum viva_bus_queue queue;       // VIVA_QUEUE_EMOTION_ERASURES, …
	const char *metric;              // counts them by outcome: "viva_emotion_erasures_total"
	// Deletes what the service holds of the session, and remembers until `until_ms` (Unix time) that it was erased,
	// so that messages which are still on their way come to nothing. What it can't do now is tried again, however
	// long that takes.
	int (*erase)(void *context, const char *session_id, int64_t until_ms, struct viva_error *error);
	void *context;
};

// Starts to consume. VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_erasures_create(const struct viva_erasures_options *options,
					 struct viva_erasures **ret_erasures, struct viva_error *error);
void viva_erasures_stop(struct viva_erasures *erasures);  // none begins after it returned. NULL is fine.
// Stops, and waits for the one in work. NULL is fine. Always NULL.
struct viva_erasures *viva_erasures_destroy(struct viva_erasures *erasures);

#endif
