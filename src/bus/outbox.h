// SPDX-License-Identifier: Apache-2.0
//
// The transactional outbox: an event is written in the transaction that changes the state it tells of, and published
// afterwards, so that neither exists without the other. Instances of a service share its outbox; each message is
// published at least once, those of one process in the order they were added.
//
// Threads: any but the event loop's; add() inside a transaction's function, the rest outside.
#ifndef VIVA_BUS_OUTBOX_H
#define VIVA_BUS_OUTBOX_H

#include "bus/bus.h"
#include "store/store.h"

// A migration of the service that has an outbox; `service` is a literal.
#define VIVA_OUTBOX_SCHEMA(service)                                                                                    \
	"CREATE TABLE " service "_outbox ("                                                                            \
	" message_id TEXT PRIMARY KEY,"                                                                                \
	" routing_key TEXT NOT NULL,"                                                                                  \
	" type TEXT NOT NULL,"                                                                                         \
	" session_id TEXT NOT NULL,"                                                                                   \
	" traceparent TEXT NOT NULL,"                                                                                  \
	" created_at BIGINT NOT NULL,"                                                                                 \
	" claimed_until BIGINT NOT NULL,"                                                                              \
	" body BYTEA NOT NULL);"

struct viva_outbox;

struct viva_outbox_options {
	struct viva_store *store;        // borrowed
	struct viva_bus *bus;            // borrowed
	const char *service;             // whose table; borrowed for ever
	const struct viva_clock *clock;  // borrowed
	struct viva_random *random;      // borrowed
	size_t batch;                    // messages published together. Default 256.
	uint32_t poll_ms;                // looks for what others left behind so often. Default 1,000.
	uint32_t claim_ms;               // how long a claimed message is left alone by other instances. Default 30,000.
};

struct viva_outbox_options viva_outbox_defaults(void);
// Starts the relay, a thread of its own. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_outbox_create(const struct viva_outbox_options *options, struct viva_outbox **ret_outbox);
// Publishes what it can within `grace_ms`, ends the relay; the rest stays in the store. NULL is fine. Always NULL.
struct viva_outbox *viva_outbox_close(struct viva_outbox *outbox, uint32_t grace_ms);

// Adds a message to the transaction. The message is copied. The store's errors.
VIVA_MUST_CHECK int viva_outbox_add(struct viva_outbox *outbox, struct viva_store_transaction *transaction,
				    const struct viva_bus_message *message, struct viva_error *error);
// The transaction committed: publish now instead of at the next poll. Never blocks; also from the loop.
void viva_outbox_wake(struct viva_outbox *outbox);
// How many wait; for health and metrics. The store's errors.
VIVA_MUST_CHECK int viva_outbox_waiting(struct viva_outbox *outbox, int64_t *ret_count, struct viva_error *error);

#endif
