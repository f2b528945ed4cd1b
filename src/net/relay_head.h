// SPDX-License-Identifier: Apache-2.0
//
// The heads that a relay writes: the request's to the upstream, the response's to the client. Internal to net/.
//
// Threads: the loop's only.
#ifndef VIVA_NET_RELAY_HEAD_H
#define VIVA_NET_RELAY_HEAD_H

#include "net/http_exchange.h"

enum { RELAY_MAX_HEAD_BYTES = 128 * 1024 };

// The request as it goes on, for `address` (its Host if the client sent none). VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int relay_write_request_head(struct http_exchange *exchange, const char *address,
					     struct viva_buffer *ret_head);
// The upstream's answer as the client gets it; `framing` as for http_response_head. With `is_switch` it is a 101.
VIVA_MUST_CHECK int relay_write_response_head(struct http_exchange *exchange, const struct http_head *answer,
					      int status, int64_t framing, bool is_switch,
					      struct viva_buffer *ret_head);

#endif
