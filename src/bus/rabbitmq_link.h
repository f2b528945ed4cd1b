// SPDX-License-Identifier: Apache-2.0
//
// One connection to RabbitMQ, from connecting to its end; who uses it makes a new one when it is lost.
//
// Threads: one at a time; calls block on the broker, at most connection_timeout each.
#ifndef VIVA_BUS_RABBITMQ_LINK_H
#define VIVA_BUS_RABBITMQ_LINK_H

#include <amqp.h>

#include "base/error.h"
#include "base/macros.h"
#include "bus/rabbitmq_url.h"

enum { VIVA_RABBITMQ_CHANNEL = 1 };  // open from the start; what happens on others is their opener's

struct viva_rabbitmq_link {
	amqp_connection_state_t state;  // for rabbitmq-c's calls
	int fd;                         // a duplicate of the socket's, so that it stays ours when rabbitmq-c closes it
	bool is_lost;                   // the socket failed or the broker closed; nothing can be sent any more
};

// Connects to the `attempt`-th host of the URL (modulo their number), logs in and opens the channel. `name` is what the
// broker's operator sees ("viva-worker consumer"). VIVA_EUNAVAILABLE (why in *error, without the password),
// VIVA_EUSAGE (a certificate that can't be read), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_rabbitmq_link_open(const struct viva_rabbitmq_url *url, size_t attempt, const char *name,
					    struct viva_rabbitmq_link *ret_link, struct viva_error *error);
// Says goodbye if it isn't lost, and frees.
void viva_rabbitmq_link_finish(struct viva_rabbitmq_link *link);

// What the last call of rabbitmq-c that waits for a reply did: 0, or VIVA_EUNAVAILABLE with a sentence that begins with
// `what`, or VIVA_ENOTFOUND or VIVA_ECONFLICT (it exists with other properties) if the broker refused it; that has
// closed the channel.
VIVA_MUST_CHECK int viva_rabbitmq_check_reply(struct viva_rabbitmq_link *link, const char *what,
					      struct viva_error *error);
// The same for a call that only sends.
VIVA_MUST_CHECK int viva_rabbitmq_check_sent(struct viva_rabbitmq_link *link, int status, const char *what,
					     struct viva_error *error);

// The next frame that has come, without waiting. *ret_has_frame = false if there is none. Frames that end the
// connection or its channel are answered and give VIVA_EUNAVAILABLE, as a lost connection does. What a frame points to
// is valid until release().
VIVA_MUST_CHECK int viva_rabbitmq_next_frame(struct viva_rabbitmq_link *link, amqp_frame_t *ret_frame,
					     bool *ret_has_frame, struct viva_error *error);
// Lets the memory of a frame go that was dealt with.
void viva_rabbitmq_release(struct viva_rabbitmq_link *link, const amqp_frame_t *frame);

// Between the two, frames are gathered into full segments; the second sends what is left.
void viva_rabbitmq_cork(struct viva_rabbitmq_link *link);
void viva_rabbitmq_uncork(struct viva_rabbitmq_link *link);

static inline amqp_bytes_t viva_rabbitmq_bytes(const void *data, size_t size)
{
	return (amqp_bytes_t){.len = size, .bytes = (void *)(uintptr_t)data};
}

#endif
