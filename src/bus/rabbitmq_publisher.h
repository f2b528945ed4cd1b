// SPDX-License-Identifier: Apache-2.0
//
// The publishing connection: sends publications in the order they were handed in, and follows each until the broker
// has confirmed it; those that a lost connection leaves unconfirmed are sent once more.
//
// Threads: submit() and check() from any; a publication's functions run on the publisher's thread, but is_wanted() also
// under its lock: it must not call back.
#ifndef VIVA_BUS_RABBITMQ_PUBLISHER_H
#define VIVA_BUS_RABBITMQ_PUBLISHER_H

#include <amqp.h>

#include "bus/bus.h"
#include "bus/rabbitmq_url.h"

struct viva_rabbitmq_publisher;
struct viva_rabbitmq_publication;

struct viva_rabbitmq_publication_class {
	// Whether anyone still waits for it; else it ends with VIVA_ECANCELLED instead of being sent.
	bool (*is_wanted)(struct viva_rabbitmq_publication *publication);
	// Its end: 0 (confirmed), VIVA_EUNAVAILABLE (no queue takes it), VIVA_EOVERLOAD (the broker refused it),
	// VIVA_ELIMIT (too large for the broker), VIVA_ECANCELLED. Gives it back to its owner.
	void (*on_done)(struct viva_rabbitmq_publication *publication, int status);
	bool is_stubborn;  // not taken by a queue or refused, it is tried again instead
};

// Filled and owned by whoever submits it; everything that it points to lives as long as it does, but for the body: that
// is not looked at once nobody wants it.
struct viva_rabbitmq_publication {
	const struct viva_rabbitmq_publication_class *class;
	const char *exchange;
	const char *routing_key;
	bool may_be_lost;                    // that no queue takes it is no failure
	amqp_basic_properties_t properties;  // with message_id
	struct viva_bytes body;
	// The publisher's own.
	struct viva_rabbitmq_publication *next;
	bool is_returned;
};

// Options and URL are borrowed. VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int viva_rabbitmq_publisher_create(const struct viva_rabbitmq_url *url,
						   const struct viva_bus_options *options,
						   struct viva_rabbitmq_publisher **ret_publisher,
						   struct viva_error *error);
// Ends it; what is unconfirmed then ends with VIVA_ECANCELLED. NULL is fine. Always NULL.
struct viva_rabbitmq_publisher *viva_rabbitmq_publisher_destroy(struct viva_rabbitmq_publisher *publisher);
// Returns when the first attempt to connect is over.
void viva_rabbitmq_publisher_wait_for_attempt(struct viva_rabbitmq_publisher *publisher);

// Returns when no publication that is unwanted by now is being sent: then none of them will be, and their bodies may
// go. A broker that takes a body too slowly loses its connection for that.
void viva_rabbitmq_publisher_let_go(struct viva_rabbitmq_publisher *publisher);
// Takes a chain of publications (by `next`). Never blocks.
void viva_rabbitmq_publisher_submit(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_publication *first);
// 0 when messages can be published now, else VIVA_EUNAVAILABLE (not connected) or VIVA_EOVERLOAD (the broker blocks
// publishers, or does not read what is sent) and why; then *ret_since_us is since when (monotonic).
VIVA_MUST_CHECK int viva_rabbitmq_publisher_check(struct viva_rabbitmq_publisher *publisher, int64_t *ret_since_us,
						  struct viva_error *error);

#endif
