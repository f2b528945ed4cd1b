// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/http_exchange.h"
#include "net/http_path.h"

enum { MAX_REQUEST_ID = 64, MAX_TIMEOUT_S = 3600 };

static int check_host(const struct http_exchange *exchange, struct viva_error *error)
{
	size_t hosts = http_head_count(&exchange->head, "host");
	if (hosts > 1)
		return viva_fail(error, VIVA_EPROTOCOL, "host", "more than one Host header");
	if (hosts == 0)
		return exchange->is_http10 ? 0 : viva_fail(error, VIVA_EPROTOCOL, "host", "the Host header is missing");
	// RFC 3986 §3.2.2: what may stand in a host and port.
	const char *host = http_head_find(&exchange->head, "host");
	if (strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:[]%") !=
	    strlen(host))
		return viva_fail(error, VIVA_EPROTOCOL, "host", "the Host header is malformed");
	return 0;
}

static int check_framing(struct http_exchange *exchange, const llhttp_t *parser, struct viva_error *error)
{
	const struct http_head *head = &exchange->head;
	size_t encodings = http_head_count(head, "transfer-encoding");
	size_t lengths = http_head_count(head, "content-length");
	// The parser refuses most of this itself; these are the rules that must hold whatever its version.
	if (encodings > 0 && lengths > 0)
		return viva_fail(error, VIVA_EPROTOCOL, NULL, "Content-Length together with Transfer-Encoding");
	if (lengths > 1 || encodings > 1)
		return viva_fail(error, VIVA_EPROTOCOL, NULL, "the length of the body is stated more than once");
	if (encodings == 1 && exchange->is_http10)
		return viva_fail(error, VIVA_EPROTOCOL, NULL, "Transfer-Encoding in an HTTP/1.0 request");
	if (encodings == 1 && strcasecmp(http_head_find(head, "transfer-encoding"), "chunked") != 0)
		return viva_fail(error, VIVA_EPROTOCOL, NULL, "an unknown Transfer-Encoding");
	exchange->is_chunked = encodings == 1;
	exchange->content_length = -1;
	if (lengths == 1) {
		if (parser->content_length > INT64_MAX)
			return viva_fail(error, VIVA_EPROTOCOL, "content-length", "the Content-Length is out of range");
		exchange->content_length = (int64_t)parser->content_length;
	}
	return 0;
}

static int check_expectation(struct http_exchange *exchange, struct viva_error *error)
{
	const char *expect = http_head_find(&exchange->head, "expect");
	if (!expect || exchange->is_http10)
		return 0;
	if (strcasecmp(expect, "100-continue") != 0 || http_head_count(&exchange->head, "expect") > 1)
		return viva_fail(error, VIVA_EEXPECT, "expect", "only 100-continue can be expected");
	exchange->wants_continue = exchange->is_chunked || exchange->content_length > 0;
	return 0;
}

static bool request_id_is_valid(const char *id)
{
	size_t size = strlen(id);
	return size > 0 && size <= MAX_REQUEST_ID &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static void read_identity(struct http_exchange *exchange)
{
	struct viva_http_request *request = &exchange->request;
	const char *id = http_head_find(&exchange->head, "x-request-id");
	if (id && request_id_is_valid(id))
		memcpy(exchange->request_id, id, strlen(id) + 1);
	const char *trace = http_head_find(&exchange->head, "traceparent");
	if (trace && viva_traceparent_is_valid(trace) && http_head_count(&exchange->head, "traceparent") == 1)
		request->traceparent = trace;
}

static void read_deadline(struct http_exchange *exchange)
{
	double seconds = 0;
	int64_t timeout_us = (int64_t)exchange->server->options.handler_timeout_ms * 1000;
	const char *text = http_head_find(&exchange->head, "x-request-timeout");
	if (text && viva_parse_double(text, 0, MAX_TIMEOUT_S, &seconds) == 0 && seconds > 0)
		timeout_us = VIVA_MIN(timeout_us, (int64_t)(seconds * 1e6));
	exchange->request.deadline_us = exchange->started_us + timeout_us;
}

static int read_headers(struct http_exchange *exchange)
{
	const struct http_head *head = &exchange->head;
	struct viva_http_header *headers = viva_arena_alloc(exchange->arena, (head->count + 1) * sizeof *headers);
	if (!headers)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < head->count; i++)
		headers[i] = (struct viva_http_header){http_head_name(head, i), http_head_value(head, i)};
	exchange->request.headers = headers;
	exchange->request.header_count = head->count;
	return 0;
}

int http_request_read(struct http_exchange *exchange, const llhttp_t *parser, struct viva_error *error)
{
	struct viva_http_request *request = &exchange->request;
	request->method = llhttp_method_name((llhttp_method_t)parser->method);
	request->target = http_head_start(&exchange->head);
	exchange->is_head_method = strcmp(request->method, "HEAD") == 0;
	exchange->is_http10 = parser->http_minor == 0;
	exchange->keeps_alive = llhttp_should_keep_alive(parser) != 0;
	int code = read_headers(exchange);
	if (code != 0)
		return code;
	read_identity(exchange);
	read_deadline(exchange);

	if (parser->http_major != 1 || parser->http_minor > 1)
		return viva_fail(error, VIVA_EPROTOCOL, NULL, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	code = check_host(exchange, error);
	if (code == 0)
		code = check_framing(exchange, parser, error);
	if (code != 0)
		return code;
	code = http_path_parse(exchange->arena, request->target, http_head_find(&exchange->head, "host"),
			       &request->path, &request->query);
	if (code != 0)
		return viva_fail(error, code, NULL, "the request target is malformed");
	exchange->is_upgrade = !exchange->is_http10 && parser->method == HTTP_GET &&
			       http_head_has_token(&exchange->head, "upgrade", "websocket") &&
			       http_head_has_token(&exchange->head, "connection", "upgrade");
	return check_expectation(exchange, error);
}

const char *viva_http_header(const struct viva_http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

const char *viva_http_parameter(const struct viva_http_request *request, const char *name)
{
	const char *pattern = request->pattern ? request->pattern : "";
	size_t size = 0;
	for (size_t i = 0;; i++) {
		const char *parameter = http_pattern_parameter(pattern, i, &size);
		if (!parameter)
			return NULL;
		if (strlen(name) == size && memcmp(parameter, name, size) == 0)
			return request->parameters[i];
	}
}

const char *viva_http_query(const struct viva_http_request *request, const char *name)
{
	return http_path_query_member(request->arena, request->query, name);
}

static bool media_type_is(const char *content_type, const char *type, size_t size)
{
	size_t own = strcspn(content_type, "; \t");
	return own == size && strncasecmp(content_type, type, size) == 0;
}

bool viva_http_content_type_is(const struct viva_http_request *request, const char *type)
{
	const char *own = viva_http_header(request, "content-type");
	return own && media_type_is(own, type, strlen(type));
}
