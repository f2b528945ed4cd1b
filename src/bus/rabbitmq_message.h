// SPDX-License-Identifier: Apache-2.0
//
// Messages as AMQP carries them: their properties, and how they are put together from frames.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_BUS_RABBITMQ_MESSAGE_H
#define VIVA_BUS_RABBITMQ_MESSAGE_H

#include <amqp.h>

#include "bus/bus_backend.h"
#include "bus/rabbitmq_spares.h"

// Headers of ours, beside traceparent (W3C).
#define VIVA_RABBITMQ_SESSION "session_id"
#define VIVA_RABBITMQ_PARTITION "partition"
#define VIVA_RABBITMQ_TIMESTAMP_MS "timestamp_in_ms"  // as RabbitMQ's plugin for timestamps calls it
#define VIVA_RABBITMQ_RETRIES "x-retries"
// Those of a dead letter.
#define VIVA_RABBITMQ_ERROR "x-error"
#define VIVA_RABBITMQ_QUEUE "x-queue"
#define VIVA_RABBITMQ_DIED_AT "x-died-at"

enum { VIVA_RABBITMQ_MAX_HEADERS = 8 };

// ---- sending

// A header of text or a number; what they point to must outlive them.
amqp_table_entry_t viva_rabbitmq_text_entry(const char *name, const char *text);
amqp_table_entry_t viva_rabbitmq_int_entry(const char *name, int64_t number);

// The properties of a complete message; partition < 0 for none. They point into the message and into `headers`.
void viva_rabbitmq_set_properties(const struct viva_bus_message *message, int partition,
				  amqp_table_entry_t headers[VIVA_RABBITMQ_MAX_HEADERS],
				  amqp_basic_properties_t *ret_properties);

// ---- receiving

// A message that came. One block of memory, to be freed by parcel_free().
struct viva_rabbitmq_parcel {
	uint64_t delivery_tag;
	uint64_t waiting;                 // of a get: how many are behind it
	int subscription;                 // the number that its consumer tag is; -1 = none
	int retries;                      // header x-retries, 0–1,000
	bool is_redelivered;              // as the broker says
	struct viva_bus_message message;  // no text NULL; routing_key "": it is what the queue is for
	uint64_t body_size;               // of the message, also when its body was not kept
	bool has_body;
	amqp_bytes_t properties;  // as they came, encoded
};

// How it died, from its headers or, if the broker itself took it for dead, from what that notes (x-death).
struct viva_rabbitmq_death {
	char queue[128];
	char reason[VIVA_BUS_MAX_REASON + 1];
	int64_t died_at_ms;  // 0 = unknown
};

// Zero-initialise, set max_bytes, feed all frames of the channel.
struct viva_rabbitmq_assembler {
	struct viva_rabbitmq_spares *spares;  // where large parcels come from; NULL = malloc
	size_t max_bytes;                     // of a body that is kept; a larger one is skipped
	struct viva_rabbitmq_parcel *parcel;  // being put together
	bool wants_header;
	uint64_t received;
};

// Takes the frame if it belongs to a message. *ret_parcel is the message that it completed, now the caller's, else
// NULL. *ret_is_taken tells whether it did. VIVA_EPROTOCOL, VIVA_ENOMEM: the link must be given up.
VIVA_MUST_CHECK int viva_rabbitmq_assemble(struct viva_rabbitmq_assembler *assembler, const amqp_frame_t *frame,
					   bool *ret_is_taken, struct viva_rabbitmq_parcel **ret_parcel);
void viva_rabbitmq_parcel_free(struct viva_rabbitmq_parcel *parcel);  // NULL is fine
// Throws away what is begun.
void viva_rabbitmq_assembler_reset(struct viva_rabbitmq_assembler *assembler);

// VIVA_EPROTOCOL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rabbitmq_read_death(const struct viva_rabbitmq_parcel *parcel,
					     struct viva_rabbitmq_death *ret_death);

// The parcel's own properties with other headers: without what ours and the broker's say about deliveries, retries and
// deaths, with `added`; durable; with `expiration` (NULL = none). For publishing it once more. In the pool; they point
// into the parcel. VIVA_EPROTOCOL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rabbitmq_renew_properties(const struct viva_rabbitmq_parcel *parcel, const char *expiration,
						   const amqp_table_entry_t *added, size_t added_count,
						   amqp_pool_t *pool, amqp_basic_properties_t *ret_properties);

#endif
