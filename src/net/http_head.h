// SPDX-License-Identifier: Apache-2.0
//
// The head of a request or response while it arrives: start line and headers in one bounded buffer. Internal to net/.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_NET_HTTP_HEAD_H
#define VIVA_NET_HTTP_HEAD_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/macros.h"
#include "net/http_server.h"

struct http_field {
	uint32_t name, value;  // offsets in text
};

struct http_head {
	struct viva_buffer text;  // the target, then names (lower case) and values, each with a terminator
	struct http_field *fields;
	size_t count, capacity;
	size_t max_count;
	bool is_in_name;
};

// {.max_bytes, .max_count} bound what is kept; more is VIVA_EHEADERSIZE.
void http_head_init(struct http_head *head, size_t max_bytes, size_t max_count);
void http_head_finish(struct http_head *head);

// The parser's spans, in their order; they may come in pieces. VIVA_EHEADERSIZE, VIVA_ENOMEM.
VIVA_MUST_CHECK int http_head_add_start(struct http_head *head, const char *data, size_t size);
VIVA_MUST_CHECK int http_head_end_start(struct http_head *head);
VIVA_MUST_CHECK int http_head_add_name(struct http_head *head, const char *data, size_t size);
VIVA_MUST_CHECK int http_head_add_value(struct http_head *head, const char *data, size_t size);
VIVA_MUST_CHECK int http_head_end_value(struct http_head *head);

static inline const char *http_head_start(const struct http_head *head)
{
	return head->text.data ? (const char *)head->text.data : "";
}
static inline const char *http_head_name(const struct http_head *head, size_t index)
{
	return (const char *)head->text.data + head->fields[index].name;
}
static inline const char *http_head_value(const struct http_head *head, size_t index)
{
	return (const char *)head->text.data + head->fields[index].value;
}
// The first value of `name` (lower case), or NULL; and how many there are.
const char *http_head_find(const struct http_head *head, const char *name);
size_t http_head_count(const struct http_head *head, const char *name);
// Whether one of the `name` headers lists `token` between commas, in any case.
bool http_head_has_token(const struct http_head *head, const char *name, const char *token);
// The next comma-separated element of `list`, without surrounding blanks; false at the end.
bool http_next_element(const char **list, struct viva_bytes *ret_element);
bool http_element_is(struct viva_bytes element, const char *text);  // in any case
// The reason phrase of a status, "" for one that no RFC names.
const char *http_reason(int status);

#endif
