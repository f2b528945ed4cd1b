// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer, and the connection and server it belongs to. Internal to net/.
//
//   intake:  HEAD ──> BODY ──> DONE            answer:  PENDING ──┬──> READY ──────> SENT
//            (a request without a body goes                      ├──> STREAMING ──> SENT
//             from HEAD to DONE)                                 └──> RELAYING ───> SENT
//
// An exchange leaves its connection's queue when its intake is DONE and its answer SENT. While a handler runs, a worker
// owns `request` and `response`; everything else belongs to the loop.
//
// Threads: the loop's, except where stated.
#ifndef VIVA_NET_HTTP_EXCHANGE_H
#define VIVA_NET_HTTP_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/http_head.h"
#include "net/http_router.h"
#include "net/http_server.h"
#include "net/loop_internal.h"
#include "net/transport.h"

struct http_connection;
struct http_exchange;
struct relay;
struct relay_pool;

enum exchange_intake { INTAKE_HEAD, INTAKE_BODY, INTAKE_DONE };
enum exchange_answer { ANSWER_PENDING, ANSWER_READY, ANSWER_STREAMING, ANSWER_RELAYING, ANSWER_SENT };
enum exchange_kind {
	EXCHANGE_UNROUTED,
	EXCHANGE_HANDLED,    // whole body, then a handler on a worker
	EXCHANGE_WEBSOCKET,  // authorize on a worker, then 101
	EXCHANGE_RELAYED,
	EXCHANGE_REFUSED,  // answered by the server itself; its body is dropped
};

enum {
	HTTP_MAX_TARGET_BYTES = 8000,           // RFC 9110 §4.1 asks for at least that
	HTTP_DISCARDED_BODY_BYTES = 64 * 1024,  // of a refused request, dropped so that the connection can live on
	HTTP_LINGER_BYTES = 64 * 1024 * 1024,   // read and dropped so that the client sees the answer before a reset
	HTTP_LINGER_MS = 10 * 1000,
	HTTP_STREAM_WINDOW_BYTES = 256 * 1024,  // unsent bytes after which viva_http_write waits
	HTTP_RETRY_AFTER_S = 1,
};

// The part of an answer that is written in pieces by a worker.
struct http_stream;

struct viva_http_response {
	struct http_exchange *exchange;
	int status;
	struct viva_buffer headers;  // whole lines
	char *content_type;          // in the request's arena; NULL = none
	struct viva_blob *body;
	struct http_stream *stream;
	const char *allow;  // in the arena; NULL = none
	_Atomic bool is_cancelled;
};

struct http_exchange {
	struct http_exchange *next;
	struct http_connection *connection;  // NULL once the client is gone
	struct viva_http_server *server;
	enum exchange_kind kind;
	enum exchange_intake intake;
	enum exchange_answer answer;
	struct http_head head;
	struct viva_arena *arena;
	struct viva_http_request request;
	struct viva_http_response response;
	struct http_route *route;
	struct viva_buffer body;
	size_t charged_bytes;    // of the server's budget for bodies
	uint64_t raw_bytes;      // received of this request in all
	uint64_t body_bytes;     // of these, body
	int64_t content_length;  // -1 = chunked or none
	int64_t started_us;
	bool is_chunked;
	bool is_http10;
	bool is_head_method;
	bool needs_upgrade;  // the path speaks only WebSocket, the request doesn't
	bool is_upgrade;     // asks for a WebSocket
	bool keeps_alive;
	bool wants_continue;
	bool is_on_worker;
	_Atomic bool is_abandoned;  // nobody can get the answer any more
	bool has_started_relaying;
	int result;  // of the handler
	struct viva_error error;
	void *websocket_session;
	const char *subprotocol;
	struct http_stream *stream;  // once its first part arrived at the loop
	struct viva_loop_post finished;
	struct relay *relay;
	char peer[56];
	char request_id[65];
};

enum connection_state {
	CONNECTION_HTTP,
	CONNECTION_LINGERING,  // answered for the last time: reads and drops
	CONNECTION_UPGRADED,   // a WebSocket or tunnel owns the transport
};

// What only a connection that speaks HTTP needs.
struct http_session {
	llhttp_t parser;
	struct http_exchange *first;
	struct http_exchange **last;
	struct http_exchange *current;  // being received, the last of the queue; NULL between requests
	size_t count;
	struct viva_buffer unparsed;  // read, but the parser is paused
	uint64_t lingered_bytes;
	bool is_parser_paused;
	bool is_parser_dead;  // takes no more requests
	bool is_parsing;
	bool has_ended;  // the client has finished sending
	bool is_flushing;
};

struct http_connection {
	struct transport transport;
	struct viva_http_server *server;
	struct http_connection *previous, *next;  // of the server
	enum connection_state state;
	struct http_session *session;         // NULL once upgraded
	void (*on_server_stop)(void *owner);  // of an upgraded one: say good-bye
	void *upgraded;
};

