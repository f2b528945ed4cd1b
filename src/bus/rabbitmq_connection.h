// SPDX-License-Identifier: Apache-2.0
//
// A connection to RabbitMQ that is kept: a thread of its own connects, hands on what comes, keeps the heartbeat going,
// and connects anew, with exponential backoff and jitter, whenever it is lost.
//
//             fails
//          ┌─────────┐
//          ▼         │          lost
//       pausing ─▶ connecting ◀─────── up ─▶ ended
//
// Threads: a user's functions run on that thread, which must not block elsewhere for long; all else from any thread.
#ifndef VIVA_BUS_RABBITMQ_CONNECTION_H
#define VIVA_BUS_RABBITMQ_CONNECTION_H

#include <pthread.h>
#include <stdint.h>

#include "bus/bus_backend.h"
#include "bus/rabbitmq_link.h"

struct viva_rabbitmq_connection;

struct viva_rabbitmq_turn {
	bool is_ending;     // given: the connection is to end as soon as nothing is left to do
	bool is_done;       // to be set if nothing is left to do
	uint32_t pause_ms;  // to be set if the next turn must come without a frame or a wake; 0 = at once
};

// What is done on the thread. A function that gives an error loses the link, and the sentence says why.
struct viva_rabbitmq_user {
	const char *role;  // "publisher": for metrics, logs and the broker's operator
	// Connected: declares, subscribes.
	int (*on_up)(void *context, struct viva_rabbitmq_link *link, struct viva_error *error);
	int (*on_frame)(void *context, struct viva_rabbitmq_link *link, const amqp_frame_t *frame,
			struct viva_error *error);
	// After the frames that came, and after a wake: sends what waits.
	int (*on_turn)(void *context, struct viva_rabbitmq_link *link, struct viva_rabbitmq_turn *turn,
		       struct viva_error *error);
	// The link that was up is gone, or about to go: 0 = as asked, VIVA_ECONFLICT = the broker took offence at
	// something that was sent, any other error = lost.
	void (*on_down)(void *context, int status);
};

// `url` and `user` are borrowed, and the bus's options. VIVA_ENOMEM, VIVA_EINTERNAL (no thread).
VIVA_MUST_CHECK int viva_rabbitmq_connection_create(const struct viva_rabbitmq_url *url,
						    const struct viva_bus_options *options,
						    const struct viva_rabbitmq_user *user, void *context,
						    struct viva_rabbitmq_connection **ret_connection,
						    struct viva_error *error);
// Ends it: when it is up, after a turn that was done, but within seconds. NULL is fine. Always NULL. Not from the
// thread.
struct viva_rabbitmq_connection *viva_rabbitmq_connection_destroy(struct viva_rabbitmq_connection *connection);

// Makes it lose its link, in case that it is stuck in sending.
void viva_rabbitmq_connection_interrupt(struct viva_rabbitmq_connection *connection);
// There is something to send: a turn comes. Cheap when one is about to come anyway.
void viva_rabbitmq_connection_wake(struct viva_rabbitmq_connection *connection);
// Returns when the first attempt to connect has succeeded or failed.
void viva_rabbitmq_connection_wait_for_attempt(struct viva_rabbitmq_connection *connection);
// 0 when it is up, else VIVA_EUNAVAILABLE and why; then *ret_since_us (monotonic, may be NULL) is when it was lost.
VIVA_MUST_CHECK int viva_rabbitmq_connection_check(struct viva_rabbitmq_connection *connection, int64_t *ret_since_us,
						   struct viva_error *error);

// A condition whose waits end by the monotonic clock.
void viva_rabbitmq_monotonic_cond_init(pthread_cond_t *cond);

#endif
