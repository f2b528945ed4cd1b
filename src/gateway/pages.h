// SPDX-License-Identifier: Apache-2.0
//
// The web pages, which are part of the executable: the start page, the candidate's page and what they load. Built from
// the files in web/ by tools/embed_web.py.
//
// Threads: any; nothing blocks.
#ifndef VIVA_GATEWAY_PAGES_H
#define VIVA_GATEWAY_PAGES_H

#include "net/http_server.h"

struct gateway_page {
	const char *pattern;  // the route's: "/", "/interview/:id", "/web/style.css"
	const char *content_type;
	const char *entity_tag;  // strong, with its quotes (RFC 9110 §8.8.3)
	struct viva_bytes content;
};

extern const struct gateway_page gateway_pages[];
extern const size_t gateway_page_count;

// Answers with the page of the route's pattern, or 304 where If-None-Match has its tag.
VIVA_MUST_CHECK int gateway_serve_page(struct viva_http_request *request, struct viva_http_response *response,
				       struct viva_error *error);

#endif
