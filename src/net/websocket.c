// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket on a connection of the HTTP server.
//
//   OPEN ──(close frame sent or received)──> CLOSING ──(both, or time is up)──> CLOSED
#include "net/websocket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "net/http_exchange.h"
#include "net/websocket_codec.h"

enum {
	DEFAULT_MESSAGE_BYTES = 1024 * 1024,
	DEFAULT_WAITING_BYTES = 1024 * 1024,
	DEFAULT_PING_MS = 30 * 1000,
	DEFAULT_CLOSE_MS = 5 * 1000,
	BATCH = 8,  // messages per write
};

enum websocket_state { WEBSOCKET_OPEN, WEBSOCKET_CLOSING, WEBSOCKET_CLOSED };

struct outgoing {
	struct outgoing *next;
	struct viva_websocket *socket;
	size_t size;
	uint8_t bytes[];
};

struct viva_websocket {
	_Atomic unsigned references;
	const struct viva_websocket_route *route;
	struct viva_loop *loop;
	struct viva_loop_post wake_up;

	pthread_mutex_t lock;  // guards what follows
	struct outgoing *first, **last;
	size_t waiting_bytes;  // queued here or in the transport
	enum websocket_state state;
	bool is_posted;
	bool is_too_slow;

	// The loop's.
	struct http_connection *connection;  // NULL once gone
	void *session;
	struct viva_websocket_decoder decoder;
	uint64_t heard_ms;
	int close_code;       // the peer's; 1006 = none came
	bool is_in_callback;  // whatever is queued now will be sent at its end
	bool has_finished;    // nothing is read or sent any more
};

static struct viva_metric *open_sockets(void)
{
	return viva_gauge("viva_websockets", "", "WebSockets that are open.");
}

struct viva_websocket *viva_websocket_ref(struct viva_websocket *socket)
{
	atomic_fetch_add(&socket->references, 1);
	return socket;
}

struct viva_websocket *viva_websocket_unref(struct viva_websocket *socket)
{
	if (!socket || atomic_fetch_sub(&socket->references, 1) != 1)
		return NULL;
	while (socket->first) {
		struct outgoing *outgoing = socket->first;
		socket->first = outgoing->next;
		free(outgoing);
	}
	pthread_mutex_destroy(&socket->lock);
	free(socket);
	return NULL;
}

static uint32_t ping_interval_ms(const struct viva_websocket *socket)
{
	return socket->route->ping_interval_ms != 0 ? socket->route->ping_interval_ms : DEFAULT_PING_MS;
}

static uint32_t close_timeout_ms(const struct viva_websocket *socket)
{
	return socket->route->close_timeout_ms != 0 ? socket->route->close_timeout_ms : DEFAULT_CLOSE_MS;
}

static size_t max_waiting_bytes(const struct viva_websocket *socket)
{
	return socket->route->max_waiting_bytes != 0 ? socket->route->max_waiting_bytes : DEFAULT_WAITING_BYTES;
}

// What the transport is done with: a chain of messages, each holding the socket.
static void release_batch(void *context)
{
	struct outgoing *outgoing = context;
	while (outgoing) {
		struct outgoing *next = outgoing->next;
		struct viva_websocket *socket = outgoing->socket;
		pthread_mutex_lock(&socket->lock);
		socket->waiting_bytes -= outgoing->size;
		pthread_mutex_unlock(&socket->lock);
		free(outgoing);
		viva_websocket_unref(socket);
		outgoing = next;
	}
}

// Takes up to BATCH messages off the queue; NULL when it is empty.
static struct outgoing *take_batch(struct viva_websocket *socket, struct viva_bytes *ret_parts, size_t *ret_count)
{
	size_t count = 0;
	pthread_mutex_lock(&socket->lock);
	struct outgoing *first = socket->first, *last = NULL;
	for (struct outgoing *at = first; at && count < BATCH; at = at->next) {
		ret_parts[count++] = viva_bytes_of(at->bytes, at->size);
		last = at;
	}
	if (last) {
		socket->first = last->next;
		last->next = NULL;
		if (!socket->first)
			socket->last = &socket->first;
	}
	pthread_mutex_unlock(&socket->lock);
	*ret_count = count;
	return first;
}

static void flush(struct viva_websocket *socket)
{
	struct viva_bytes parts[BATCH];
	size_t count = 0;
	struct outgoing *batch = NULL;
	while (socket->connection && !socket->has_finished && (batch = take_batch(socket, parts, &count)) != NULL) {
		for (struct outgoing *at = batch; at; at = at->next)
			viva_websocket_ref(socket);
		transport_write(&socket->connection->transport, parts, count, release_batch, batch);
	}
}

