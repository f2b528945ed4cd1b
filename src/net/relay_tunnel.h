// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a relayed request after a 101: bytes pass both ways, with back-pressure, unread. Internal to net/.
//
// Threads: the loop's only.
#ifndef VIVA_NET_RELAY_TUNNEL_H
#define VIVA_NET_RELAY_TUNNEL_H

#include "net/http_exchange.h"
#include "net/relay_upstream.h"
#include "resilience/balancer.h"

// Takes the client's connection and the upstream over; `early` are bytes that the upstream sent right after its 101,
// whose head has been written to the client. `member` (may be NULL) of the balancer is busy as long as the tunnel is
// open, and is the tunnel's to end. The exchange is gone afterwards. On failure nothing was taken.
// VIVA_ENOMEM, VIVA_ECLOSED.
VIVA_MUST_CHECK int relay_tunnel_open(struct http_exchange *exchange, struct upstream *upstream,
				      struct viva_balancer *balancer, struct viva_member *member,
				      uint32_t idle_timeout_ms, struct viva_bytes early);

#endif
