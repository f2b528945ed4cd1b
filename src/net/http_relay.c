// SPDX-License-Identifier: Apache-2.0
//
// One request on its way through:
//
//   CONNECTING ──> WAITING (sent or sending, no answer yet) ──> ANSWERING ──> gone, or a tunnel after 101
//        ^             │ a kept connection had died: once more
//        └─────────────┘
#include "net/http_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "net/http_exchange.h"
#include "net/relay_head.h"
#include "net/relay_tunnel.h"
#include "net/relay_upstream.h"

enum {
	DEFAULT_CONNECT_MS = 2 * 1000,
	DEFAULT_RESPONSE_MS = 60 * 1000,
	DEFAULT_IDLE_MS = 90 * 1000,
	MAX_ANSWER_HEADERS = 256,
	MAX_TRIES = 8,                   // of a balancer's instances
	MAX_WAITING_BYTES = 512 * 1024,  // of a body, while the connection is made; a few reads at most
};

enum relay_state { RELAY_CONNECTING, RELAY_WAITING, RELAY_ANSWERING };

struct relay {
	struct http_exchange *exchange;
	const struct viva_http_relay_route *route;
	struct viva_http_relay_choice choice;
	size_t next_address;
	const char *address;         // that is tried or used now
	struct viva_member *member;  // of the choice's balancer, counted as busy; NULL = none
	struct viva_member *tried[MAX_TRIES];
	size_t tried_count;
	struct upstream *upstream;  // NULL between two attempts
	enum relay_state state;
	llhttp_t parser;
	struct http_head answer;
	uint64_t answer_bytes;  // received before the head was whole
	int status;
	int64_t framing;
	struct viva_buffer waiting;
	bool has_request_end;
	bool has_answer_bytes;
	bool is_reusable;
	bool is_refused;  // what the upstream says can't be passed on
	bool has_ended;
	char traceparent[56];
};

static const struct upstream_user relay_user;
static const llhttp_settings_t parser_settings;

static struct transport *client_of(const struct relay *relay)
{
	return &relay->exchange->connection->transport;
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value != 0 ? value : fallback;
}

static void end_member(struct relay *relay, int code)
{
	if (relay->member)
		viva_balancer_end(relay->choice.balancer, viva_take(&relay->member), code);
}

static void destroy(struct relay *relay)
{
	end_member(relay, VIVA_ECANCELLED);
	upstream_drop(relay->upstream);
	http_head_finish(&relay->answer);
	viva_buffer_finish(&relay->waiting);
	transport_resume(client_of(relay), TRANSPORT_PAUSE_RELAY);
	relay->exchange->relay = NULL;
	free(relay);
}

void relay_abandon(struct http_exchange *exchange)
{
	destroy(exchange->relay);
}

static void fail(struct relay *relay, int code, const char *message)
{
	struct http_exchange *exchange = relay->exchange;
	struct http_connection *connection = exchange->connection;
	end_member(relay, code);
	http_exchange_refuse(exchange, code, message);  // abandons this relay
	http_connection_flush(connection);
}

static void reset_answer(struct relay *relay)
{
	http_head_finish(&relay->answer);
	http_head_init(&relay->answer, RELAY_MAX_HEAD_BYTES, MAX_ANSWER_HEADERS);
	llhttp_init(&relay->parser, HTTP_RESPONSE, &parser_settings);
	relay->parser.data = relay;
	relay->answer_bytes = 0;
}

static void send_chunk(struct transport *transport, bool is_chunked, const void *data, size_t size)
{
	char head[20];
	int head_size = snprintf(head, sizeof head, "%zx\r\n", size);
	struct viva_bytes parts[] = {
		viva_bytes_of(head, is_chunked ? (size_t)head_size : 0),
		viva_bytes_of(data, size),
		viva_bytes_of("\r\n", is_chunked ? 2 : 0),
	};
	transport_write_parts(transport, parts, VIVA_COUNT(parts));
}

static void send_request_end(struct relay *relay)
{
	struct transport *transport = &relay->upstream->transport;
	if (relay->exchange->is_chunked)
		transport_write_copy(transport, "0\r\n\r\n", 5);
	if (relay->state == RELAY_WAITING)
		transport_set_deadline(transport, or_default(relay->route->response_timeout_ms, DEFAULT_RESPONSE_MS));
}

