// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/http_exchange.h"

enum { MAX_HEADER_BYTES = 64 * 1024, MAX_JSON_BYTES = 64 * 1024 * 1024 };

void http_response_init(struct viva_http_response *response, struct http_exchange *exchange)
{
	response->exchange = exchange;
	response->status = 204;
	viva_buffer_init(&response->headers, MAX_HEADER_BYTES);
}

void http_response_finish(struct viva_http_response *response)
{
	viva_buffer_finish(&response->headers);
	response->body = viva_blob_destroy(response->body);
	http_stream_unref(response->stream);
	response->stream = NULL;
}

void viva_http_set_status(struct viva_http_response *response, int status)
{
	response->status = status;
}

static bool is_token(const char *text)
{
	size_t size = strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	return size > 0 && text[size] == '\0';
}

static bool is_header_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

int viva_http_add_header(struct viva_http_response *response, const char *name, const char *value)
{
	if (!is_token(name) || !is_header_value(value))
		return VIVA_EINVAL;
	return viva_buffer_printf(&response->headers, "%s: %s\r\n", name, value);
}

static int set_content_type(struct viva_http_response *response, const char *content_type)
{
	if (!content_type) {
		response->content_type = NULL;
		return 0;
	}
	if (!is_header_value(content_type))
		return VIVA_EINVAL;
	char *copy = viva_arena_text(response->exchange->arena, content_type, strlen(content_type));
	if (!copy)
		return VIVA_ENOMEM;
	response->content_type = copy;
	return 0;
}

int viva_http_respond_blob(struct viva_http_response *response, int status, const char *content_type,
			   struct viva_blob *body)
{
	int code = set_content_type(response, content_type);
	if (code != 0)
		return code;
	viva_blob_destroy(response->body);
	response->body = viva_blob_ref(body);
	response->status = status;
	return 0;
}

int viva_http_respond_text(struct viva_http_response *response, int status, const char *content_type, const char *text)
{
	VIVA_AUTO(viva_blob) body = NULL;
	int code = viva_blob_create(text, strlen(text), &body);
	return code != 0 ? code : viva_http_respond_blob(response, status, content_type, body);
}

static int append_json(const char *text, size_t size, void *context)
{
	return viva_buffer_append(context, text, size) == 0 ? 0 : -1;
}

int viva_http_respond_json(struct viva_http_response *response, int status, json_t *json)
{
	VIVA_AUTO_JSON owned = json;
	struct viva_buffer text;
	viva_buffer_init(&text, MAX_JSON_BYTES);
	VIVA_AUTO(viva_blob) body = NULL;
	int code = VIVA_ENOMEM;
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
	if (owned && json_dump_callback(owned, append_json, &text, flags) == 0)
		code = viva_blob_create_from_buffer(&text, &body);
	viva_buffer_finish(&text);
	return code != 0 ? code : viva_http_respond_blob(response, status, "application/json", body);
}

bool viva_http_is_cancelled(const struct viva_http_response *response)
{
	return atomic_load(&response->is_cancelled);
}

static json_t *error_json(const struct http_exchange *exchange, const struct viva_error *error, int code)
{
	const char *message = error->message[0] ? error->message : viva_error_text(code);
	json_t *json = json_pack("{s:s, s:s, s:s}", "error", message, "code", viva_error_api_code(code), "request_id",
				 exchange->request_id);
	if (json && error->field[0])
		json_object_set_new(json, "field", json_string(error->field));
	return json;
}

void http_response_set_error(struct viva_http_response *response, const struct viva_error *error, int code)
{
	struct http_exchange *exchange = response->exchange;
	int status = viva_error_http_status(code);
	// What a handler had prepared before it failed does not belong to the error's answer.
	viva_buffer_finish(&response->headers);
	response->body = viva_blob_destroy(response->body);
	response->content_type = NULL;
	response->status = status;

	int result = viva_http_respond_json(response, status, error_json(exchange, error, code));
	if (result == 0 && (status == 503 || status == 429))
		result = viva_buffer_printf(&response->headers, "Retry-After: %d\r\n", HTTP_RETRY_AFTER_S);
	if (result == 0 && status == 401)
		result = viva_http_add_header(response, "WWW-Authenticate", "Bearer");
	if (result == 0 && response->allow)
		result = viva_http_add_header(response, "Allow", response->allow);
	if (result != 0)
		viva_log_warn("an error answer could not be made whole: %s", viva_error_name(result));
}

static int append_framing(struct viva_buffer *head, int64_t framing)
{
	switch (framing) {
	case HTTP_CHUNKED:
		return viva_buffer_append_text(head, "Transfer-Encoding: chunked\r\n");
	case HTTP_UNTIL_CLOSE:
	case HTTP_NO_FRAMING:
		return 0;
	default:
		return viva_buffer_printf(head, "Content-Length: %lld\r\n", (long long)framing);
	}
}

int http_response_head(struct http_exchange *exchange, int64_t framing, struct viva_buffer *ret_head)
{
	struct viva_http_response *response = &exchange->response;
	int code = viva_buffer_printf(ret_head, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n", response->status,
				      http_reason(response->status), http_server_date(exchange->server),
				      exchange->request_id);
	if (code == 0 && response->content_type)
		code = viva_buffer_printf(ret_head, "Content-Type: %s\r\n", response->content_type);
	if (code == 0)
		code = append_framing(ret_head, framing);
	if (code == 0 && response->headers.size > 0)
		code = viva_buffer_append(ret_head, response->headers.data, response->headers.size);
	if (code == 0 && !exchange->keeps_alive)
		code = viva_buffer_append_text(ret_head, "Connection: close\r\n");
	else if (code == 0 && exchange->is_http10)
		code = viva_buffer_append_text(ret_head, "Connection: keep-alive\r\n");
	return code != 0 ? code : viva_buffer_append_text(ret_head, "\r\n");
}

struct sent_answer {
	struct viva_buffer head;
	struct viva_blob *body;
};

static void release_answer(void *context)
{
	struct sent_answer *answer = context;
	viva_buffer_finish(&answer->head);
	viva_blob_destroy(answer->body);
	free(answer);
}

// RFC 9110 §6.4.1: answers that never have content.
static bool status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

void http_response_send(struct http_exchange *exchange)
{
	struct viva_http_response *response = &exchange->response;
	struct transport *transport = &exchange->connection->transport;
	bool has_body = status_has_body(response->status);
	size_t size = viva_blob_bytes(response->body).size;
	struct sent_answer *answer = calloc(1, sizeof *answer);
	if (!answer) {
		transport_close(transport, UV_ENOMEM);
		return;
	}
	viva_buffer_init(&answer->head, 2 * MAX_HEADER_BYTES);
	if (http_response_head(exchange, has_body ? (int64_t)size : HTTP_NO_FRAMING, &answer->head) != 0) {
		release_answer(answer);
		transport_close(transport, UV_ENOMEM);
		return;
	}
	if (has_body && !exchange->is_head_method)
		answer->body = viva_take(&response->body);
	struct viva_bytes parts[] = {viva_bytes_of(answer->head.data, answer->head.size),
				     viva_blob_bytes(answer->body)};
	transport_write(transport, parts, VIVA_COUNT(parts), release_answer, answer);
}
