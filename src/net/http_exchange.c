// SPDX-License-Identifier: Apache-2.0
#include "net/http_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_relay.h"
#include "net/websocket.h"

enum { FIRST_BODY_BYTES = 64 * 1024, MAX_BODY_BYTES_EVER = 1024 * 1024 * 1024 };

int http_exchange_create(struct http_connection *connection, struct http_exchange **ret_exchange)
{
	struct viva_http_server *server = connection->server;
	struct http_exchange *exchange = calloc(1, sizeof *exchange);
	if (!exchange)
		return VIVA_ENOMEM;
	if (viva_arena_create(0, &exchange->arena) != 0) {
		free(exchange);
		return VIVA_ENOMEM;
	}
	exchange->connection = connection;
	exchange->server = server;
	exchange->content_length = -1;
	exchange->keeps_alive = true;
	exchange->started_us = viva_clock_monotonic_us(viva_system_clock());
	http_head_init(&exchange->head, server->options.max_header_bytes, server->options.max_headers);
	http_response_init(&exchange->response, exchange);
	viva_buffer_init(&exchange->body, MAX_BODY_BYTES_EVER);
	transport_peer(&connection->transport, exchange->peer, sizeof exchange->peer);
	exchange->request = (struct viva_http_request){
		.method = "",
		.target = "",
		.path = "",
		.query = "",
		.request_id = exchange->request_id,
		.peer = exchange->peer,
		.arena = exchange->arena,
		.context = server->options.context,
	};
	http_server_hold(server);
	*ret_exchange = exchange;
	return 0;
}

static void release_budget(struct http_exchange *exchange)
{
	exchange->server->buffered_body_bytes -= exchange->charged_bytes;
	exchange->charged_bytes = 0;
}

void http_exchange_destroy(struct http_exchange *exchange)
{
	struct viva_http_server *server = exchange->server;
	release_budget(exchange);
	viva_blob_destroy(exchange->request.body);
	viva_buffer_finish(&exchange->body);
	http_response_finish(&exchange->response);
	http_head_finish(&exchange->head);
	viva_arena_destroy(exchange->arena);
	free(exchange);
	http_server_release(server);
}

void http_exchange_abandon(struct http_exchange *exchange)
{
	if (exchange->relay)
		relay_abandon(exchange);
	exchange->connection = NULL;
	atomic_store(&exchange->is_abandoned, true);
	atomic_store(&exchange->response.is_cancelled, true);
	http_stream_cancel(exchange->stream);
	if (exchange->is_on_worker)
		return;
	if (exchange->kind == EXCHANGE_WEBSOCKET && exchange->answer == ANSWER_READY && exchange->result == 0)
		exchange->route->route->websocket->on_close(NULL, 1006, exchange->websocket_session);
	http_exchange_destroy(exchange);
}

static struct viva_metric *status_metric(struct http_exchange *exchange, int status)
{
	static const char name[] = "viva_http_requests_total";
	static const char help[] = "HTTP requests answered, by method, route and status.";
	char labels[256];
	if (!exchange->route) {
		snprintf(labels, sizeof labels, "method=\"\",route=\"\",code=\"%d\"", status);
		return viva_counter(name, labels, help);
	}
	const struct viva_http_route *route = exchange->route->route;
	size_t i = 0;
	for (; i < HTTP_STATUSES_COUNTED && exchange->route->statuses[i].status != 0; i++)
		if (exchange->route->statuses[i].status == status)
			return exchange->route->statuses[i].count;
	snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",code=\"%d\"", route->method ? route->method : "*",
		 route->pattern, status);
	struct viva_metric *metric = viva_counter(name, labels, help);
	if (i < HTTP_STATUSES_COUNTED) {
		exchange->route->statuses[i].status = status;
		exchange->route->statuses[i].count = metric;
	}
	return metric;
}

