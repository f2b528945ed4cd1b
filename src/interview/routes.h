// SPDX-License-Identifier: Apache-2.0
//
// The interview service's REST routes.
//
// Threads: constants; the handlers run on the worker pool.
#ifndef VIVA_INTERVIEW_ROUTES_H
#define VIVA_INTERVIEW_ROUTES_H

#include "net/http_server.h"

extern const struct viva_http_route interview_routes[];
extern const size_t interview_route_count;

// The interview that a request is about, once its credentials were found good: the id in lower case, in the request's
// arena. `token` is a credential from elsewhere than Authorization (NULL = none). *ret_expires_at (may be NULL): when
// the interview's token does, Unix seconds; 0 = it is the API key. VIVA_EUNAUTHORIZED, VIVA_EFORBIDDEN, VIVA_ENOTFOUND
// (no id of ours).
VIVA_MUST_CHECK int interview_route_id(struct viva_http_request *request, const char *token, const char **ret_id,
				       int64_t *ret_expires_at, struct viva_error *error);

#endif
