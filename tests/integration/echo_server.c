// SPDX-License-Identifier: Apache-2.0
//
// A small server on src/net for tests with other people's clients: GET /health, POST /echo (the body back, or in parts
// with ?parts=1), WebSocket /ws (each message back). With --upstream HOST:PORT everything is passed on to there
// instead. Prints "port N" on stdout and runs until SIGTERM or SIGINT.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "base/text.h"
#include "net/http_relay.h"
#include "net/http_server.h"
#include "net/websocket.h"

enum { MAX_BODY_BYTES = 64 * 1024 * 1024, MAX_MESSAGE_BYTES = 20 * 1024 * 1024, PART_BYTES = 10000 };

static const char *upstream_address;

static int handle_health(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)request;
	(void)error;
	return viva_http_respond_text(response, 200, "application/json", "{\"status\":\"ok\"}");
}

static int handle_metrics(struct viva_http_request *request, struct viva_http_response *response,
			  struct viva_error *error)
{
	(void)request;
	(void)error;
	struct viva_buffer text;
	viva_buffer_init(&text, 4 * 1024 * 1024);
	VIVA_AUTO(viva_blob) body = NULL;
	int code = viva_metrics_write(&text);
	if (code == 0)
		code = viva_blob_create_from_buffer(&text, &body);
	viva_buffer_finish(&text);
	return code != 0 ? code : viva_http_respond_blob(response, 200, "text/plain; version=0.0.4", body);
}

static int echo_in_parts(struct viva_http_response *response, const char *type, struct viva_bytes body)
{
	int code = viva_http_begin_stream(response, 200, type);
	for (size_t done = 0; done < body.size && code == 0; done += PART_BYTES)
		code = viva_http_write(response, body.data + done, VIVA_MIN((size_t)PART_BYTES, body.size - done));
	return code;
}

static int handle_echo(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	const char *type = viva_http_header(request, "content-type");
	if (!type)
		type = "application/octet-stream";
	if (viva_http_query(request, "parts"))
		return echo_in_parts(response, type, viva_blob_bytes(request->body));
	return viva_http_respond_blob(response, 200, type, request->body);
}

static int authorize(struct viva_http_request *request, void **ret_session, const char **ret_subprotocol,
		     struct viva_error *error)
{
	(void)request;
	(void)ret_session;
	(void)ret_subprotocol;
	(void)error;
	return 0;
}

static void on_message(struct viva_websocket *socket, enum viva_websocket_kind kind, struct viva_blob *message,
		       void *session)
{
	(void)session;
	struct viva_bytes bytes = viva_blob_bytes(message);
	int code = viva_websocket_send(socket, kind, bytes.data, bytes.size);
	if (code != 0)
		viva_log_debug("a message was not echoed: %s", viva_error_name(code));
}

static void on_close(struct viva_websocket *socket, int code, void *session)
{
	(void)socket;
	(void)code;
	(void)session;
}

static int choose(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,
		  struct viva_error *error)
{
	(void)request;
	(void)error;
	*ret_choice = (struct viva_http_relay_choice){&upstream_address, upstream_address ? 1 : 0};
	return 0;
}

static const struct viva_websocket_route echo_socket = {
	.authorize = authorize,
	.on_message = on_message,
	.on_close = on_close,
	.max_message_bytes = MAX_MESSAGE_BYTES,
	.max_waiting_bytes = 4 * MAX_MESSAGE_BYTES,
};

static const struct viva_http_relay_route relay = {.choose = choose};

static const struct viva_http_route routes[] = {
	{.method = "GET", .pattern = "/health", .handle = handle_health},
	{.method = "GET", .pattern = "/metrics", .handle = handle_metrics},
	{.method = "POST", .pattern = "/echo", .handle = handle_echo, .max_body_bytes = MAX_BODY_BYTES},
	{.method = "GET", .pattern = "/ws", .websocket = &echo_socket},
	{.method = "GET", .pattern = "/", .websocket = &echo_socket},
};

static const struct viva_http_route relay_routes[] = {
	{.pattern = "/*", .relay = &relay, .max_body_bytes = MAX_BODY_BYTES},
};

static void on_stopped(void *context)
{
	viva_loop_stop(context);
}

struct stopping {
	struct viva_http_server *server;
	struct viva_loop *loop;
};

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	struct stopping *stopping = signal->data;
	viva_http_server_stop(stopping->server, 1000, on_stopped, stopping->loop);
}

static int serve(uint16_t port)
{
	VIVA_AUTO(viva_loop) loop = NULL;
	VIVA_AUTO(viva_http_server) server = NULL;
	VIVA_AUTO(viva_pool) pool = NULL;
	struct viva_error error = {0};
	struct viva_pool_options pool_options = viva_pool_defaults();
	pool_options.threads = 2;
	int code = viva_loop_create(&loop);
	if (code == 0)
		code = viva_pool_create(&pool_options, &pool);
	if (code != 0)
		return code;

	const struct viva_http_route *tables[] = {upstream_address ? relay_routes : routes};
	size_t counts[] = {upstream_address ? VIVA_COUNT(relay_routes) : VIVA_COUNT(routes)};
	struct viva_http_server_options options = viva_http_server_defaults();
	options.port = port;
	options.route_tables = tables;
	options.route_counts = counts;
	options.route_table_count = 1;
	options.loop = loop;
	options.pool = pool;
	code = viva_http_server_create(&options, &server, &error);
	if (code == 0)
		code = viva_http_server_start(server, &error);
	if (code != 0) {
		fprintf(stderr, "viva-echo: %s\n", viva_error_message(&error));
		return code;
	}

	struct stopping stopping = {server, loop};
	static uv_signal_t signals[2];
	const int numbers[2] = {SIGTERM, SIGINT};
	for (size_t i = 0; i < VIVA_COUNT(signals); i++) {
		uv_signal_init(viva_loop_uv(loop), &signals[i]);
		signals[i].data = &stopping;
		uv_signal_start(&signals[i], on_signal, numbers[i]);
	}
	printf("port %u\n", viva_http_server_port(server));
	fflush(stdout);
	viva_loop_run(loop);
	pool = viva_pool_destroy(pool);
	return 0;
}

int main(int argument_count, char **arguments)
{
	int64_t port = 0;
	for (int i = 1; i + 1 < argument_count; i += 2) {
		if (strcmp(arguments[i], "--port") == 0 && viva_parse_int64(arguments[i + 1], 0, 65535, &port) == 0)
			continue;
		if (strcmp(arguments[i], "--upstream") == 0) {
			upstream_address = arguments[i + 1];
			continue;
		}
		fprintf(stderr, "usage: viva-echo [--port N] [--upstream HOST:PORT]\n");
		return 2;
	}
	viva_log_configure("echo", VIVA_LOG_WARN, VIVA_LOG_AUTO);
	return serve((uint16_t)port) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
