// SPDX-License-Identifier: Apache-2.0
//
// The embedded bus inside: one SQLite file shared by the processes of a machine.
//
// A message is a row of bus_entries for each queue that it goes to, with its contents under the same id in bus_bodies,
// so that changing its state never rewrites its body. Ids grow in the order of commits: they are the queue's order.
//
//     publish ─▶ READY ──claimed by an engine──▶ CLAIMED ──ACK──▶ gone
//                  ▲ ▲                              │ │ └──DEAD, retries used up, delivered too often──▶ DEAD
//                  │ └───owner died, or stopped─────┘ └──RETRY, DEFER──▶ DELAYED
//                  └────────────────────────────due─────────────────────────┘
//
// A claim belongs to the token of the process that made it; one settled by a process that lost it meanwhile has no
// effect. Who lives is in sqlite_peers.h.
//
// Each process that consumes or listens has one engine, a thread that claims, settles, releases what is due or was left
// by the dead, and keeps the file small. A consumer and a listener have a thread each for their callbacks.
//
// Threads: as bus.h; what is said to need the lock needs sqlite_bus.lock.
#ifndef VIVA_BUS_SQLITE_BUS_H
#define VIVA_BUS_SQLITE_BUS_H

#include <pthread.h>

#include "bus/bus_backend.h"
#include "bus/sqlite_peers.h"
#include "store/store.h"

enum sqlite_bus_state { SQLITE_BUS_READY, SQLITE_BUS_CLAIMED, SQLITE_BUS_DELAYED, SQLITE_BUS_DEAD };

enum {
	SQLITE_BUS_MAX_QUEUES = VIVA_QUEUE_COUNT - 1 + VIVA_BUS_MAX_PARTITIONS,
	SQLITE_BUS_ROW_BYTES = 512,        // what a message takes beside its body, roughly
	SQLITE_BUS_LOG_BYTES = 64 << 20,   // of what listeners have not been given yet
	SQLITE_BUS_LOG_MS = 10000,         // how long it waits for them
	SQLITE_BUS_TURN_MESSAGES = 512,    // that one transaction of the engine settles or claims
	SQLITE_BUS_TURN_BYTES = 32 << 20,  // of bodies claimed at a time and held per consumer's queue, but for one
};

// One queue as it is in the file: of a partitioned one, each partition.
struct sqlite_bus_queue {
	int64_t id;
	enum viva_bus_queue kind;
	size_t partition;  // 0 unless partitioned
	char name[48];
};

struct sqlite_bus_engine;
struct sqlite_bus_consumer;
struct sqlite_bus_listener;

struct sqlite_bus {
	struct viva_bus bus;  // first
	struct viva_store *store;
	struct viva_peers *peers;
	char *folder;   // whose file system must keep some space
	int64_t token;  // > 0
	struct sqlite_bus_queue queues[SQLITE_BUS_MAX_QUEUES];
	size_t queue_count;

	pthread_mutex_t window_lock;  // of the two below
	pthread_cond_t window_moved;
	size_t unconfirmed, unconfirmed_bytes;

	pthread_mutex_t lock;              // of all below
	struct sqlite_bus_engine *engine;  // NULL until somebody consumes or listens
	struct sqlite_bus_consumer *consumers;
	struct sqlite_bus_listener *listeners;
};

// The inverse of `&bus->bus`.
static inline struct sqlite_bus *sqlite_bus_of(struct viva_bus *bus)
{
	return (struct sqlite_bus *)bus;
}
static inline int64_t sqlite_bus_now_ms(const struct sqlite_bus *bus)
{
	return bus->bus.options.clock->unix_ms(bus->bus.options.clock);
}
// The queue of a message of this session.
const struct sqlite_bus_queue *sqlite_bus_find_queue(const struct sqlite_bus *bus, enum viva_bus_queue kind,
						     const char *session_id);
// The queue with this id, or NULL.
const struct sqlite_bus_queue *sqlite_bus_queue_by_id(const struct sqlite_bus *bus, int64_t id);
// Adds the queue to the news.
void sqlite_bus_add_news(struct viva_peer_news *news, const struct sqlite_bus_queue *queue);

// ---- sqlite_schema.c

extern const struct viva_migration sqlite_bus_migrations[];
extern const size_t sqlite_bus_migration_count;
// Finds or makes the queues, and moves what waits in partitions when there is another number of them. The store's
// errors.
VIVA_MUST_CHECK int sqlite_bus_load_queues(struct sqlite_bus *bus, struct viva_error *error);

// ---- sqlite_publish.c

VIVA_MUST_CHECK int sqlite_bus_publish(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count,
				       int64_t deadline_us, struct viva_error *error);
// VIVA_EOVERLOAD when the disk has no more than what settling needs; `bytes` more are about to be written.
VIVA_MUST_CHECK int sqlite_bus_check_space(const struct sqlite_bus *bus, size_t bytes, struct viva_error *error);

// ---- sqlite_consume.c

VIVA_MUST_CHECK int sqlite_bus_consume(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
				       struct viva_bus_consumer **ret_consumer, struct viva_error *error);
void sqlite_bus_consumer_stop(struct viva_bus_consumer *consumer);
void sqlite_bus_consumer_destroy(struct viva_bus_consumer *consumer);
void sqlite_bus_settle(struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict, const char *reason);

// ---- sqlite_listen.c

VIVA_MUST_CHECK int sqlite_bus_listen(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
				      void (*on_message)(const struct viva_bus_message *message, void *context),
				      void *context, struct viva_bus_listener **ret_listener, struct viva_error *error);
void sqlite_bus_listener_destroy(struct viva_bus_listener *listener);
int64_t sqlite_bus_listeners(struct viva_bus *bus, size_t key);

// ---- sqlite_operate.c

VIVA_MUST_CHECK int sqlite_bus_queues(struct viva_bus *bus, struct viva_arena *arena,
				      const struct viva_bus_queue_status **ret_queues, size_t *ret_count,
				      struct viva_error *error);
VIVA_MUST_CHECK int sqlite_bus_visit_dead_letters(
	struct viva_bus *bus, size_t limit,
	enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter, void *context),
	void *context, size_t *ret_count, struct viva_error *error);

#endif