static void on_ready(void *context)
{
	struct relay *relay = context;
	struct http_exchange *exchange = relay->exchange;
	struct viva_buffer head;
	viva_buffer_init(&head, RELAY_MAX_HEAD_BYTES);
	int code = relay_write_request_head(exchange, relay->upstream->address, &head);
	if (code == 0) {
		relay->state = RELAY_WAITING;
		transport_write_copy(&relay->upstream->transport, head.data, head.size);
	}
	viva_buffer_finish(&head);
	if (code != 0) {
		fail(relay, code == VIVA_ELIMIT ? VIVA_EHEADERSIZE : code, NULL);
		return;
	}
	if (relay->waiting.size > 0)
		send_chunk(&relay->upstream->transport, exchange->is_chunked, relay->waiting.data, relay->waiting.size);
	viva_buffer_finish(&relay->waiting);
	if (relay->has_request_end)
		send_request_end(relay);
	transport_resume(client_of(relay), TRANSPORT_PAUSE_RELAY);
}

// Whether the address could be tried.
static bool connect_to(struct relay *relay, bool may_reuse)
{
	uint32_t timeout_ms = or_default(relay->route->connect_timeout_ms, DEFAULT_CONNECT_MS);
	relay->state = RELAY_CONNECTING;
	relay->upstream = NULL;
	reset_answer(relay);
	if (upstream_acquire(relay->exchange->server->relay_pool, relay->address, may_reuse, timeout_ms, &relay_user,
			     relay, &relay->upstream) != 0)
		return false;
	if (relay->upstream->state == UPSTREAM_IN_USE)
		on_ready(relay);
	return true;
}

// Finds whom to try after the one that failed, if any. False: nobody is left.
static bool choose_next(struct relay *relay)
{
	struct viva_balancer *balancer = relay->choice.balancer;
	end_member(relay, VIVA_EUNAVAILABLE);
	if (!balancer && relay->next_address < relay->choice.address_count) {
		relay->address = relay->choice.addresses[relay->next_address++];
		return true;
	}
	if (!balancer || relay->tried_count == MAX_TRIES ||
	    viva_balancer_begin(balancer, relay->tried, relay->tried_count, &relay->member) != 0)
		return false;
	relay->tried[relay->tried_count++] = relay->member;
	relay->address = viva_member_address(relay->member);
	return true;
}

static void connect_next(struct relay *relay)
{
	while (choose_next(relay))
		if (connect_to(relay, true))
			return;
	fail(relay, VIVA_EUNAVAILABLE, "the service can't be reached");
}

static void make_traceparent(struct relay *relay)
{
	uint8_t ids[24];
	char text[2 * sizeof ids + 1];
	viva_system_random()->fill(viva_system_random(), ids, sizeof ids);
	ids[0] |= 1;  // neither id may be all zeros
	ids[16] |= 1;
	viva_hex_encode(ids, sizeof ids, text);
	snprintf(relay->traceparent, sizeof relay->traceparent, "00-%.32s-%.16s-01", text, text + 32);
	relay->exchange->request.traceparent = relay->traceparent;
}

void relay_begin(struct http_exchange *exchange)
{
	struct relay *relay = calloc(1, sizeof *relay);
	if (!relay) {
		http_exchange_refuse(exchange, VIVA_ENOMEM, NULL);
		return;
	}
	relay->exchange = exchange;
	relay->route = exchange->route->route->relay;
	relay->has_request_end = exchange->intake == INTAKE_DONE;
	viva_buffer_init(&relay->waiting, MAX_WAITING_BYTES);
	exchange->relay = relay;
	if (!exchange->request.traceparent)
		make_traceparent(relay);

	struct viva_error error = {0};
	int code = relay->route->choose(&exchange->request, &relay->choice, &error);
	if (code != 0) {
		http_exchange_fail(exchange, &error, code);
		return;
	}
	transport_pause(client_of(relay), TRANSPORT_PAUSE_RELAY);
	connect_next(relay);
}

void relay_take_body(struct http_exchange *exchange, const char *data, size_t size)
{
	struct relay *relay = exchange->relay;
	if (relay->state == RELAY_CONNECTING) {
		int code = viva_buffer_append(&relay->waiting, data, size);
		if (code != 0)
			http_exchange_refuse(exchange, code == VIVA_ELIMIT ? VIVA_EOVERLOAD : code, NULL);
		return;
	}
	struct transport *transport = &relay->upstream->transport;
	send_chunk(transport, exchange->is_chunked, data, size);
	if (transport_unsent(transport) > TRANSPORT_HIGH_WATER)
		transport_pause(client_of(relay), TRANSPORT_PAUSE_RELAY);
}

void relay_end_body(struct http_exchange *exchange)
{
	struct relay *relay = exchange->relay;
	if (!relay)  // its turn hasn't come, or the answer was there before the end of the body
		return;
	relay->has_request_end = true;
	if (relay->state != RELAY_CONNECTING)
		send_request_end(relay);
}

void relay_client_writable(struct http_exchange *exchange)
{
	if (exchange->relay->upstream)
		transport_resume(&exchange->relay->upstream->transport, TRANSPORT_PAUSE_RELAY);
}

