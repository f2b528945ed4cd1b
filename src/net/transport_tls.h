// SPDX-License-Identifier: Apache-2.0
//
// TLS between a transport's socket and its owner, who notices nothing of it. What is written waits unsealed, and is
// sealed a few records at a time as the socket takes them: so a slow reader costs no more memory than without TLS, but
// for those records. Internal to transport.c.
//
//   socket ──> transport_tls_receive ──> on_data         transport_write ──> waiting ──> sealed ──> socket
//
// Threads: the loop's only.
#ifndef VIVA_NET_TRANSPORT_TLS_H
#define VIVA_NET_TRANSPORT_TLS_H

#include "net/transport.h"

struct transport_tls;

// What the peer sent, sealed.
void transport_tls_receive(struct transport *transport, const uint8_t *data, size_t size);
// As transport_write; `copies`: as transport_write_parts.
void transport_tls_write(struct transport *transport, const struct viva_bytes *parts, size_t count, bool copies,
			 void (*release)(void *context), void *context);
// Plain bytes that wait to be sealed.
size_t transport_tls_waiting(const struct transport_tls *tls);
// Says that nothing follows, once nothing waits. False: call again after a write got through.
bool transport_tls_end(struct transport *transport);
// A farewell before the socket is closed, if it can be sent at once.
void transport_tls_part(struct transport *transport);
// After the socket is closed. NULL is fine.
void transport_tls_destroy(struct transport_tls *tls);

#endif
