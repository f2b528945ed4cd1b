// SPDX-License-Identifier: Apache-2.0
//
// Durable messages between services: published with confirmation, consumed with acknowledgement, at least once.
//
// The exchange, its queues and who reads what are in topology.h. A message that is published reaches each queue bound
// to its routing key, if any is; each queue gives it to one of its consumers. Whoever consumes must bear getting it
// twice (inbox.h).
//
// Threads: any but the event loop's, unless a function says otherwise: calls block on the broker or the disk.
#ifndef VIVA_BUS_H
#define VIVA_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"
#include "bus/topology.h"

struct viva_bus;

struct viva_bus_options {
	const char *url;               // "sqlite:PATH", "amqp://user:password@host:port/vhost" or "amqps://…"
	const char *app_id;            // the service's name; borrowed for ever
	size_t frame_partitions;       // queues emotion.frames.0 … N-1; the same in all processes. 1–64. Default 8.
	size_t max_unconfirmed;        // messages on their way to confirmation; more wait. Default 1,024.
	size_t max_unconfirmed_bytes;  // their bodies together. Default 64 MiB.
	size_t max_message_bytes;      // of a body. Default 16 MiB.
	int64_t max_stored_bytes;      // sqlite: all bodies that wait; beyond, VIVA_EOVERLOAD. Default 4 GiB.
				       // frame.accepted may pass it by two messages, so that a full bus drains.
	uint32_t retry_ms;             // pause before the first retry; doubles, plus jitter. > 0. Default 1,000.
	uint32_t defer_ms;             // pause of what was deferred. > 0. Default 1,000.
	bool is_operator;              // sqlite: takes frame_partitions as the file has them. Default off.
	const struct viva_clock *clock;  // borrowed. Default the system's.
	struct viva_random *random;      // borrowed; used by any thread. Default the system's.
};

struct viva_bus_options viva_bus_defaults(void);
// Opens the bus and declares the topology. A broker that can't be reached is no failure: the bus connects as soon as it
// can, and until then publishing waits and then fails. VIVA_EUSAGE (url), VIVA_EINVAL (a limit), VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_bus_open(const struct viva_bus_options *options, struct viva_bus **ret_bus,
				  struct viva_error *error);
// After the last consumer and listener were destroyed. Accepted publications end first. NULL is fine. Always NULL.
struct viva_bus *viva_bus_destroy(struct viva_bus *bus);
VIVA_DEFINE_AUTO(viva_bus)

struct viva_bus_message {
	const char *routing_key;  // one of topology.h
	const char *type;         // the event's name: "FrameCaptured"
	const char *message_id;   // UUID. Publishing: NULL makes one
	const char *app_id;       // who published it. Publishing: ignored, it is the bus's own
	const char
		*session_id;  // chooses the partition of a partitioned queue. Publishing: not NULL. Received: may be ""
	const char *traceparent;  // W3C trace context. Publishing: NULL begins a trace. Received: "" = none
	int64_t timestamp_ms;     // Unix time; of stock AMQP clients in whole seconds. Publishing: 0 = now
	struct viva_bytes body;
};

// Publishes `count` messages and returns when each is confirmed: durable in every queue that it goes to. Many threads'
// messages share a window (AMQP) or a commit (SQLite), so batches and concurrency both pay. On a failure some may have
// been published: publish all again, under the same message_id. `deadline_us` is monotonic; INT64_MAX = none.
// VIVA_EOVERLOAD (the broker blocks publishers, or the bus is full: slow down), VIVA_EUNAVAILABLE (no broker),
// VIVA_EDEADLINE, VIVA_ELIMIT (a body too large), VIVA_EINVAL (unknown routing key, no type or session, a text over 128
// bytes; then none was published), VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_bus_publish(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count,
				     int64_t deadline_us, struct viva_error *error);

// ---- consuming

struct viva_bus_consumer;
struct viva_bus_delivery;

enum viva_bus_verdict {
	VIVA_BUS_ACK,    // done; it is gone
	VIVA_BUS_RETRY,  // its handler failed: comes again after a backoff (retry_ms doubling, with jitter), at most
			 // VIVA_BUS_MAX_RETRIES times, then it is a dead letter
	VIVA_BUS_DEFER,  // can't be worked on now, through no fault of its own (a dependency is down, the process
			 // stops): comes again after a pause, uncounted
	VIVA_BUS_DEAD,   // never will be: a dead letter at once
};
enum {
	VIVA_BUS_MAX_RETRIES = 5,
	VIVA_BUS_MAX_DELIVERIES = 20,  // then it has killed its consumers once too often: a dead letter
};

struct viva_bus_subscription {
	enum viva_bus_queue queue;
	size_t prefetch;  // deliveries unsettled at a time, per queue (so per partition). > 0
	// Called on a thread of the consumer, in the queue's order. It may block, but holds up what is behind; the
	// usual way is to hand the delivery to a strand. Each delivery must be settled once, from any thread.
	void (*on_delivery)(struct viva_bus_delivery *delivery, void *context);
	void *context;
};

