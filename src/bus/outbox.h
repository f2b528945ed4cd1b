// SPDX-License-Identifier: Apache-2.0
//
// The transactional outbox: an event is written in the transaction that changes the state it tells of, and published
// afterwards, so that neither exists without the other.
//
// Each message is published at least once (twice under the same id after a crash in between), those of one process in
// the order they were added. Instances of a service share its outbox: one that ends leaves what it could not publish to
// the others at once, one that dies, or can't publish for claim_ms, after claim_ms.
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
	" position BIGINT NOT NULL,"                                                                                   \
	" owner BIGINT NOT NULL,"                                                                                      \
	" claimed_until BIGINT NOT NULL,"                                                                              \
	" routing_key TEXT NOT NULL,"                                                                                  \
	" type TEXT NOT NULL,"                                                                                         \
	" session_id TEXT NOT NULL,"                                                                                   \
	" traceparent TEXT NOT NULL,"                                                                                  \
	" created_at BIGINT NOT NULL,"                                                                                 \
	" body BYTEA NOT NULL);"                                                                                       \
	"CREATE INDEX " service "_outbox_by_owner ON " service "_outbox (owner, position);"

// The setting of a service (base/config.h) for max_events.
#define VIVA_OUTBOX_MAX_EVENTS_OPTION                                                                                  \
	{                                                                                                              \
		"outbox-max-events", VIVA_OPTION_INT, "1000000", 1, 1000000000, NULL,                                  \
			"Events that may wait in the store for the bus; what would make another is refused", false     \
	}

struct viva_outbox;

struct viva_outbox_options {
	struct viva_store *store;        // borrowed
	struct viva_bus *bus;            // borrowed
	const char *service;             // whose table, at most 32 characters; borrowed for ever
	const struct viva_clock *clock;  // borrowed. Default the system's.
	struct viva_random *random;      // borrowed; used by any thread. Default the system's.
	size_t batch;                    // messages published together. 1–4,096. Default 256.
	int64_t max_events;  // of all instances that may wait; it is exceeded by what they add between two polls. > 0.
			     // Default 1,000,000.
	uint32_t linger_ms;  // how long one may wait for others to be published with. ≤ 60,000. Default 0.
	uint32_t poll_ms;    // looks for what others left behind so often. > 0. Default 1,000.
	uint32_t claim_ms;   // how long others leave a message alone. > poll_ms. Default 10,000.
};

struct viva_outbox_options viva_outbox_defaults(void);
// Starts the relay, a thread of its own. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_outbox_create(const struct viva_outbox_options *options, struct viva_outbox **ret_outbox);
// Publishes what it can within `grace_ms`, ends the relay; the rest stays in the store. NULL is fine. Always NULL.
struct viva_outbox *viva_outbox_close(struct viva_outbox *outbox, uint32_t grace_ms);

// Adds a message to the transaction, as it may be published: the errors of a publication (VIVA_EINVAL, VIVA_ELIMIT),
// VIVA_EOVERLOAD when max_events wait, or the store's. The message is copied. One whose message_id is in the outbox
// already is not added again.
VIVA_MUST_CHECK int viva_outbox_add(struct viva_outbox *outbox, struct viva_store_transaction *transaction,
				    const struct viva_bus_message *message, struct viva_error *error);
// The transaction committed: publish now instead of at the next poll. Never blocks; also from the loop.
void viva_outbox_wake(struct viva_outbox *outbox);
// How many wait; for health and metrics. The store's errors.
VIVA_MUST_CHECK int viva_outbox_waiting(struct viva_outbox *outbox, int64_t *ret_count, struct viva_error *error);

#endif
