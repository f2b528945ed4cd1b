// SPDX-License-Identifier: Apache-2.0
//
// Request targets and percent-encoding (RFC 3986, RFC 9112 §3.2). Internal to net/; the fuzz target uses it too.
//
// Threads: any; nothing blocks.
#ifndef VIVA_NET_HTTP_PATH_H
#define VIVA_NET_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/macros.h"

// Splits a target into a decoded path and a query as sent ("" = none), both in the arena. `host` is the Host header,
// which the authority of an absolute target must equal; NULL = none. "*" stays "*". A path that decodes to NUL, control
// characters, "\" or an additional "/", or to bytes that aren't UTF-8, is refused: no two readers may see different
// segments in it. So is a query that can't be decoded to UTF-8 without NUL. VIVA_EPROTOCOL, VIVA_ENOMEM.
VIVA_MUST_CHECK int http_path_parse(struct viva_arena *arena, const char *target, const char *host,
				    const char **ret_path, const char **ret_query);

// The origin form of a target: without scheme and authority. Borrowed from `target`, or "/".
const char *http_path_origin_form(const char *target);

// The decoded value of the query's first member `name`, "+" read as a space, in the arena. NULL: none, not UTF-8,
// a NUL in it, badly encoded, or out of memory.
const char *http_path_query_member(struct viva_arena *arena, const char *query, const char *name);

#endif