void http_exchange_count(struct http_exchange *exchange, int status)
{
	viva_metric_add(status_metric(exchange, status), 1);
	if (!exchange->route)
		return;
	if (!exchange->route->duration) {
		char labels[160];
		snprintf(labels, sizeof labels, "route=\"%s\"", exchange->route->route->pattern);
		exchange->route->duration = viva_histogram("viva_http_request_seconds", labels,
							   "Time from a request's first byte to its answer.");
	}
	int64_t spent_us = viva_clock_monotonic_us(viva_system_clock()) - exchange->started_us;
	viva_metric_observe(exchange->route->duration, (double)spent_us / 1e6);
}

static void ensure_request_id(struct http_exchange *exchange)
{
	if (exchange->request_id[0] == '\0')
		viva_uuid7(viva_system_clock(), viva_system_random(), exchange->request_id);
}

// A body still on its way can be dropped only if it is short and sure to come; else the connection must end.
static void settle_body(struct http_exchange *exchange)
{
	bool is_short = exchange->intake == INTAKE_DONE ||
			(exchange->intake == INTAKE_BODY && !exchange->is_chunked && !exchange->wants_continue &&
			 exchange->content_length <= HTTP_DISCARDED_BODY_BYTES);
	if (!is_short)
		http_connection_give_up(exchange->connection);
	exchange->wants_continue = false;
}

void http_exchange_fail(struct http_exchange *exchange, const struct viva_error *error, int code)
{
	if (exchange->relay)
		relay_abandon(exchange);
	if (exchange->answer == ANSWER_RELAYING || exchange->answer == ANSWER_STREAMING) {
		// Half an answer is out: only the end of the connection tells that the rest won't come.
		transport_close(&exchange->connection->transport, UV_ECANCELED);
		return;
	}
	if (exchange->answer != ANSWER_PENDING)
		return;
	ensure_request_id(exchange);
	exchange->kind = EXCHANGE_REFUSED;
	viva_buffer_finish(&exchange->body);
	release_budget(exchange);
	http_response_set_error(&exchange->response, error, code);
	exchange->answer = ANSWER_READY;
	settle_body(exchange);
}

void http_exchange_refuse(struct http_exchange *exchange, int code, const char *message)
{
	struct viva_error error = {0};
	viva_fail(&error, code, NULL, "%s", message ? message : "");
	http_exchange_fail(exchange, &error, code);
}

static void answer_unknown_path(struct http_exchange *exchange)
{
	struct viva_error error = {0};
	http_exchange_fail(exchange, &error, VIVA_ENOTFOUND);
	if (viva_http_respond_text(&exchange->response, 404, "application/json", "{\"error\":\"not found\"}") != 0)
		transport_close(&exchange->connection->transport, UV_ENOMEM);
}

static void answer_options(struct http_exchange *exchange, const char *allow)
{
	ensure_request_id(exchange);
	exchange->kind = EXCHANGE_REFUSED;
	exchange->response.status = 204;
	exchange->answer = ANSWER_READY;
	if (viva_http_add_header(&exchange->response, "Allow", allow) != 0)
		transport_close(&exchange->connection->transport, UV_ENOMEM);
	settle_body(exchange);
}

