// SPDX-License-Identifier: Apache-2.0
//
// WebSockets (RFC 6455) on the HTTP server, whole: fragments, control frames, UTF-8, close handshake.
//
// Threads: callbacks other than authorize run on the loop and must not block. send and close may come from any thread
// that holds a reference.
#ifndef VIVA_NET_WEBSOCKET_H
#define VIVA_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/macros.h"
#include "net/http_server.h"

struct viva_websocket;

enum viva_websocket_kind { VIVA_WEBSOCKET_TEXT = 1, VIVA_WEBSOCKET_BINARY = 2 };

// The server's side of one path.
struct viva_websocket_route {
	// On a worker, before the 101: decide and make the session. An error is answered as plain HTTP. On success
	// *ret_session goes to the other callbacks, and *ret_subprotocol (NULL, or one that the client offered, in the
	// request's arena) into the answer. If the socket dies before on_open, on_close still comes, with socket NULL.
	int (*authorize)(struct viva_http_request *request, void **ret_session, const char **ret_subprotocol,
			 struct viva_error *error);
	void (*on_open)(struct viva_websocket *socket, void *session);
	// A whole message; take a reference on `message` to keep it.
	void (*on_message)(struct viva_websocket *socket, enum viva_websocket_kind kind, struct viva_blob *message,
			   void *session);
	// A message over max_message_bytes whose rest is being skipped: answer an error, the connection lives on.
	// NULL: the socket is closed with 1009.
	void (*on_oversize)(struct viva_websocket *socket, void *session);
	void (*on_close)(struct viva_websocket *socket, int code, void *session);  // the last callback, exactly once
	size_t max_message_bytes;                                                  // Default 0 = 1 MiB.
	size_t max_waiting_bytes;   // unsent bytes after which the slow reader is closed with 1013. Default 0 = 1 MiB.
	uint32_t ping_interval_ms;  // a ping when silent so long, closed when silent twice as long. Default 0 = 30,000.
	uint32_t close_timeout_ms;  // for the peer's close frame. Default 0 = 5,000.
};

struct viva_websocket *viva_websocket_ref(struct viva_websocket *socket);
struct viva_websocket *viva_websocket_unref(struct viva_websocket *socket);  // always NULL

// Queues a whole message (copied). VIVA_ECLOSED once closing; VIVA_ELIMIT when the peer reads too slowly.
VIVA_MUST_CHECK int viva_websocket_send(struct viva_websocket *socket, enum viva_websocket_kind kind, const void *data,
					size_t size);
// Starts the close handshake; `reason` at most 123 bytes, may be NULL.
void viva_websocket_close(struct viva_websocket *socket, int code, const char *reason);

#endif
