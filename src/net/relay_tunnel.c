// SPDX-License-Identifier: Apache-2.0
#include "net/relay_tunnel.h"

#include <stdlib.h>

#include "base/metrics.h"

enum { LAST_WORDS_MS = 5 * 1000 };  // for the other side's end, once one has ended

struct tunnel {
	struct http_connection *connection;
	struct upstream *upstream;  // NULL once lost
	struct viva_balancer *balancer;
	struct viva_member *member;  // NULL = none
	struct viva_loop *loop;
	uint64_t heard_ms;
	uint32_t idle_timeout_ms;
	bool is_ending;
	bool has_upstream_ended;
};

static struct viva_metric *open_tunnels(void)
{
	return viva_gauge("viva_relay_tunnels", "", "WebSockets passed through to other servers.");
}

static struct transport *client_of(struct tunnel *tunnel)
{
	return &tunnel->connection->transport;
}

static void pass(struct tunnel *tunnel, struct transport *from, struct transport *to, const uint8_t *data, size_t size)
{
	tunnel->heard_ms = uv_now(viva_loop_uv(tunnel->loop));
	transport_write_copy(to, data, size);
	if (transport_unsent(to) > TRANSPORT_HIGH_WATER)
		transport_pause(from, TRANSPORT_PAUSE_RELAY);
}

static void begin_ending(struct tunnel *tunnel)
{
	tunnel->is_ending = true;
	transport_set_deadline(client_of(tunnel), LAST_WORDS_MS);
}

static void on_upstream_ready(void *context)
{
	(void)context;  // it was connected before it came here
}

static void on_upstream_data(void *context, uint8_t *data, size_t size)
{
	struct tunnel *tunnel = context;
	pass(tunnel, &tunnel->upstream->transport, client_of(tunnel), data, size);
}

static void on_upstream_end(void *context)
{
	struct tunnel *tunnel = context;
	tunnel->has_upstream_ended = true;
	transport_shut_down(client_of(tunnel));
	begin_ending(tunnel);
}

static void on_upstream_writable(void *context)
{
	struct tunnel *tunnel = context;
	transport_resume(client_of(tunnel), TRANSPORT_PAUSE_RELAY);
}

static void on_upstream_timeout(void *context)
{
	(void)context;  // only the client's side keeps time
}

static void on_upstream_lost(void *context)
{
	struct tunnel *tunnel = context;
	tunnel->upstream = NULL;
	transport_finish(client_of(tunnel));
}

static const struct upstream_user tunnel_user = {
	.on_ready = on_upstream_ready,
	.on_data = on_upstream_data,
	.on_end = on_upstream_end,
	.on_writable = on_upstream_writable,
	.on_timeout = on_upstream_timeout,
	.on_lost = on_upstream_lost,
};

static void on_client_data(void *owner, uint8_t *data, size_t size)
{
	struct tunnel *tunnel = owner;
	if (tunnel->upstream)
		pass(tunnel, client_of(tunnel), &tunnel->upstream->transport, data, size);
}

static void on_client_end(void *owner)
{
	struct tunnel *tunnel = owner;
	if (!tunnel->upstream || tunnel->has_upstream_ended) {
		transport_finish(client_of(tunnel));
		return;
	}
	transport_shut_down(&tunnel->upstream->transport);
	begin_ending(tunnel);
}

static void on_client_writable(void *owner)
{
	struct tunnel *tunnel = owner;
	if (tunnel->upstream)
		transport_resume(&tunnel->upstream->transport, TRANSPORT_PAUSE_RELAY);
}

static void on_client_timeout(void *owner)
{
	struct tunnel *tunnel = owner;
	uint64_t silent_ms = uv_now(viva_loop_uv(tunnel->loop)) - tunnel->heard_ms;
	if (tunnel->is_ending || silent_ms >= tunnel->idle_timeout_ms)
		transport_close(client_of(tunnel), UV_ETIMEDOUT);
	else
		transport_set_deadline(client_of(tunnel), tunnel->idle_timeout_ms - silent_ms);
}

static void on_client_closed(void *owner, int uv_error)
{
	(void)uv_error;
	struct tunnel *tunnel = owner;
	struct http_connection *connection = tunnel->connection;
	upstream_drop(tunnel->upstream);
	if (tunnel->member)
		viva_balancer_end(tunnel->balancer, tunnel->member, 0);
	viva_metric_add(open_tunnels(), -1);
	free(tunnel);
	http_server_forget(connection);
}

static const struct transport_protocol client_protocol = {
	.on_data = on_client_data,
	.on_end = on_client_end,
	.on_writable = on_client_writable,
	.on_timeout = on_client_timeout,
	.on_closed = on_client_closed,
};

// The frames aren't read here, so a close frame can't be put between them: the end of the bytes has to do.
static void on_server_stop(void *owner)
{
	struct tunnel *tunnel = owner;
	if (tunnel->upstream)
		transport_shut_down(&tunnel->upstream->transport);
	transport_shut_down(client_of(tunnel));
	begin_ending(tunnel);
}

int relay_tunnel_open(struct http_exchange *exchange, struct upstream *upstream, struct viva_balancer *balancer,
		      struct viva_member *member, uint32_t idle_timeout_ms, struct viva_bytes early)
{
	struct http_connection *connection = exchange->connection;
	bool has_ended = connection->session->has_ended;
	struct tunnel *tunnel = calloc(1, sizeof *tunnel);
	if (!tunnel)
		return VIVA_ENOMEM;
	struct viva_buffer unparsed = {0};
	int code = http_connection_upgrade(connection, &client_protocol, tunnel, on_server_stop, &unparsed);
	if (code != 0) {
		free(tunnel);
		return code;
	}
	tunnel->connection = connection;
	tunnel->balancer = balancer;
	tunnel->member = member;
	tunnel->upstream = upstream;
	tunnel->loop = exchange->server->options.loop;
	tunnel->idle_timeout_ms = idle_timeout_ms;
	tunnel->heard_ms = uv_now(viva_loop_uv(tunnel->loop));
	upstream->user = &tunnel_user;
	upstream->context = tunnel;
	transport_set_deadline(&upstream->transport, 0);
	transport_set_deadline(&connection->transport, idle_timeout_ms);
	viva_metric_add(open_tunnels(), 1);

	transport_write_copy(&connection->transport, early.data, early.size);
	transport_write_copy(&upstream->transport, unparsed.data, unparsed.size);
	viva_buffer_finish(&unparsed);
	transport_resume(&upstream->transport, TRANSPORT_PAUSE_RELAY);
	transport_resume(&connection->transport, TRANSPORT_PAUSE_RELAY);
	transport_resume(&connection->transport, TRANSPORT_PAUSE_PARSER);
	if (has_ended)
		on_client_end(tunnel);
	return 0;
}
