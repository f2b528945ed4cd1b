// SPDX-License-Identifier: Apache-2.0
//
// The consumer of the RabbitMQ backend, shared by what takes deliveries (rabbitmq_consumer.c) and what settles them
// (rabbitmq_settle.c).
//
// Threads: the connection's, the subscriber's and any that settles; what the lock guards is said below.
#ifndef VIVA_BUS_RABBITMQ_CONSUMER_H
#define VIVA_BUS_RABBITMQ_CONSUMER_H

#include <pthread.h>
#include <stdatomic.h>

#include "bus/rabbitmq.h"
#include "bus/rabbitmq_connection.h"
#include "bus/rabbitmq_message.h"
#include "bus/rabbitmq_topology.h"

enum viva_rabbitmq_state {
	VIVA_RABBITMQ_WAITING,   // taken in
	VIVA_RABBITMQ_BEGUN,     // the subscriber has it
	VIVA_RABBITMQ_MOVING,    // being published elsewhere: a retry, a dead letter
	VIVA_RABBITMQ_SETTLED,   // to be acknowledged
	VIVA_RABBITMQ_IN_FRONT,  // acknowledged together with those before it
	VIVA_RABBITMQ_RETURNED,  // to be given back to its queue
	VIVA_RABBITMQ_REFUSED,   // to be taken for dead by the broker
};

struct viva_rabbitmq_delivery {
	struct viva_bus_delivery delivery;
	struct viva_rabbitmq_parcel *parcel;
	struct viva_rabbitmq_delivery *previous, *next;  // among those of the connection, in the order of their tags
	struct viva_rabbitmq_delivery *next_settled;
	enum viva_rabbitmq_state state;
	uint64_t epoch;  // the connection it came by; of an earlier one it can't be settled any more
	bool is_oversize;
};

struct viva_rabbitmq_consumer {
	struct viva_bus_consumer consumer;
	struct viva_rabbitmq_publisher *publisher;
	struct viva_rabbitmq_connection *connection;
	struct viva_rabbitmq_spares spares;        // of parcels
	struct viva_rabbitmq_assembler assembler;  // of the connection's thread
	pthread_t thread;                          // the subscriber's
	size_t ack_batch;                          // so many acknowledgements are sent at once
	_Atomic size_t users;                      // the owner, and publications that are about its deliveries

	pthread_mutex_t lock;  // of all below, and of the deliveries' states
	pthread_cond_t has_changed;
	bool is_stopped;
	bool is_delivering;  // the subscriber's handler is running, or about to
	uint64_t epoch;
	struct viva_rabbitmq_delivery *first, *last;   // not acknowledged, by tag
	struct viva_rabbitmq_delivery *first_waiting;  // the first of them that is WAITING
	struct viva_rabbitmq_delivery *settled;        // those whose state is SETTLED, RETURNED or REFUSED
	size_t settled_count;
	int64_t settled_since_us;
	size_t begun;           // the subscriber's, also of lost connections
	size_t moving;          // of this connection
	size_t oversize_bytes;  // of bodies larger than allowed, on their way to the dead letters
};

void viva_rabbitmq_delivery_free(struct viva_rabbitmq_delivery *delivery);
// One user less; the last one frees.
void viva_rabbitmq_consumer_release(struct viva_rabbitmq_consumer *consumer);

#endif
