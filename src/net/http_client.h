// SPDX-License-Identifier: Apache-2.0
//
// Plain HTTP calls to other services and webhooks, with a deadline and limits. Built on libcurl. The id of the request
// that the calling thread works on (base/log.h) goes along as X-Request-Id.
//
// Threads: any but the loop's: a call blocks until answered or past its deadline. One client serves many threads.
#ifndef VIVA_NET_HTTP_CLIENT_H
#define VIVA_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_http_client;

struct viva_http_call {
	const char *method;
	const char *url;             // http:// or https:// only; redirects are not followed
	const char *const *headers;  // "Name: value", header_count of them
	size_t header_count;
	struct viva_bytes body;
	uint32_t timeout_ms;        // for all of it; > 0
	size_t max_response_bytes;  // > 0; a larger answer is VIVA_ELIMIT,
	bool cuts_response;         // or cut there: for answers that only the status matters of
};

struct viva_http_reply {
	int status;
	const char *content_type;  // "" = none
	struct viva_bytes body;    // both in the caller's arena; the body is followed by a NUL
};

VIVA_MUST_CHECK int viva_http_client_create(struct viva_http_client **ret_client);  // VIVA_ENOMEM
// Servers of https must prove themselves by an authority of this PEM file instead of the system's; copied. Before the
// first call. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_http_client_set_ca_file(struct viva_http_client *client, const char *path);
struct viva_http_client *viva_http_client_destroy(struct viva_http_client *client);
VIVA_DEFINE_AUTO(viva_http_client)

// Any answer, whatever its status, is a success. VIVA_EUNAVAILABLE (no connection), VIVA_EDEADLINE, VIVA_ELIMIT,
// VIVA_EINVAL (url), VIVA_EBADGATEWAY (not HTTP, or a certificate that is not trusted), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_http_call(struct viva_http_client *client, const struct viva_http_call *call,
				   struct viva_arena *arena, struct viva_http_reply *ret_reply,
				   struct viva_error *error);

struct viva_http_url {
	const char *scheme;  // "http", "https"
	const char *host;    // a name or address that a call would go to; IPv6 without brackets
};

// Takes a URL apart as a call does, so that a check of the host can't be fooled. VIVA_EINVAL (no absolute http or https
// URL with a host), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_http_url_parse(const char *url, struct viva_arena *arena, struct viva_http_url *ret_url);

#endif
