// SPDX-License-Identifier: Apache-2.0
//
// An embedded bus of a test's own, with an ear that hears what is published by some keys.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_BUS_PROBE_H
#define VIVA_TEST_BUS_PROBE_H

#include "base/json.h"
#include "bus/bus.h"
#include "bus/outbox.h"

struct bus_probe {
	struct viva_bus *bus;
	struct viva_outbox *outbox;
	const char *app_id;
};

// Opens a bus in the directory, an outbox of the service `app_id` in the store, and listens to the key.
VIVA_MUST_CHECK int bus_probe_open(struct bus_probe *probe, const char *directory, const char *app_id,
				   struct viva_store *store, const char *routing_key, struct viva_error *error);
void bus_probe_close(struct bus_probe *probe);

// The events published since the probe was opened (or the last call), in their order, as an array of {"type",
// "traceparent","body"}, once the outbox is empty. The caller's.
json_t *bus_probe_events(struct bus_probe *probe);
void bus_probe_publish(struct bus_probe *probe, const char *routing_key, const char *type, const char *session_id,
		       struct viva_bytes body);
void bus_probe_publish_erasure(struct bus_probe *probe, const char *session_id);
// Waits until no message waits or is in work in the queues whose names begin so.
void bus_probe_wait_for_queues(struct bus_probe *probe, const char *prefix);
// How many dead letters there were; they are dropped. Each must have a reason.
size_t bus_probe_drop_dead_letters(struct bus_probe *probe);

#endif