static int check(struct relay *relay, int code)
{
	relay->is_refused = relay->is_refused || code != 0;
	return code != 0 ? -1 : 0;
}

static int on_field(llhttp_t *parser, const char *data, size_t size)
{
	struct relay *relay = parser->data;
	return relay->state == RELAY_ANSWERING ? 0 : check(relay, http_head_add_name(&relay->answer, data, size));
}

static int on_value(llhttp_t *parser, const char *data, size_t size)
{
	struct relay *relay = parser->data;
	return relay->state == RELAY_ANSWERING ? 0 : check(relay, http_head_add_value(&relay->answer, data, size));
}

static int on_value_complete(llhttp_t *parser)
{
	struct relay *relay = parser->data;
	return relay->state == RELAY_ANSWERING ? 0 : check(relay, http_head_end_value(&relay->answer));
}

// How the client will know the end of what the upstream is about to send (RFC 9112 §6.3).
static int choose_framing(struct relay *relay)
{
	const struct http_exchange *exchange = relay->exchange;
	const char *encoding = http_head_find(&relay->answer, "transfer-encoding");
	if (encoding && strcasecmp(encoding, "chunked") != 0)
		return VIVA_EBADGATEWAY;
	if (exchange->is_head_method || relay->status == 204 || relay->status == 304)
		relay->framing = HTTP_NO_FRAMING;
	else if (http_head_find(&relay->answer, "content-length"))
		relay->framing = (int64_t)VIVA_MIN(relay->parser.content_length, (uint64_t)INT64_MAX);
	else
		relay->framing = exchange->is_http10 ? HTTP_UNTIL_CLOSE : HTTP_CHUNKED;
	return 0;
}

static int send_answer_head(struct relay *relay, bool is_switch)
{
	struct http_exchange *exchange = relay->exchange;
	// An answer before the end of the request: what is left of that can't be passed on for ever.
	if (relay->framing == HTTP_UNTIL_CLOSE || (exchange->intake != INTAKE_DONE && !is_switch))
		exchange->keeps_alive = false;
	struct viva_buffer head;
	viva_buffer_init(&head, RELAY_MAX_HEAD_BYTES);
	int code = relay_write_response_head(exchange, &relay->answer, relay->status, relay->framing, is_switch, &head);
	if (code == 0) {
		relay->state = RELAY_ANSWERING;
		exchange->answer = ANSWER_RELAYING;
		transport_write_copy(client_of(relay), head.data, head.size);
	}
	viva_buffer_finish(&head);
	return code;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct relay *relay = parser->data;
	relay->status = parser->status_code;
	bool is_switch = relay->status == 101;
	if (relay->status >= 200 && relay->status <= 599) {
		int code = choose_framing(relay);
		if (code == 0)
			code = send_answer_head(relay, false);
		if (code != 0)
			return check(relay, code);
		return relay->exchange->is_head_method ? 1 : 0;
	}
	// Interim answers end here (RFC 9110 §15.2): Expect is the server's own business.
	if (relay->status < 100 || relay->status > 199 || (is_switch && !relay->exchange->is_upgrade))
		return check(relay, VIVA_EBADGATEWAY);
	if (is_switch)
		return check(relay, parser->upgrade ? send_answer_head(relay, true) : VIVA_EBADGATEWAY);
	http_head_finish(&relay->answer);
	http_head_init(&relay->answer, RELAY_MAX_HEAD_BYTES, MAX_ANSWER_HEADERS);
	return 0;
}