static void answer_unserved(struct http_exchange *exchange, const struct http_match *match)
{
	bool is_options = strcmp(exchange->request.method, "OPTIONS") == 0;
	if (is_options && strcmp(exchange->request.path, "*") == 0) {
		answer_options(exchange, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	} else if (*match->allow == '\0') {
		answer_unknown_path(exchange);
	} else if (is_options) {
		answer_options(exchange, match->allow);
	} else {
		exchange->response.allow = match->allow;
		http_exchange_refuse(exchange, VIVA_EMETHOD, NULL);
	}
}

static bool media_type_is_taken(const struct http_exchange *exchange)
{
	const char *list = exchange->route->route->content_types;
	struct viva_bytes element;
	if (!list)
		return true;
	while (http_next_element(&list, &element)) {
		char type[128];
		snprintf(type, sizeof type, "%.*s", (int)element.size, (const char *)element.data);
		if (viva_http_content_type_is(&exchange->request, type))
			return true;
	}
	return false;
}

static int check_body(struct http_exchange *exchange)
{
	const struct viva_http_route *route = exchange->route->route;
	const struct viva_http_server *server = exchange->server;
	if (!exchange->is_chunked && exchange->content_length <= 0)
		return 0;
	if (route->max_body_bytes == 0 ||
	    (exchange->content_length > 0 && (uint64_t)exchange->content_length > (uint64_t)route->max_body_bytes))
		return route->too_large_code != 0 ? route->too_large_code : VIVA_EBODYSIZE;
	if (exchange->is_upgrade && (route->websocket || route->relay))
		return VIVA_EPROTOCOL;
	if (!media_type_is_taken(exchange))
		return VIVA_EMEDIATYPE;
	if (!route->relay && exchange->content_length > 0 &&
	    (size_t)exchange->content_length > server->options.max_buffered_body_bytes - server->buffered_body_bytes)
		return VIVA_EOVERLOAD;
	return 0;
}

static int choose_kind(struct http_exchange *exchange, struct viva_error *error)
{
	const struct viva_http_route *route = exchange->route->route;
	if (route->relay) {
		exchange->kind = EXCHANGE_RELAYED;
		return 0;
	}
	exchange->is_upgrade = exchange->is_upgrade && route->websocket;
	if (!route->websocket) {
		exchange->kind = EXCHANGE_HANDLED;
		return 0;
	}
	int code = websocket_check_handshake(exchange, error);
	if (code == 0)
		exchange->kind = EXCHANGE_WEBSOCKET;
	return code;
}

// RFC 9110 §15.5.22, RFC 6455 §4.4.
static void ask_for_upgrade(struct http_exchange *exchange)
{
	struct viva_http_response *response = &exchange->response;
	response->status = 426;
	if (viva_http_add_header(response, "Upgrade", "websocket") != 0 ||
	    viva_http_add_header(response, "Sec-WebSocket-Version", "13") != 0)
		transport_close(&exchange->connection->transport, UV_ENOMEM);
}

void http_exchange_begin(struct http_exchange *exchange, const llhttp_t *parser)
{
	struct viva_error error = {0};
	int code = http_request_read(exchange, parser, &error);
	ensure_request_id(exchange);
	if (exchange->server->is_stopping)
		exchange->keeps_alive = false;
	if (code != 0) {
		http_connection_give_up(exchange->connection);
		http_exchange_fail(exchange, &error, code);
		return;
	}
	exchange->intake = INTAKE_BODY;
	struct http_match match = {0};
	code = http_router_find(exchange->server->router, exchange->arena, exchange->request.method,
				exchange->request.path, &match);
	if (code == 0 && !match.route) {
		answer_unserved(exchange, &match);
		return;
	}
	if (code == 0) {
		exchange->route = match.route;
		exchange->request.parameters = match.parameters;
		exchange->request.pattern = match.route->route->pattern;
		code = check_body(exchange);
	}
	if (code == 0)
		code = choose_kind(exchange, &error);
	if (code != 0)
		http_exchange_fail(exchange, &error, code);
	if (exchange->needs_upgrade)
		ask_for_upgrade(exchange);
}

static int grow_body(struct http_exchange *exchange, size_t size)
{
	struct viva_buffer *body = &exchange->body;
	if (body->capacity - body->size >= size)
		return 0;
	size_t expected = exchange->content_length > 0 ? (size_t)exchange->content_length - body->size : 0;
	// The client's word for the length is believed only so far; beyond, memory follows the bytes.
	size_t wanted = VIVA_MAX(VIVA_MIN(expected, (size_t)FIRST_BODY_BYTES), VIVA_MIN(expected, body->size));
	return viva_buffer_reserve(body, VIVA_MAX(wanted, size));
}

int http_exchange_take_body(struct http_exchange *exchange, const char *data, size_t size)
{
	struct viva_http_server *server = exchange->server;
	exchange->body_bytes += size;
	if (exchange->kind == EXCHANGE_REFUSED)
		return 0;
	const struct viva_http_route *route = exchange->route->route;
	if (exchange->body_bytes > route->max_body_bytes)
		return route->too_large_code != 0 ? route->too_large_code : VIVA_EBODYSIZE;
	if (exchange->kind == EXCHANGE_RELAYED) {
		if (exchange->relay)
			relay_take_body(exchange, data, size);
		return 0;
	}
	if (size > server->options.max_buffered_body_bytes - server->buffered_body_bytes)
		return VIVA_EOVERLOAD;
	int code = grow_body(exchange, size);
	if (code == 0)
		code = viva_buffer_append(&exchange->body, data, size);
	if (code == 0) {
		server->buffered_body_bytes += size;
		exchange->charged_bytes += size;
	}
	return code;
}

// On the loop, after a worker is done with the exchange.
static void on_finished(void *context)
{
	struct http_exchange *exchange = context;
	exchange->is_on_worker = false;
	if (!exchange->connection) {
		if (exchange->kind == EXCHANGE_WEBSOCKET && exchange->result == 0)
			exchange->route->route->websocket->on_close(NULL, 1006, exchange->websocket_session);
		http_exchange_destroy(exchange);
		return;
	}
	struct http_stream *stream = exchange->response.stream;
	if (stream) {
		exchange->stream = stream;
		exchange->answer = ANSWER_STREAMING;
		if (exchange->result != 0)
			transport_close(&exchange->connection->transport, UV_ECANCELED);
		http_stream_end(stream);
	} else {
		exchange->answer = ANSWER_READY;
	}
	http_connection_flush(exchange->connection);
}

static void report_failure(struct http_exchange *exchange)
{
	const char *message = exchange->error.message[0] ? exchange->error.message : viva_error_text(exchange->result);
	// The handler may have put other ids in place, and this line must be found by the answer's.
	viva_log_set_context(exchange->request_id, NULL);
	// A retryable failure is somebody's load or outage, known elsewhere; any other is ours to look into.
	if (viva_error_http_status(exchange->result) >= 500)
		viva_log(viva_error_is_retryable(exchange->result) ? VIVA_LOG_WARN : VIVA_LOG_ERROR, "%s %s failed: %s",
			 exchange->request.method, exchange->request.pattern, message);
	struct viva_http_response *response = &exchange->response;
	if (response->stream && http_stream_has_written(response->stream))
		return;
	http_stream_unref(response->stream);
	response->stream = NULL;
	http_response_set_error(response, &exchange->error, exchange->result);
}

static int call_handler(struct http_exchange *exchange)
{
	const struct viva_http_route *route = exchange->route->route;
	// Whoever asked has given up by now: the time is better spent on the next one.
	if (viva_clock_monotonic_us(viva_system_clock()) > exchange->request.deadline_us)
		return VIVA_EDEADLINE;
	if (atomic_load(&exchange->is_abandoned))
		return VIVA_ECANCELLED;
	if (exchange->kind == EXCHANGE_WEBSOCKET)
		return route->websocket->authorize(&exchange->request, &exchange->websocket_session,
						   &exchange->subprotocol, &exchange->error);
	return route->handle(&exchange->request, &exchange->response, &exchange->error);
}

static void run_on_worker(void *context)
{
	struct http_exchange *exchange = context;
	viva_log_set_context(exchange->request_id, NULL);
	exchange->result = call_handler(exchange);
	if (exchange->result != 0)
		report_failure(exchange);
	viva_log_set_context(NULL, NULL);
	viva_loop_post_embedded(exchange->server->options.loop, &exchange->finished);
}

void http_exchange_end(struct http_exchange *exchange)
{
	exchange->intake = INTAKE_DONE;
	if (exchange->kind == EXCHANGE_RELAYED) {
		relay_end_body(exchange);
		return;
	}
	if (exchange->kind == EXCHANGE_REFUSED)
		return;
	int code = viva_blob_create_from_buffer(&exchange->body, &exchange->request.body);
	if (code == 0) {
		exchange->finished = (struct viva_loop_post){.run = on_finished, .context = exchange};
		exchange->is_on_worker = true;
		code = viva_pool_submit(exchange->server->options.pool, run_on_worker, exchange);
	}
	if (code != 0) {
		exchange->is_on_worker = false;
		http_exchange_refuse(exchange, code == VIVA_ECLOSED ? VIVA_EOVERLOAD : code, NULL);
	}
}
