// SPDX-License-Identifier: Apache-2.0
//
// What the files of the RabbitMQ backend share.
//
// Threads: any, unless said otherwise.
#ifndef VIVA_BUS_RABBITMQ_H
#define VIVA_BUS_RABBITMQ_H

#include "bus/bus_backend.h"
#include "bus/rabbitmq_publisher.h"
#include "bus/rabbitmq_url.h"

struct viva_rabbitmq_calls;  // those inside viva_bus_publish()

struct viva_rabbitmq_bus {
	struct viva_bus bus;
	struct viva_rabbitmq_url url;
	struct viva_rabbitmq_publisher *publisher;
	struct viva_rabbitmq_calls *calls;
};

enum { VIVA_RABBITMQ_MAX_BODY_BYTES = 128 << 20 };  // RabbitMQ's own default limit

static inline struct viva_rabbitmq_bus *viva_rabbitmq_of(struct viva_bus *bus)
{
	return (struct viva_rabbitmq_bus *)bus;  // its first member
}

// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rabbitmq_calls_create(struct viva_rabbitmq_calls **ret_calls);
struct viva_rabbitmq_calls *viva_rabbitmq_calls_destroy(struct viva_rabbitmq_calls *calls);

// The backend's entries (bus_backend.h).
int viva_rabbitmq_publish(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count,
			  int64_t deadline_us, struct viva_error *error);
int viva_rabbitmq_consume(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
			  struct viva_bus_consumer **ret_consumer, struct viva_error *error);
void viva_rabbitmq_consumer_stop(struct viva_bus_consumer *consumer);
void viva_rabbitmq_consumer_destroy(struct viva_bus_consumer *consumer);
void viva_rabbitmq_settle(struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict, const char *reason);
int viva_rabbitmq_listen(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
			 void (*on_message)(const struct viva_bus_message *message, void *context), void *context,
			 struct viva_bus_listener **ret_listener, struct viva_error *error);
void viva_rabbitmq_listener_destroy(struct viva_bus_listener *listener);
int viva_rabbitmq_queues(struct viva_bus *bus, struct viva_arena *arena,
			 const struct viva_bus_queue_status **ret_queues, size_t *ret_count, struct viva_error *error);
int viva_rabbitmq_visit_dead_letters(
	struct viva_bus *bus, size_t limit,
	enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter, void *context),
	void *context, size_t *ret_count, struct viva_error *error);

#endif