struct viva_http_server {
	struct viva_http_server_options options;
	char host[256];
	uv_tcp_t listener;
	uv_timer_t grace_timer;
	struct http_router *router;
	struct relay_pool *relay_pool;
	struct http_connection *connections;
	size_t connection_count;
	size_t buffered_body_bytes;
	size_t references;  // the owner, each connection, each exchange, each open handle
	uint16_t port;
	bool is_listening;
	bool is_stopping;
	bool is_destroyed;
	void (*on_stopped)(void *context);
	void *stopped_context;
	int64_t date_second;
	char date[40];
};

// http_server.c
void http_server_hold(struct viva_http_server *server);
void http_server_release(struct viva_http_server *server);
void http_server_forget(struct http_connection *connection);  // of a connection whose transport is closed
const char *http_server_date(struct viva_http_server *server);

// http_connection.c
VIVA_MUST_CHECK int http_connection_accept(struct viva_http_server *server);
void http_connection_stop(struct http_connection *connection);
// Writes what can be written, takes finished exchanges off, parses on. Whoever changed an answer's state calls this.
void http_connection_flush(struct http_connection *connection);
// The request at hand makes the connection unusable: answer, then close.
void http_connection_give_up(struct http_connection *connection);
// The transport gets a new owner; HTTP's memory goes. Bytes read beyond the request are handed over.
VIVA_MUST_CHECK int http_connection_upgrade(struct http_connection *connection,
					    const struct transport_protocol *protocol, void *owner,
					    void (*on_server_stop)(void *owner), struct viva_buffer *ret_unparsed);

// http_exchange.c
VIVA_MUST_CHECK int http_exchange_create(struct http_connection *connection, struct http_exchange **ret_exchange);
void http_exchange_destroy(struct http_exchange *exchange);
// The client is gone: frees it now, or once the worker is done with it.
void http_exchange_abandon(struct http_exchange *exchange);
// The head is whole: checks it, finds the route and decides what becomes of the body.
void http_exchange_begin(struct http_exchange *exchange, const llhttp_t *parser);
VIVA_MUST_CHECK int http_exchange_take_body(struct http_exchange *exchange, const char *data, size_t size);
void http_exchange_end(struct http_exchange *exchange);  // the body is whole
// Makes an error the answer. The connection lives on if the body can be dropped, unless http_connection_give_up.
void http_exchange_refuse(struct http_exchange *exchange, int code, const char *message);
// As refuse, with the field at fault if there is one.
void http_exchange_fail(struct http_exchange *exchange, const struct viva_error *error, int code);
void http_exchange_count(struct http_exchange *exchange, int status);

// http_request.c
// Fills exchange->request from the head. VIVA_EPROTOCOL, VIVA_EEXPECT, VIVA_EURISIZE with a sentence; VIVA_ENOMEM.
VIVA_MUST_CHECK int http_request_read(struct http_exchange *exchange, const llhttp_t *parser, struct viva_error *error);

// http_response.c
void http_response_init(struct viva_http_response *response, struct http_exchange *exchange);
void http_response_finish(struct viva_http_response *response);
// Replaces whatever there is by the standard error form (CONTRACT: {"error","code","request_id"[,"field"]}).
void http_response_set_error(struct viva_http_response *response, const struct viva_error *error, int code);
// The whole head with all standard headers. `framing`: 0… = Content-Length, -1 = chunked, -2 = until close,
// -3 = none.
enum { HTTP_CHUNKED = -1, HTTP_UNTIL_CLOSE = -2, HTTP_NO_FRAMING = -3 };
VIVA_MUST_CHECK int http_response_head(struct http_exchange *exchange, int64_t framing, struct viva_buffer *ret_head);
void http_response_send(struct http_exchange *exchange);

// http_stream.c
// Sends what is waiting and, once the handler has returned, the end. Whether the answer is whole now.
bool http_stream_send(struct http_exchange *exchange);
void http_stream_cancel(struct http_stream *stream);             // the client is gone: wakes the writer. NULL is fine.
void http_stream_unref(struct http_stream *stream);              // NULL is fine
bool http_stream_has_written(const struct http_stream *stream);  // on the worker, or after it is done
void http_stream_end(struct http_stream *stream);                // the handler has returned

// websocket.c
// Answers 101 and turns the connection into a WebSocket.
void websocket_open(struct http_exchange *exchange);
// 0, or why the handshake can't be accepted (the response has what it needs beside).
VIVA_MUST_CHECK int websocket_check_handshake(struct http_exchange *exchange, struct viva_error *error);

// http_relay.c
void relay_begin(struct http_exchange *exchange);  // it is the first of its connection
void relay_take_body(struct http_exchange *exchange, const char *data, size_t size);
void relay_end_body(struct http_exchange *exchange);
void relay_client_writable(struct http_exchange *exchange);
void relay_abandon(struct http_exchange *exchange);  // the client is gone or its request turned out to be bad

#endif
