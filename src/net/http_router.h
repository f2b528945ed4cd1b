// SPDX-License-Identifier: Apache-2.0
//
// Finds the route of a path: literal segments, `:name` for one segment, a final `*` for the rest. Internal to net/.
//
// Threads: after creation, any; nothing blocks.
#ifndef VIVA_NET_HTTP_ROUTER_H
#define VIVA_NET_HTTP_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "net/http_server.h"

enum { HTTP_MAX_PARAMETERS = 8, HTTP_MAX_SEGMENTS = 32, HTTP_STATUSES_COUNTED = 16 };

struct viva_metric;

// A route as the server keeps it, with its metrics found once.
struct http_route {
	const struct viva_http_route *route;
	struct viva_metric *duration;
	struct {
		int status;
		struct viva_metric *count;
	} statuses[HTTP_STATUSES_COUNTED];  // found at first use, on the loop
};

struct http_router;

struct http_match {
	struct http_route *route;  // NULL: none for this method
	const char *allow;         // comma-separated methods of the path, in the arena; "" when the path is unknown
	const char *const *parameters;
};

// Copies nothing: the tables must outlive the router. VIVA_EUSAGE names a pattern that can't be read, VIVA_ENOMEM.
VIVA_MUST_CHECK int http_router_create(const struct viva_http_route *const *tables, const size_t *counts,
				       size_t table_count, struct http_router **ret_router, struct viva_error *error);
struct http_router *http_router_destroy(struct http_router *router);
VIVA_DEFINE_AUTO(http_router)

// The most specific route of `path` (decoded) that serves `method`; a literal segment is more specific than a
// parameter, that more than `*`. VIVA_ENOMEM.
VIVA_MUST_CHECK int http_router_find(struct http_router *router, struct viva_arena *arena, const char *method,
				     const char *path, struct http_match *ret_match);

// The name of parameter `index` of a pattern, *ret_size bytes of it (":id" → "id", "*" → "*"); NULL past the last.
const char *http_pattern_parameter(const char *pattern, size_t index, size_t *ret_size);

#endif
