// SPDX-License-Identifier: Apache-2.0
//
// A blocking connection of a command-line tool to a server, plain or by TLS, with a deadline for everything. Internal
// to net/.
//
// Threads: one owner at a time; every call may block up to its deadline. Never from the loop's thread.
#ifndef VIVA_NET_CLIENT_STREAM_H
#define VIVA_NET_CLIENT_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"
#include "net/tls.h"

struct client_stream;

// The monotonic time, in milliseconds, at which timeout_ms from now are over.
int64_t client_stream_deadline(uint32_t timeout_ms);

// `host` is a name or address, without brackets; `tls` NULL = plain. VIVA_EUNAVAILABLE (no connection, or the server
// isn't who it should be), VIVA_EDEADLINE, VIVA_EBADGATEWAY (it speaks no TLS), VIVA_ENOMEM.
VIVA_MUST_CHECK int client_stream_connect(const char *host, uint16_t port, struct viva_tls *tls, int64_t deadline_ms,
					  struct client_stream **ret_stream, struct viva_error *error);
struct client_stream *client_stream_destroy(struct client_stream *stream);  // closes it. NULL is fine. Always NULL.
VIVA_DEFINE_AUTO(client_stream)

// All of it. VIVA_ECLOSED, VIVA_EDEADLINE.
VIVA_MUST_CHECK int client_stream_write(struct client_stream *stream, const void *data, size_t size,
					int64_t deadline_ms);
// At least one byte. VIVA_ECLOSED (the server has finished, or the connection broke), VIVA_EDEADLINE.
VIVA_MUST_CHECK int client_stream_read(struct client_stream *stream, void *buffer, size_t capacity, int64_t deadline_ms,
				       size_t *ret_size);

#endif