// Consumes a queue, or, of a partitioned one, each partition: a partition, like any queue that keeps order
// (topology.h), has one active consumer of all processes, so that a session's messages stay in order. Survives the
// broker's restarts. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_bus_consume(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
				     struct viva_bus_consumer **ret_consumer, struct viva_error *error);
// No delivery begins after it returned; those under way can still be settled. It waits for a running on_delivery,
// unless it is called from there.
void viva_bus_consumer_stop(struct viva_bus_consumer *consumer);
// Stops, waits until each delivery was settled and the bus knows, frees. NULL is fine. Always NULL.
struct viva_bus_consumer *viva_bus_consumer_destroy(struct viva_bus_consumer *consumer);
VIVA_DEFINE_AUTO(viva_bus_consumer)

// Valid until it is settled.
const struct viva_bus_message *viva_bus_delivery_message(const struct viva_bus_delivery *delivery);
int viva_bus_delivery_retries(const struct viva_bus_delivery *delivery);  // counted ones, 0 at first
// Whether it may have been worked on before: its consumer vanished in the middle, or asked for a retry.
bool viva_bus_delivery_is_repeated(const struct viva_bus_delivery *delivery);
// How long ago it was published (its timestamp), in ms; ≥ 0.
int64_t viva_bus_delivery_age_ms(const struct viva_bus_delivery *delivery);
// Ends the delivery; any thread, does not wait for the bus. `reason` (RETRY, DEAD) goes with a dead letter: a sentence
// for an operator, without contents of the message; NULL only with ACK and DEFER. A settlement that is lost in a crash
// means a second delivery.
void viva_bus_settle(struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict, const char *reason);

// ---- listening

struct viva_bus_listener;

// Gives each message of these routing keys from now on to this process too, at most once, unacknowledged: what was
// missed while away is missed. on_message runs on the listener's thread and must not block for long; the message is
// valid during the call. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_bus_listen(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
				    void (*on_message)(const struct viva_bus_message *message, void *context),
				    void *context, struct viva_bus_listener **ret_listener, struct viva_error *error);
struct viva_bus_listener *viva_bus_listener_destroy(struct viva_bus_listener *listener);
VIVA_DEFINE_AUTO(viva_bus_listener)
// How many listeners of all processes hear this routing key's messages now; -1 = the backend can't tell, or there is no
// such key. Never blocks.
int64_t viva_bus_listeners(struct viva_bus *bus, const char *routing_key);

// ---- operating

// Whether messages can be published now; for health checks. VIVA_EUNAVAILABLE, VIVA_EOVERLOAD (blocked or full).
VIVA_MUST_CHECK int viva_bus_ping(struct viva_bus *bus, struct viva_error *error);

struct viva_bus_queue_status {
	const char *name;       // "emotion.frames.3"
	int64_t waiting;        // not delivered yet
	int64_t unsettled;      // delivered, not settled; -1 = the backend can't tell
	int64_t consumers;      // of all processes; RabbitMQ counts only the active one of a queue that keeps order
	int64_t oldest_age_ms;  // of the first that waits; -1 = none, or unknown
};

// All queues of the topology and dead.letters, in the arena. VIVA_EUNAVAILABLE, VIVA_ENOMEM; of an embedded bus also
// the errors of viva_store_query.
VIVA_MUST_CHECK int viva_bus_queues(struct viva_bus *bus, struct viva_arena *arena,
				    const struct viva_bus_queue_status **ret_queues, size_t *ret_count,
				    struct viva_error *error);

struct viva_bus_dead_letter {
	struct viva_bus_message message;
	const char *queue;   // that it died in
	const char *reason;  // header x-error over AMQP
	int64_t died_at_ms;  // Unix time; 0 = unknown
	int retries;
};

// What to do with a dead letter that was shown.
enum viva_bus_dead_letter_action { VIVA_BUS_KEEP, VIVA_BUS_REPLAY, VIVA_BUS_DROP };

// Shows up to `limit` dead letters, oldest first, to visit(), and does with each what it returns. REPLAY puts it back
// into the queue it died in, its retries forgotten. The letter is valid during the call. *ret_count = how many were
// shown. VIVA_EUNAVAILABLE, VIVA_EOVERLOAD (the queue takes none back now), VIVA_ENOTFOUND (it is gone), VIVA_ELIMIT
// (it can't be replayed: too large, or it does not say where it died), VIVA_ENOMEM; of an embedded bus also the errors
// of viva_store_transact.
VIVA_MUST_CHECK int viva_bus_visit_dead_letters(
	struct viva_bus *bus, size_t limit,
	enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter, void *context),
	void *context, size_t *ret_count, struct viva_error *error);

#endif
