// SPDX-License-Identifier: Apache-2.0
//
// Any bytes from a client to the HTTP server: it answers in HTTP and closes, or just closes, and is never stuck.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_loopback.h"
#include "net/websocket.h"

static int handle_echo(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	if (viva_http_query(request, "parts")) {
		struct viva_bytes body = viva_blob_bytes(request->body);
		int code = viva_http_begin_stream(response, 200, viva_http_header(request, "content-type"));
		return code != 0 ? code : viva_http_write(response, body.data, body.size);
	}
	return viva_http_respond_blob(response, 200, viva_http_parameter(request, "type"), request->body);
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
	if (viva_websocket_send(socket, kind, bytes.data, bytes.size) != 0)
		viva_websocket_close(socket, 1011, NULL);
}

static void on_close(struct viva_websocket *socket, int code, void *session)
{
	(void)socket;
	(void)code;
	(void)session;
}

static const struct viva_websocket_route echo_socket = {
	.authorize = authorize,
	.on_message = on_message,
	.on_close = on_close,
	.max_message_bytes = 1000,
};

static const struct viva_http_route routes[] = {
	{.method = "POST", .pattern = "/echo/:type", .handle = handle_echo, .max_body_bytes = 1000},
	{.method = "GET", .pattern = "/echo/:type", .handle = handle_echo},
	{.method = "GET", .pattern = "/ws", .websocket = &echo_socket},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char answer[16];
	int fd = fuzz_connect(fuzz_server(routes, VIVA_COUNT(routes)));
	// In two parts, so that the parser meets every cut; the loop runs in between.
	size_t first = size > 0 ? data[size - 1] % size : 0;
	if (send(fd, data, first, MSG_NOSIGNAL) >= 0) {
		fuzz_turn(fuzz_loop());
		if (send(fd, data + first, size - first, MSG_NOSIGNAL) >= 0)
			shutdown(fd, SHUT_WR);
	}
	size_t got = fuzz_drain(fd, answer, sizeof answer);
	close(fd);
	if (got >= 9 && memcmp(answer, "HTTP/1.1 ", 9) != 0)
		abort();
	return 0;
}
