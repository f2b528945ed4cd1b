// SPDX-License-Identifier: Apache-2.0
//
// Routes that pass requests on to other HTTP/1.1 servers: bodies and WebSockets stream both ways, nothing is stored.
//
// What crosses: hop-by-hop headers are dropped (RFC 9110 §7.6.1), X-Forwarded-For, -Proto and -Host are added,
// X-Request-Id and traceparent are passed on or made, the Host stays the client's. Framing is made anew on both sides.
// A next address is tried while nothing was sent yet, and for idempotent requests without a body when the connection
// died before its first response byte. Each server (viva_http_server) keeps idle connections to upstreams.
//
// Threads: everything runs on the loop's thread; `choose` must not block.
#ifndef VIVA_NET_HTTP_RELAY_H
#define VIVA_NET_HTTP_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/http_server.h"
#include "resilience/balancer.h"

// Where one request goes: to the instance that a balancer chooses, and while nothing was sent yet to others, or to the
// addresses of a list in its order.
struct viva_http_relay_choice {
	const char *const *addresses;  // "host:port" or "[v6]:port", first the one to try first; in the request's arena
	size_t address_count;          // 0 is answered 503
	struct viva_balancer *balancer;  // NULL = the list. Counts the request until its answer or WebSocket has ended.
};

// Beside the headers named above, the upstream is told in X-Request-Timeout how many seconds the client still waits.
struct viva_http_relay_route {
	// Looks at the head (request->body is NULL: it hasn't come yet) and decides: 0 and *ret_choice, or an error
	// that the client gets. The request lives until the exchange has ended. Also asked for WebSocket handshakes.
	int (*choose)(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		      struct viva_error *error);
	uint32_t connect_timeout_ms;   // for each address. 0 = 2,000.
	uint32_t response_timeout_ms;  // from the request's last byte to the response's head; then 504. 0 = 60,000.
	uint32_t idle_timeout_ms;      // without a byte in either direction of a response or WebSocket. 0 = 90,000.
};

#endif