static enum websocket_state state_of(struct viva_websocket *socket, bool *ret_is_too_slow)
{
	pthread_mutex_lock(&socket->lock);
	enum websocket_state state = socket->state;
	*ret_is_too_slow = socket->is_too_slow;
	socket->is_too_slow = false;
	pthread_mutex_unlock(&socket->lock);
	return state;
}

// Flushes, and starts the clock for the peer's close frame once ours is on its way.
static void settle(struct viva_websocket *socket)
{
	bool is_too_slow = false;
	enum websocket_state state = state_of(socket, &is_too_slow);
	if (is_too_slow)
		viva_websocket_close(socket, VIVA_WEBSOCKET_TRY_AGAIN_LATER, "reading too slowly");
	flush(socket);
	if ((state == WEBSOCKET_CLOSING || is_too_slow) && socket->connection && !socket->has_finished)
		transport_set_deadline(&socket->connection->transport, close_timeout_ms(socket));
}

static void on_wake_up(void *context)
{
	struct viva_websocket *socket = context;
	pthread_mutex_lock(&socket->lock);
	socket->is_posted = false;
	pthread_mutex_unlock(&socket->lock);
	settle(socket);
	viva_websocket_unref(socket);
}

// With the lock held. The post keeps the socket alive.
static void wake_loop(struct viva_websocket *socket)
{
	if (socket->is_posted || (viva_loop_is_current(socket->loop) && socket->is_in_callback))
		return;
	socket->is_posted = true;
	viva_websocket_ref(socket);
	viva_loop_post_embedded(socket->loop, &socket->wake_up);
}

static int make_frame(struct viva_websocket *socket, enum viva_websocket_opcode opcode, const void *data, size_t size,
		      struct outgoing **ret_frame)
{
	uint8_t head[VIVA_WEBSOCKET_MAX_HEAD];
	size_t head_size = viva_websocket_encode_head(head, opcode, true, size, NULL);
	struct outgoing *frame = malloc(sizeof *frame + head_size + size);
	if (!frame)
		return VIVA_ENOMEM;
	frame->next = NULL;
	frame->socket = socket;
	frame->size = head_size + size;
	memcpy(frame->bytes, head, head_size);
	if (size > 0)
		memcpy(frame->bytes + head_size, data, size);
	*ret_frame = frame;
	return 0;
}

// With the lock held.
static void append(struct viva_websocket *socket, struct outgoing *frame)
{
	*socket->last = frame;
	socket->last = &frame->next;
	socket->waiting_bytes += frame->size;
	wake_loop(socket);
}

int viva_websocket_send(struct viva_websocket *socket, enum viva_websocket_kind kind, const void *data, size_t size)
{
	struct outgoing *frame = NULL;
	int code = make_frame(socket, (enum viva_websocket_opcode)kind, data, size, &frame);
	if (code != 0)
		return code;
	pthread_mutex_lock(&socket->lock);
	if (socket->state != WEBSOCKET_OPEN) {
		code = VIVA_ECLOSED;
	} else if (socket->waiting_bytes > max_waiting_bytes(socket)) {
		code = VIVA_ELIMIT;
		socket->is_too_slow = true;
		wake_loop(socket);
	} else {
		append(socket, frame);
		frame = NULL;
	}
	pthread_mutex_unlock(&socket->lock);
	free(frame);
	return code;
}

// Pongs and pings: not refused for a slow reader, whose input isn't read either while much is unsent.
static void send_control(struct viva_websocket *socket, enum viva_websocket_opcode opcode, const void *data,
			 size_t size)
{
	struct outgoing *frame = NULL;
	if (make_frame(socket, opcode, data, size, &frame) != 0) {
		transport_close(&socket->connection->transport, UV_ENOMEM);
		return;
	}
	pthread_mutex_lock(&socket->lock);
	if (socket->state == WEBSOCKET_OPEN) {
		append(socket, frame);
		frame = NULL;
	}
	pthread_mutex_unlock(&socket->lock);
	free(frame);
}

void viva_websocket_close(struct viva_websocket *socket, int code, const char *reason)
{
	uint8_t payload[VIVA_WEBSOCKET_MAX_CONTROL];
	size_t size = viva_websocket_encode_close(payload, code, reason);
	struct outgoing *frame = NULL;
	int result = make_frame(socket, VIVA_WEBSOCKET_CLOSE, payload, size, &frame);
	pthread_mutex_lock(&socket->lock);
	if (socket->state == WEBSOCKET_OPEN) {
		socket->state = WEBSOCKET_CLOSING;
		// Without memory for the frame the handshake's time limit ends the connection.
		if (result == 0) {
			append(socket, frame);
			frame = NULL;
		} else {
			wake_loop(socket);
		}
	}
	pthread_mutex_unlock(&socket->lock);
	free(frame);
}

