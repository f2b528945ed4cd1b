// SPDX-License-Identifier: Apache-2.0
//
// Connections to the servers that a relay passes requests on to, kept for reuse while idle. Internal to net/.
//
//   RESOLVING ──> CONNECTING ──> IN_USE <──> IDLE        any ──> CLOSED
//
// Threads: the loop's only.
#ifndef VIVA_NET_RELAY_UPSTREAM_H
#define VIVA_NET_RELAY_UPSTREAM_H

#include <llhttp.h>

#include "base/macros.h"
#include "net/loop.h"
#include "net/transport.h"

enum {
	UPSTREAM_MAX_ADDRESS = 262,    // a host name of 253, brackets, a port
	UPSTREAM_MAX_IDLE = 128,       // in all; one more closes the oldest
	UPSTREAM_IDLE_MS = 30 * 1000,  // well below the 75 s after which our servers close
	UPSTREAM_WRITE_TIMEOUT_MS = 30 * 1000,
};

enum upstream_state { UPSTREAM_RESOLVING, UPSTREAM_CONNECTING, UPSTREAM_IN_USE, UPSTREAM_IDLE, UPSTREAM_CLOSED };

struct upstream;
struct relay_pool;

// What the user of an upstream hears; none comes after upstream_release or upstream_drop.
struct upstream_user {
	void (*on_ready)(void *context);  // connected: send
	void (*on_data)(void *context, uint8_t *data, size_t size);
	void (*on_end)(void *context);
	void (*on_writable)(void *context);
	void (*on_timeout)(void *context);
	void (*on_lost)(void *context);  // it could not be connected, or broke; it is dropped already
};

struct upstream {
	struct transport transport;
	struct upstream *next;  // of the pool's idle ones, the one used last first
	struct relay_pool *pool;
	enum upstream_state state;
	const struct upstream_user *user;
	void *context;
	bool is_reused;
	bool is_resolving;
	bool is_transport_closed;
	uv_connect_t connecting;
	uv_getaddrinfo_t resolving;
	char address[UPSTREAM_MAX_ADDRESS];
};

VIVA_MUST_CHECK int relay_pool_create(struct viva_loop *loop, struct relay_pool **ret_pool);
void relay_pool_close_idle(struct relay_pool *pool);
// Its connections must be closed or closing. NULL is fine.
void relay_pool_destroy(struct relay_pool *pool);

// An idle connection to `address` if there is one and may_reuse (then it is ready at once and on_ready doesn't come),
// else a new one on its way. VIVA_EINVAL (not "host:port"), VIVA_ENOMEM.
VIVA_MUST_CHECK int upstream_acquire(struct relay_pool *pool, const char *address, bool may_reuse,
				     uint32_t connect_timeout_ms, const struct upstream_user *user, void *context,
				     struct upstream **ret_upstream);
// Gives it back in a state in which the next request can be sent.
void upstream_release(struct upstream *upstream);
// Closes it. NULL is fine.
void upstream_drop(struct upstream *upstream);

#endif
