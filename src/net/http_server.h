// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server (RFC 9112) on one listening socket, with a router and WebSocket upgrades.
//
// Threads: create, start, stop and destroy on the loop's thread. Route handlers run on the worker pool and may block;
// relay handlers (viva_http_relay, net/http_relay.h) run on the loop and must not.
#ifndef VIVA_NET_HTTP_SERVER_H
#define VIVA_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/pool.h"
#include "net/loop.h"
#include "net/tls.h"

struct viva_http_server;
struct viva_http_response;
struct viva_websocket_route;
struct viva_http_relay_route;

struct viva_http_header {
	const char *name;  // lower case
	const char *value;
};

// One request, whole, as a handler sees it. All of it lives in `arena`, until the handler returns.
struct viva_http_request {
	const char *method;
	const char *target;  // as sent: "/api/v1/interviews/1?x=y"
	const char *path;    // without the query, percent-decoded, valid UTF-8 without NUL
	const char *query;   // undecoded, without "?"; "" = none
	const struct viva_http_header *headers;
	size_t header_count;
	struct viva_blob *body;   // never NULL; empty without a body. Take a reference to keep it.
	const char *request_id;   // the client's X-Request-Id if it is 1–64 of [A-Za-z0-9._-], else a new UUIDv7
	const char *traceparent;  // W3C trace context, or NULL
	const char *peer;         // "127.0.0.1:40312"
	int64_t deadline_us;      // monotonic: from X-Request-Timeout (seconds, real) if sooner than the server's own
	struct viva_arena *arena;
	const char *const *parameters;  // of the route's pattern, in its order, percent-decoded
	const char *pattern;            // the route's, which names the parameters
	void *context;                  // the route's
};

// The value of a header (any case), of the pattern's parameter (`:id` = "id"), of a decoded query member; NULL = none.
const char *viva_http_header(const struct viva_http_request *request, const char *name);
const char *viva_http_parameter(const struct viva_http_request *request, const char *name);
const char *viva_http_query(const struct viva_http_request *request, const char *name);
// Whether Content-Type's media type is `type` (parameters ignored, any case).
bool viva_http_content_type_is(const struct viva_http_request *request, const char *type);

// Handles one request on a worker: fills the response and returns 0, or returns an error, which the server answers in
// the standard form {"error","code","request_id"[,"field"]} with the code's HTTP status.
typedef int viva_http_handler(struct viva_http_request *request, struct viva_http_response *response,
			      struct viva_error *error);

// What a handler may do with its response. Without any of these it is 204.
void viva_http_set_status(struct viva_http_response *response, int status);
// Copies both; VIVA_EINVAL when either holds control characters.
VIVA_MUST_CHECK int viva_http_add_header(struct viva_http_response *response, const char *name, const char *value);
// Steals the reference to `json` and sends it as application/json with `status`.
VIVA_MUST_CHECK int viva_http_respond_json(struct viva_http_response *response, int status, json_t *json);
// A body in one piece; the blob gains a reference.
VIVA_MUST_CHECK int viva_http_respond_blob(struct viva_http_response *response, int status, const char *content_type,
					   struct viva_blob *body);
VIVA_MUST_CHECK int viva_http_respond_text(struct viva_http_response *response, int status, const char *content_type,
					   const char *text);
// A body in parts (chunked): begin, then write as often as wanted; the handler's return ends it. write blocks while
// the client reads slowly; VIVA_ECANCELLED when it is gone, VIVA_EDEADLINE when it stalls too long.
VIVA_MUST_CHECK int viva_http_begin_stream(struct viva_http_response *response, int status, const char *content_type);
VIVA_MUST_CHECK int viva_http_write(struct viva_http_response *response, const void *data, size_t size);
// Whether the client is gone, so that long work can end early.
bool viva_http_is_cancelled(const struct viva_http_response *response);

struct viva_http_route {
	const char *method;   // "GET" (serves HEAD too), "POST", …; NULL = any
	const char *pattern;  // "/api/v1/interviews/:id/status"; a final "*" takes the rest
	viva_http_handler *handle;
	size_t max_body_bytes;      // 0 = no body is taken (one is answered 413)
	int too_large_code;         // the VIVA_E… answered for a larger body; 0 = VIVA_EBODYSIZE
	const char *content_types;  // comma-separated media types a body must have ("application/json,image/jpeg");
				    // NULL = any
	const struct viva_websocket_route
		*websocket;                         // non-NULL: GET with Upgrade becomes a WebSocket (net/websocket.h)
	const struct viva_http_relay_route *relay;  // non-NULL: passed on to another server (net/http_relay.h)
};

struct viva_http_server_options {
	const char *host;  // address to bind. Default "127.0.0.1".
	uint16_t port;     // 0 = any free one
	const struct viva_http_route *const *route_tables;
	const size_t *route_counts;
	size_t route_table_count;
	void *context;  // given to handlers as request->context
	struct viva_loop *loop;
	struct viva_pool *pool;
	size_t max_connections;          // Default 10,000; one more is answered 503 and closed.
	size_t max_header_bytes;         // request line and headers. Default 16 KiB.
	size_t max_headers;              // Default 100.
	size_t max_pipelined;            // requests read ahead on one connection. Default 16.
	size_t max_buffered_body_bytes;  // of all requests together; beyond, 503. Default 256 MiB.
	uint32_t header_timeout_ms;      // from the first byte to the end of headers. Default 10,000.
	uint32_t body_timeout_ms;        // for the whole body. Default 60,000.
	uint32_t idle_timeout_ms;        // between requests. Default 75,000.
	uint32_t write_timeout_ms;       // no progress in sending. Default 30,000.
	uint32_t handler_timeout_ms;     // the deadline of a request. Default 30,000.
	// Called with connections that open with the HTTP/2 preface; owns fd afterwards. NULL: they are answered 400.
	void (*on_http2_connection)(int fd, void *context);
	void *http2_context;
	struct viva_tls *tls;  // what connections speak; the server takes a reference. NULL: plain HTTP. Default NULL.
};

struct viva_http_server_options viva_http_server_defaults(void);

// Binds and prepares; nothing is accepted before start. VIVA_EIO names the address and why it can't be bound.
VIVA_MUST_CHECK int viva_http_server_create(const struct viva_http_server_options *options,
					    struct viva_http_server **ret_server, struct viva_error *error);
VIVA_MUST_CHECK int viva_http_server_start(struct viva_http_server *server, struct viva_error *error);
// Connections from now on speak TLS with these, in place of those that the server was made with. Loop's thread.
void viva_http_server_set_tls(struct viva_http_server *server, struct viva_tls *tls);
uint16_t viva_http_server_port(const struct viva_http_server *server);
// Stops accepting, answers what is in progress (then `Connection: close`), closes WebSockets with 1012, and calls
// on_stopped(context) on the loop when all connections are gone or after grace_ms, when the rest is cut.
void viva_http_server_stop(struct viva_http_server *server, uint32_t grace_ms, void (*on_stopped)(void *context),
			   void *context);
struct viva_http_server *viva_http_server_destroy(struct viva_http_server *server);
VIVA_DEFINE_AUTO(viva_http_server)

#endif
