// SPDX-License-Identifier: Apache-2.0
//
// A blocking WebSocket client (RFC 6455) for command-line tools: connect, send, receive, close.
//
// Threads: one owner at a time; every call may block up to its timeout. Never from the loop's thread.
#ifndef VIVA_NET_WEBSOCKET_CLIENT_H
#define VIVA_NET_WEBSOCKET_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "net/tls.h"
#include "net/websocket.h"

struct viva_websocket_client;

struct viva_websocket_client_options {
	const char *host;  // name or address, without brackets
	uint16_t port;
	struct viva_tls *tls;        // of a client: wss. Borrowed for the call. NULL = ws.
	const char *target;          // "/ws/interviews/1?token=…": path and query as sent
	const char *const *headers;  // further "Name: value" lines (Authorization, Sec-WebSocket-Protocol, …)
	size_t header_count;
	uint32_t connect_timeout_ms;  // for the connection and the handshake together. 0 = 10,000.
	uint32_t send_timeout_ms;     // for one message. 0 = 30,000.
	size_t max_message_bytes;     // a larger one from the server closes with 1009. 0 = 16 MiB.
};

// Connects and does the opening handshake. VIVA_EUNAVAILABLE (no connection), VIVA_EDEADLINE, VIVA_EUSAGE (a header or
// the target that can't be sent), VIVA_EBADGATEWAY (not a WebSocket answer, no TLS or not
// with whom we wanted), VIVA_ENOMEM. An HTTP refusal becomes the
// error that best stands for it (401 VIVA_EUNAUTHORIZED, 403 VIVA_EFORBIDDEN, 404 VIVA_ENOTFOUND, 429 VIVA_ERATE,
// 5xx VIVA_EUNAVAILABLE, else VIVA_EBADGATEWAY) with the status in the sentence.
VIVA_MUST_CHECK int viva_websocket_client_connect(const struct viva_websocket_client_options *options,
						  struct viva_websocket_client **ret_client, struct viva_error *error);

// Sends one whole message, which the client neither keeps nor changes. VIVA_ECLOSED, VIVA_EDEADLINE, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_websocket_client_send(struct viva_websocket_client *client, enum viva_websocket_kind kind,
					       const void *data, size_t size);

// Waits for the next whole message and replaces ret_message's bytes by it (its limit is raised if need be). Pings are
// answered meanwhile. timeout_ms 0 only looks. VIVA_EDEADLINE: none came in time, call again; VIVA_ECLOSED: the server
// closed or the connection is lost (see _close_code); VIVA_EPROTOCOL: the server broke the protocol; VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_websocket_client_receive(struct viva_websocket_client *client, uint32_t timeout_ms,
						  enum viva_websocket_kind *ret_kind, struct viva_buffer *ret_message);

// The code of the server's close frame: 1005 when it had none, 1006 when the connection broke, 0 while open.
int viva_websocket_client_close_code(const struct viva_websocket_client *client);

// Sends a close frame with `code` (1000, 1001, 3000–4999, …) and waits at most timeout_ms for the server's; messages
// that come meanwhile are dropped. The client can only be destroyed afterwards.
void viva_websocket_client_close(struct viva_websocket_client *client, int code, uint32_t timeout_ms);

// Cuts the connection if it is still open, and frees. NULL is fine. Always NULL.
struct viva_websocket_client *viva_websocket_client_destroy(struct viva_websocket_client *client);
VIVA_DEFINE_AUTO(viva_websocket_client)

#endif