// Both close frames are there, or no sense can be made of the peer: RFC 6455 §7.1.1 has the server end the connection.
// What the peer still sends is read and dropped, since unread bytes would turn our FIN into a reset.
static void finish_closing(struct viva_websocket *socket)
{
	flush(socket);
	socket->has_finished = true;
	viva_websocket_decoder_finish(&socket->decoder);
	transport_shut_down(&socket->connection->transport);
	transport_set_deadline(&socket->connection->transport, close_timeout_ms(socket));
}

static void deliver(struct viva_websocket *socket)
{
	struct viva_websocket_decoder *decoder = &socket->decoder;
	bool is_too_slow = false;
	if (state_of(socket, &is_too_slow) != WEBSOCKET_OPEN) {
		viva_buffer_finish(&decoder->message);
		return;
	}
	VIVA_AUTO(viva_blob) message = NULL;
	if (viva_blob_create_from_buffer(&decoder->message, &message) != 0) {
		transport_close(&socket->connection->transport, UV_ENOMEM);
		return;
	}
	viva_buffer_init(&decoder->message, decoder->max_message_bytes);
	socket->route->on_message(socket, decoder->kind, message, socket->session);
}

static void handle_event(struct viva_websocket *socket, enum viva_websocket_event event)
{
	struct viva_websocket_decoder *decoder = &socket->decoder;
	switch (event) {
	case VIVA_WEBSOCKET_EVENT_MESSAGE:
		deliver(socket);
		break;
	case VIVA_WEBSOCKET_EVENT_PING:
		send_control(socket, VIVA_WEBSOCKET_PONG, decoder->control, decoder->control_size);
		break;
	case VIVA_WEBSOCKET_EVENT_OVERSIZE:
		if (socket->route->on_oversize) {
			socket->route->on_oversize(socket, socket->session);
			break;
		}
		viva_websocket_close(socket, VIVA_WEBSOCKET_TOO_BIG, "the message is too large");
		break;
	case VIVA_WEBSOCKET_EVENT_CLOSED:
		socket->close_code = decoder->close_code;
		viva_websocket_close(socket, decoder->close_code, NULL);
		finish_closing(socket);
		break;
	case VIVA_WEBSOCKET_EVENT_FAILED:
		viva_websocket_close(socket, decoder->close_code, NULL);
		finish_closing(socket);
		break;
	case VIVA_WEBSOCKET_EVENT_PONG:
	case VIVA_WEBSOCKET_EVENT_NONE:
		break;
	}
}

static void on_data(void *owner, uint8_t *data, size_t size)
{
	struct viva_websocket *socket = owner;
	socket->heard_ms = uv_now(viva_loop_uv(socket->loop));
	socket->is_in_callback = true;
	while (!socket->has_finished && !socket->connection->transport.is_closing) {
		size_t used = 0;
		enum viva_websocket_event event = viva_websocket_decode(&socket->decoder, data, size, &used);
		data += used;
		size -= used;
		if (event == VIVA_WEBSOCKET_EVENT_NONE)
			break;
		handle_event(socket, event);
	}
	socket->is_in_callback = false;
	// Answers made by the callbacks go out together, now rather than in the loop's next round.
	settle(socket);
}

static void on_end(void *owner)
{
	struct viva_websocket *socket = owner;
	transport_finish(&socket->connection->transport);
}

static void on_timeout(void *owner)
{
	struct viva_websocket *socket = owner;
	struct transport *transport = &socket->connection->transport;
	bool is_too_slow = false;
	uint64_t silent_ms = uv_now(viva_loop_uv(socket->loop)) - socket->heard_ms;
	uint32_t interval_ms = ping_interval_ms(socket);
	if (socket->has_finished || state_of(socket, &is_too_slow) != WEBSOCKET_OPEN ||
	    silent_ms >= 2ULL * interval_ms) {
		transport_close(transport, UV_ETIMEDOUT);
		return;
	}
	if (silent_ms >= interval_ms) {
		send_control(socket, VIVA_WEBSOCKET_PING, NULL, 0);
		transport_set_deadline(transport, 2ULL * interval_ms - silent_ms);
	} else {
		transport_set_deadline(transport, interval_ms - silent_ms);
	}
}

