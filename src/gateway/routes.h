// SPDX-License-Identifier: Apache-2.0
//
// The gateway's routes: which path goes to which service, for whom, and with how large a body; and the web pages.
//
// Threads: the choices run on the loop; nothing blocks.
#ifndef VIVA_GATEWAY_ROUTES_H
#define VIVA_GATEWAY_ROUTES_H

#include "auth/auth.h"
#include "gateway/upstreams.h"
#include "net/http_server.h"

// What the routes get as context: the first members of the gateway's state.
struct gateway_router {
	const struct viva_auth *auth;
	struct gateway_upstreams *upstreams;
};

extern const struct viva_http_route gateway_routes[];
extern const size_t gateway_route_count;

#endif
