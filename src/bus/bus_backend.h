// SPDX-License-Identifier: Apache-2.0
//
// What a bus backend provides: one const table of functions, chosen by the scheme of the bus's URL; and what bus.c does
// for all of them.
//
// Threads: as bus.h says of the function that each entry stands behind.
#ifndef VIVA_BUS_BACKEND_H
#define VIVA_BUS_BACKEND_H

#include "base/metrics.h"
#include "bus/bus.h"

enum {
	VIVA_BUS_MAX_PARTITIONS = 64,
	VIVA_BUS_MAX_TEXT = 128,    // bytes of an id, a type or a traceparent
	VIVA_BUS_MAX_REASON = 255,  // bytes; also what AMQP's short strings hold
	VIVA_BUS_TRACEPARENT_SIZE = 56,
};

// Each entry does what its namesake in bus.h promises. Arguments were checked: a backend sees only queues, routing keys
// and limits that exist. Outputs are never NULL.
struct viva_bus_backend {
	const char *schemes[3];  // "amqp", "amqps", NULL: serves URLs that begin with one of them and a colon
	// The options were checked and outlive the call only, but for what bus.h says is borrowed.
	int (*open)(const struct viva_bus_options *options, struct viva_bus **ret_bus, struct viva_error *error);
	void (*destroy)(struct viva_bus *bus);
	// The messages are complete (ids, traceparent, timestamp, app_id), their texts and bodies within the limits.
	int (*publish)(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count, int64_t deadline_us,
		       struct viva_error *error);
	int (*consume)(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
		       struct viva_bus_consumer **ret_consumer, struct viva_error *error);
	void (*consumer_stop)(struct viva_bus_consumer *consumer);
	void (*consumer_destroy)(struct viva_bus_consumer *consumer);
	// `reason` is cut to VIVA_BUS_MAX_REASON; "" for none.
	void (*settle)(struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict, const char *reason);
	int (*listen)(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
		      void (*on_message)(const struct viva_bus_message *message, void *context), void *context,
		      struct viva_bus_listener **ret_listener, struct viva_error *error);
	void (*listener_destroy)(struct viva_bus_listener *listener);
	int64_t (*listeners)(struct viva_bus *bus, size_t key);  // NULL: the backend can't tell
	int (*ping)(struct viva_bus *bus, struct viva_error *error);
	int (*queues)(struct viva_bus *bus, struct viva_arena *arena, const struct viva_bus_queue_status **ret_queues,
		      size_t *ret_count, struct viva_error *error);
	int (*visit_dead_letters)(struct viva_bus *bus, size_t limit,
				  enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter,
									    void *context),
				  void *context, size_t *ret_count, struct viva_error *error);
};

// The first members of a backend's own structs.
struct viva_bus {
	const struct viva_bus_backend *backend;
	struct viva_bus_options options;  // without the URL, which may hold a password
	struct viva_metric *published;
	struct viva_metric *publish_failures;
	struct viva_metric *publish_seconds;
	struct viva_metric *delivered[VIVA_QUEUE_COUNT];
	struct viva_metric *settled[VIVA_QUEUE_COUNT][VIVA_BUS_DEAD + 1];
};
struct viva_bus_consumer {
	struct viva_bus *bus;
	struct viva_bus_subscription subscription;
};
struct viva_bus_delivery {
	struct viva_bus_consumer *consumer;
	struct viva_bus_message message;  // no text is NULL
	int retries;
	bool is_redelivered;  // after a consumer that vanished
};
struct viva_bus_listener {
	struct viva_bus *bus;
};

// Fills the first member of a backend's bus; before any of its threads runs.
void viva_bus_init(struct viva_bus *bus, const struct viva_bus_backend *backend,
		   const struct viva_bus_options *options);
// Counts the delivery and gives it to its consumer's subscriber. Afterwards it may be settled and gone.
void viva_bus_deliver(struct viva_bus_delivery *delivery);
// The pause before the next try of a message that failed `retries` times (≥ 1): retry_ms doubling, plus a random part
// of itself.
int64_t viva_bus_retry_pause_ms(const struct viva_bus *bus, int retries);

// Whether the message may be published: VIVA_EINVAL, VIVA_ELIMIT.
VIVA_MUST_CHECK int viva_bus_check_message(const struct viva_bus_options *options,
					   const struct viva_bus_message *message, struct viva_error *error);
// The texts that a message came without.
struct viva_bus_completion {
	char message_id[VIVA_UUID_SIZE];
	char traceparent[VIVA_BUS_TRACEPARENT_SIZE];
};
// Gives the message what it came without; its texts borrow from *texts.
void viva_bus_complete_message(const struct viva_bus_options *options, struct viva_bus_message *message,
			       struct viva_bus_completion *texts);

extern const struct viva_bus_backend viva_bus_sqlite;
extern const struct viva_bus_backend viva_bus_rabbitmq;

#endif
