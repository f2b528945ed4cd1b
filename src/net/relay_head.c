// SPDX-License-Identifier: Apache-2.0
#include "net/relay_head.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http_path.h"

// RFC 9110 §7.6.1, and Proxy-Connection which some clients still send.
static const char *const hop_by_hop[] = {
	"connection",
	"keep-alive",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
	"proxy-authenticate",
	"proxy-authorization",
	"content-length",
};

// Made anew for the upstream, whatever the client says.
static const char *const made_for_upstream[] = {
	"expect", "x-forwarded-for",  "x-forwarded-proto", "x-forwarded-host", "x-request-id", "traceparent",
	"host",   "x-request-timeout"};

static bool is_in(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static bool is_dropped(const struct http_head *head, const char *name)
{
	return is_in(name, hop_by_hop, VIVA_COUNT(hop_by_hop)) || http_head_has_token(head, "connection", name);
}

// Appends "name: " and all values of the client's own header joined, then `last`; each may be missing.
static int write_forwarded_for(const struct http_exchange *exchange, struct viva_buffer *out)
{
	int code = viva_buffer_append_text(out, "x-forwarded-for: ");
	for (size_t i = 0; i < exchange->head.count && code == 0; i++)
		if (strcmp(http_head_name(&exchange->head, i), "x-forwarded-for") == 0)
			code = viva_buffer_printf(out, "%s, ", http_head_value(&exchange->head, i));
	const char *peer = exchange->peer;
	const char *colon = strrchr(peer, ':');
	size_t size = colon ? (size_t)(colon - peer) : strlen(peer);
	if (size > 2 && peer[0] == '[') {
		peer++;
		size -= 2;
	}
	return code != 0 ? code : viva_buffer_printf(out, "%.*s\r\n", (int)size, peer);
}

static int write_forwarded(const struct http_exchange *exchange, const char *host, struct viva_buffer *out)
{
	// A proxy in front of us knows better how the client came in.
	const char *proto = http_head_find(&exchange->head, "x-forwarded-proto");
	if (!proto || (strcasecmp(proto, "https") != 0 && strcasecmp(proto, "http") != 0))
		proto = exchange->connection->transport.tls ? "https" : "http";
	const char *original = http_head_find(&exchange->head, "x-forwarded-host");
	int code = write_forwarded_for(exchange, out);
	return code != 0 ? code
			 : viva_buffer_printf(out, "x-forwarded-proto: %s\r\nx-forwarded-host: %s\r\n", proto,
					      original ? original : host);
}

static int write_request_framing(const struct http_exchange *exchange, struct viva_buffer *out)
{
	if (exchange->is_upgrade)
		return viva_buffer_append_text(out, "connection: upgrade\r\nupgrade: websocket\r\n");
	if (exchange->is_chunked)
		return viva_buffer_append_text(out, "transfer-encoding: chunked\r\n");
	if (exchange->content_length >= 0)
		return viva_buffer_printf(out, "content-length: %lld\r\n", (long long)exchange->content_length);
	return 0;
}

// What is left of the time that the client gave, or we give it. A long upload may have used all of it up; then the
// service's own limit has to do.
static int write_deadline(const struct http_exchange *exchange, struct viva_buffer *out)
{
	int64_t left_us = exchange->request.deadline_us - viva_clock_monotonic_us(viva_system_clock());
	if (exchange->is_upgrade || left_us < 1000)
		return 0;
	return viva_buffer_printf(out, "x-request-timeout: %.3f\r\n", (double)left_us / 1e6);
}

int relay_write_request_head(struct http_exchange *exchange, const char *address, struct viva_buffer *ret_head)
{
	const struct http_head *head = &exchange->head;
	const struct viva_http_request *request = &exchange->request;
	const char *host = http_head_find(head, "host");
	if (!host)
		host = address;
	int code = viva_buffer_printf(ret_head, "%s %s HTTP/1.1\r\nhost: %s\r\n", request->method,
				      http_path_origin_form(request->target), host);
	for (size_t i = 0; i < head->count && code == 0; i++) {
		const char *name = http_head_name(head, i);
		if (!is_dropped(head, name) && !is_in(name, made_for_upstream, VIVA_COUNT(made_for_upstream)))
			code = viva_buffer_printf(ret_head, "%s: %s\r\n", name, http_head_value(head, i));
	}
	if (code == 0)
		code = write_forwarded(exchange, host, ret_head);
	if (code == 0)
		code = write_request_framing(exchange, ret_head);
	if (code == 0)
		code = write_deadline(exchange, ret_head);
	if (code == 0)
		code = viva_buffer_printf(ret_head, "x-request-id: %s\r\ntraceparent: %s\r\n\r\n", request->request_id,
					  request->traceparent);
	return code;
}

static int write_response_framing(const struct http_exchange *exchange, const struct http_head *answer, int64_t framing,
				  struct viva_buffer *out)
{
	// A HEAD's or a 304's length describes what isn't sent.
	const char *length = http_head_find(answer, "content-length");
	if (framing >= 0)
		return viva_buffer_printf(out, "Content-Length: %lld\r\n", (long long)framing);
	if (framing == HTTP_CHUNKED)
		return viva_buffer_append_text(out, "Transfer-Encoding: chunked\r\n");
	if (framing == HTTP_NO_FRAMING && length && exchange->is_head_method)
		return viva_buffer_printf(out, "Content-Length: %s\r\n", length);
	return 0;
}

int relay_write_response_head(struct http_exchange *exchange, const struct http_head *answer, int status,
			      int64_t framing, bool is_switch, struct viva_buffer *ret_head)
{
	int code = viva_buffer_printf(ret_head, "HTTP/1.1 %d %s\r\nX-Request-Id: %s\r\n", status, http_reason(status),
				      exchange->request_id);
	if (code == 0 && !http_head_find(answer, "date"))
		code = viva_buffer_printf(ret_head, "Date: %s\r\n", http_server_date(exchange->server));
	for (size_t i = 0; i < answer->count && code == 0; i++) {
		const char *name = http_head_name(answer, i);
		if (!is_dropped(answer, name) && strcmp(name, "x-request-id") != 0)
			code = viva_buffer_printf(ret_head, "%s: %s\r\n", name, http_head_value(answer, i));
	}
	if (code == 0)
		code = is_switch ? viva_buffer_append_text(ret_head, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
				 : write_response_framing(exchange, answer, framing, ret_head);
	if (code == 0 && !is_switch && !exchange->keeps_alive)
		code = viva_buffer_append_text(ret_head, "Connection: close\r\n");
	else if (code == 0 && !is_switch && exchange->is_http10)
		code = viva_buffer_append_text(ret_head, "Connection: keep-alive\r\n");
	return code != 0 ? code : viva_buffer_append_text(ret_head, "\r\n");
}