static void on_closed(void *owner, int uv_error)
{
	(void)uv_error;
	struct viva_websocket *socket = owner;
	struct http_connection *connection = socket->connection;
	socket->connection = NULL;
	pthread_mutex_lock(&socket->lock);
	socket->state = WEBSOCKET_CLOSED;
	pthread_mutex_unlock(&socket->lock);
	viva_metric_add(open_sockets(), -1);
	viva_websocket_decoder_finish(&socket->decoder);
	socket->route->on_close(socket, socket->close_code, socket->session);
	viva_websocket_unref(socket);
	http_server_forget(connection);
}

static const struct transport_protocol websocket_protocol = {
	.on_data = on_data,
	.on_end = on_end,
	.on_timeout = on_timeout,
	.on_closed = on_closed,
};

static void on_server_stop(void *owner)
{
	viva_websocket_close(owner, VIVA_WEBSOCKET_SERVICE_RESTART, "the service restarts");
}

int websocket_check_handshake(struct http_exchange *exchange, struct viva_error *error)
{
	const char *version = http_head_find(&exchange->head, "sec-websocket-version");
	if (!exchange->is_upgrade || !version || strcmp(version, "13") != 0) {
		exchange->needs_upgrade = true;
		return viva_fail(error, VIVA_EPROTOCOL, "upgrade", "only WebSocket, version 13, is spoken here");
	}
	const char *key = http_head_find(&exchange->head, "sec-websocket-key");
	char accept[VIVA_WEBSOCKET_ACCEPT_SIZE];
	if (!key || http_head_count(&exchange->head, "sec-websocket-key") > 1 ||
	    viva_websocket_accept(key, accept) != 0)
		return viva_fail(error, VIVA_EPROTOCOL, "sec-websocket-key", "the Sec-WebSocket-Key is malformed");
	return 0;
}

static int write_switch(struct http_exchange *exchange)
{
	char accept[VIVA_WEBSOCKET_ACCEPT_SIZE];
	struct viva_buffer head;
	viva_buffer_init(&head, 4096);
	int code = viva_websocket_accept(http_head_find(&exchange->head, "sec-websocket-key"), accept);
	if (code == 0)
		code = viva_buffer_printf(
			&head,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: %s\r\nX-Request-Id: %s\r\n%s%s%s\r\n",
			accept, exchange->request_id, exchange->subprotocol ? "Sec-WebSocket-Protocol: " : "",
			exchange->subprotocol ? exchange->subprotocol : "", exchange->subprotocol ? "\r\n" : "");
	if (code == 0)
		transport_write_copy(&exchange->connection->transport, head.data, head.size);
	viva_buffer_finish(&head);
	return code;
}

static struct viva_websocket *make_socket(struct http_exchange *exchange)
{
	const struct viva_websocket_route *route = exchange->route->route->websocket;
	struct viva_websocket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return NULL;
	atomic_init(&socket->references, 1);
	socket->route = route;
	socket->loop = exchange->server->options.loop;
	socket->wake_up = (struct viva_loop_post){.run = on_wake_up, .context = socket};
	pthread_mutex_init(&socket->lock, NULL);
	socket->last = &socket->first;
	socket->connection = exchange->connection;
	socket->session = exchange->websocket_session;
	socket->heard_ms = uv_now(viva_loop_uv(socket->loop));
	socket->close_code = VIVA_WEBSOCKET_ABNORMAL;
	viva_websocket_decoder_init(&socket->decoder, VIVA_WEBSOCKET_SERVER,
				    route->max_message_bytes != 0 ? route->max_message_bytes : DEFAULT_MESSAGE_BYTES);
	return socket;
}

void websocket_open(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;
	struct transport *transport = &connection->transport;
	bool has_ended = connection->session->has_ended;
	struct viva_websocket *socket = make_socket(exchange);
	struct viva_buffer unparsed = {0};
	// On failure the exchange stays in the queue: abandoning it tells the session by on_close.
	if (!socket || write_switch(exchange) != 0 || transport->is_closing) {
		free(socket);
		transport_close(transport, UV_ENOMEM);
		return;
	}
	if (http_connection_upgrade(connection, &websocket_protocol, socket, on_server_stop, &unparsed) != 0) {
		free(socket);
		return;
	}
	http_exchange_count(exchange, 101);
	http_exchange_destroy(exchange);
	viva_metric_add(open_sockets(), 1);
	transport_set_deadline(transport, ping_interval_ms(socket));
	viva_websocket_ref(socket);
	if (socket->route->on_open)
		socket->route->on_open(socket, socket->session);
	on_data(socket, unparsed.data, unparsed.size);
	viva_buffer_finish(&unparsed);
	if (has_ended)
		transport_finish(transport);
	else
		transport_resume(transport, TRANSPORT_PAUSE_PARSER);
	viva_websocket_unref(socket);
}
