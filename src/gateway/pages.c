// SPDX-License-Identifier: Apache-2.0
#include "gateway/pages.h"

#include <string.h>

// A page loads and calls nothing but this server, runs no script or style that is written into a page, makes no markup
// of texts, and is shown in no other page's frame.
#define CONTENT_POLICY                                                                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "                  \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                            \
	"require-trusted-types-for 'script'; trusted-types 'none'"

static const struct viva_http_header headers[] = {
	{"Cache-Control", "no-cache"},  // kept, but asked for anew by its tag: no page outlives an update
	{"Content-Security-Policy", CONTENT_POLICY},
	{"Permissions-Policy",
	 "camera=(self), microphone=(self), geolocation=(), display-capture=(), payment=(), usb=()"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Content-Type-Options", "nosniff"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
};

static const struct gateway_page *find_page(const char *pattern)
{
	for (size_t i = 0; i < gateway_page_count; i++)
		if (strcmp(gateway_pages[i].pattern, pattern) == 0)
			return &gateway_pages[i];
	return NULL;
}

// RFC 9110 §13.1.2: a list of tags, compared weakly, or "*". Ours hold no comma.
static bool names_tag(const char *if_none_match, const char *tag)
{
	const char *at = if_none_match;
	while (*(at += strspn(at, ", \t")) != '\0') {
		size_t size = strcspn(at, ", \t");
		size_t weak = size > 2 && memcmp(at, "W/", 2) == 0 ? 2 : 0;
		if ((size == 1 && *at == '*') ||
		    (size - weak == strlen(tag) && memcmp(at + weak, tag, size - weak) == 0))
			return true;
		at += size;
	}
	return false;
}

int gateway_serve_page(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	const struct gateway_page *page = find_page(request->pattern);
	if (!page)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "the page %s is not in this build", request->pattern);
	int code = viva_http_add_header(response, "ETag", page->entity_tag);
	for (size_t i = 0; i < VIVA_COUNT(headers) && code == 0; i++)
		code = viva_http_add_header(response, headers[i].name, headers[i].value);
	if (code != 0)
		return code;
	const char *if_none_match = viva_http_header(request, "if-none-match");
	if (if_none_match && names_tag(if_none_match, page->entity_tag)) {
		viva_http_set_status(response, 304);
		return 0;
	}
	VIVA_AUTO(viva_blob) body = NULL;
	code = viva_blob_create(page->content.data, page->content.size, &body);
	return code != 0 ? code : viva_http_respond_blob(response, 200, page->content_type, body);
}
