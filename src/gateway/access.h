// SPDX-License-Identifier: Apache-2.0
//
// Who may pass: a first check of credentials at the door. The services check again themselves.
//
// Threads: any; nothing blocks.
#ifndef VIVA_GATEWAY_ACCESS_H
#define VIVA_GATEWAY_ACCESS_H

#include "auth/auth.h"
#include "net/http_server.h"

enum gateway_access {
	GATEWAY_OPEN,       // anyone: health
	GATEWAY_API_KEY,    // the API key only: starting interviews
	GATEWAY_INTERVIEW,  // the API key, or the token of the interview that the path's parameter `:id` names
	GATEWAY_ANY_GRANT,  // any valid credential: which interview it is for stands in the body, which the service
			    // reads
};

// 0, VIVA_EUNAUTHORIZED or VIVA_EFORBIDDEN. On a WebSocket handshake the token may also stand in ?token= or in a
// subprotocol `viva.token.<JWT>`; elsewhere only in Authorization. VIVA_ENOMEM.
VIVA_MUST_CHECK int gateway_check_access(const struct viva_auth *auth, enum gateway_access access,
					 const struct viva_http_request *request, struct viva_error *error);

#endif