static int on_body(llhttp_t *parser, const char *data, size_t size)
{
	struct relay *relay = parser->data;
	if (relay->framing == HTTP_NO_FRAMING)
		return check(relay, VIVA_EBADGATEWAY);
	send_chunk(client_of(relay), relay->framing == HTTP_CHUNKED, data, size);
	if (transport_unsent(client_of(relay)) > TRANSPORT_HIGH_WATER)
		transport_pause(&relay->upstream->transport, TRANSPORT_PAUSE_RELAY);
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	struct relay *relay = parser->data;
	if (relay->status < 200)
		return 0;
	relay->has_ended = true;
	relay->is_reusable = llhttp_should_keep_alive(parser) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t parser_settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

// The answer is whole. `is_clean`: the upstream said nothing beyond it.
static void finish(struct relay *relay, bool is_clean)
{
	struct http_exchange *exchange = relay->exchange;
	struct http_connection *connection = exchange->connection;
	if (relay->framing == HTTP_CHUNKED)
		transport_write_copy(client_of(relay), "0\r\n\r\n", 5);
	if (exchange->intake != INTAKE_DONE)
		http_connection_give_up(connection);
	if (is_clean && relay->is_reusable && relay->has_request_end)
		upstream_release(viva_take(&relay->upstream));
	exchange->answer = ANSWER_SENT;
	http_exchange_count(exchange, relay->status);
	end_member(relay, relay->status == 502 ? VIVA_EBADGATEWAY : 0);  // a 504 may be a client's who was in a hurry
	destroy(relay);
	http_connection_flush(connection);
}

static void open_tunnel(struct relay *relay, struct viva_bytes early)
{
	struct http_exchange *exchange = relay->exchange;
	uint32_t idle_ms = or_default(relay->route->idle_timeout_ms, DEFAULT_IDLE_MS);
	struct upstream *upstream = viva_take(&relay->upstream);
	http_exchange_count(exchange, 101);
	if (relay_tunnel_open(exchange, upstream, relay->choice.balancer, relay->member, idle_ms, early) != 0) {
		upstream_drop(upstream);
		transport_close(client_of(relay), UV_ENOMEM);
		return;
	}
	relay->member = NULL;  // the tunnel's
	destroy(relay);
	http_exchange_destroy(exchange);
}

static void on_data(void *context, uint8_t *data, size_t size)
{
	struct relay *relay = context;
	relay->has_answer_bytes = true;
	llhttp_errno_t result = llhttp_execute(&relay->parser, (const char *)data, size);
	if (relay->is_refused) {
		fail(relay, VIVA_EBADGATEWAY, NULL);
		return;
	}
	const uint8_t *stop = (const uint8_t *)llhttp_get_error_pos(&relay->parser);
	if (result == HPE_PAUSED && relay->has_ended) {
		finish(relay, stop == data + size);
		return;
	}
	if (result == HPE_PAUSED_UPGRADE) {
		open_tunnel(relay, viva_bytes_of(stop, (size_t)(data + size - stop)));
		return;
	}
	relay->answer_bytes += relay->state == RELAY_ANSWERING ? 0 : size;
	if (result != HPE_OK || relay->answer_bytes > RELAY_MAX_HEAD_BYTES)
		fail(relay, VIVA_EBADGATEWAY, NULL);
	else if (relay->state == RELAY_ANSWERING)
		transport_set_deadline(&relay->upstream->transport,
				       or_default(relay->route->idle_timeout_ms, DEFAULT_IDLE_MS));
}

// Only what can't have had an effect twice: RFC 9110 §9.2.2, and nothing came back.
static bool may_try_again(const struct relay *relay)
{
	static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
	const struct http_exchange *exchange = relay->exchange;
	if (relay->has_answer_bytes || exchange->is_chunked || exchange->content_length > 0 || exchange->is_upgrade)
		return false;
	for (size_t i = 0; i < VIVA_COUNT(idempotent); i++)
		if (strcmp(exchange->request.method, idempotent[i]) == 0)
			return true;
	return false;
}

// The upstream is gone; relay->upstream is dropped already.
static void recover(struct relay *relay, bool was_reused)
{
	if (relay->state == RELAY_CONNECTING) {
		connect_next(relay);
		return;
	}
	bool may_repeat = relay->state == RELAY_WAITING && may_try_again(relay);
	// A kept connection may merely have been idle for too long; a new one says that the instance has died.
	if (may_repeat && was_reused && connect_to(relay, false))
		return;
	while (may_repeat && choose_next(relay))
		if (connect_to(relay, true))
			return;
	fail(relay, VIVA_EBADGATEWAY, "the service closed the connection");
}

static void on_lost(void *context)
{
	struct relay *relay = context;
	bool was_reused = relay->upstream && relay->upstream->is_reused;
	relay->upstream = NULL;
	recover(relay, was_reused);
}

static void on_end(void *context)
{
	struct relay *relay = context;
	if (relay->state == RELAY_ANSWERING && llhttp_message_needs_eof(&relay->parser)) {
		if (llhttp_finish(&relay->parser) == HPE_OK || relay->has_ended) {
			relay->is_reusable = false;
			finish(relay, false);
			return;
		}
	}
	bool was_reused = relay->upstream->is_reused;
	upstream_drop(viva_take(&relay->upstream));
	recover(relay, was_reused);
}

static void on_writable(void *context)
{
	struct relay *relay = context;
	transport_resume(client_of(relay), TRANSPORT_PAUSE_RELAY);
}

static void on_timeout(void *context)
{
	struct relay *relay = context;
	bool is_client_slow = transport_unsent(client_of(relay)) > 0;
	if (relay->state == RELAY_ANSWERING && is_client_slow)
		transport_set_deadline(&relay->upstream->transport,
				       or_default(relay->route->idle_timeout_ms, DEFAULT_IDLE_MS));
	else
		fail(relay, VIVA_EDEADLINE, "the service did not answer in time");
}

static const struct upstream_user relay_user = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_timeout = on_timeout,
	.on_lost = on_lost,
};
