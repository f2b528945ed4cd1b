// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_exchange.h"
#include "net/relay_upstream.h"

enum { BACKLOG = 1024 };

struct viva_http_server_options viva_http_server_defaults(void)
{
	return (struct viva_http_server_options){
		.host = "127.0.0.1",
		.max_connections = 10000,
		.max_header_bytes = 16 * 1024,
		.max_headers = 100,
		.max_pipelined = 16,
		.max_buffered_body_bytes = 256 * 1024 * 1024,
		.header_timeout_ms = 10 * 1000,
		.body_timeout_ms = 60 * 1000,
		.idle_timeout_ms = 75 * 1000,
		.write_timeout_ms = 30 * 1000,
		.handler_timeout_ms = 30 * 1000,
	};
}

void http_server_hold(struct viva_http_server *server)
{
	server->references++;
}

void http_server_release(struct viva_http_server *server)
{
	if (--server->references > 0)
		return;
	http_router_destroy(server->router);
	relay_pool_destroy(server->relay_pool);
	viva_tls_destroy(server->options.tls);
	free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
	http_server_release(handle->data);
}

static int resolve(const char *host, uint16_t port, struct sockaddr_storage *ret_address, struct viva_error *error)
{
	char service[8];
	snprintf(service, sizeof service, "%u", port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int status = getaddrinfo(host, service, &hints, &found);
	if (status != 0)
		return viva_fail(error, VIVA_EIO, "host", "can't resolve %s: %s", host, gai_strerror(status));
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static int bind_listener(struct viva_http_server *server, struct viva_error *error)
{
	const struct viva_http_server_options *options = &server->options;
	struct sockaddr_storage address = {0};
	int code = resolve(options->host, options->port, &address, error);
	if (code != 0)
		return code;
	int status = uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
	// libuv reports a port in use only when it comes to listening; the user wants to know at creation.
	int length = sizeof address;
	if (status == 0)
		status = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &length);
	if (status != 0)
		return viva_fail(error, VIVA_EIO, "port", "can't bind %s port %u: %s", options->host, options->port,
				 uv_strerror(status));
	server->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
							   : ((struct sockaddr_in *)&address)->sin_port);
	return 0;
}

static int init_handles(struct viva_http_server *server)
{
	uv_loop_t *uv = viva_loop_uv(server->options.loop);
	if (uv_tcp_init(uv, &server->listener) != 0)
		return VIVA_ENOMEM;
	uv_timer_init(uv, &server->grace_timer);
	server->listener.data = server;
	server->grace_timer.data = server;
	server->references += 2;
	return 0;
}

int viva_http_server_create(const struct viva_http_server_options *options, struct viva_http_server **ret_server,
			    struct viva_error *error)
{
	struct viva_http_server *server = calloc(1, sizeof *server);
	if (!server)
		return VIVA_ENOMEM;
	server->options = *options;
	snprintf(server->host, sizeof server->host, "%s", options->host);
	server->options.host = server->host;
	if (options->tls)
		viva_tls_ref(options->tls);
	server->references = 1;
	int code = http_router_create(options->route_tables, options->route_counts, options->route_table_count,
				      &server->router, error);
	if (code == 0)
		code = relay_pool_create(options->loop, &server->relay_pool);
	if (code == 0)
		code = init_handles(server);
	if (code != 0) {
		http_server_release(server);
		return code;
	}
	code = bind_listener(server, error);
	if (code != 0) {
		viva_http_server_destroy(server);
		return code;
	}
	*ret_server = server;
	return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct viva_http_server *server = listener->data;
	if (status != 0 || server->is_stopping) {
		viva_log_warn("a connection could not be accepted: %s", status != 0 ? uv_strerror(status) : "stopping");
		return;
	}
	if (http_connection_accept(server) != 0)
		viva_log_error("a connection could not be accepted: out of memory");
}

int viva_http_server_start(struct viva_http_server *server, struct viva_error *error)
{
	int status = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
	if (status != 0)
		return viva_fail(error, VIVA_EIO, "port", "can't listen on %s port %u: %s", server->host, server->port,
				 uv_strerror(status));
	server->is_listening = true;
	return 0;
}

void viva_http_server_set_tls(struct viva_http_server *server, struct viva_tls *tls)
{
	struct viva_tls *before = server->options.tls;
	server->options.tls = viva_tls_ref(tls);
	viva_tls_destroy(before);
}

uint16_t viva_http_server_port(const struct viva_http_server *server)
{
	return server->port;
}

static void close_listener(struct viva_http_server *server)
{
	if (!uv_is_closing((uv_handle_t *)&server->listener))
		uv_close((uv_handle_t *)&server->listener, on_handle_closed);
}

static void tell_stopped(struct viva_http_server *server)
{
	void (*on_stopped)(void *context) = server->on_stopped;
	if (!on_stopped)
		return;
	server->on_stopped = NULL;
	uv_timer_stop(&server->grace_timer);
	on_stopped(server->stopped_context);
}

static void cut_connections(struct viva_http_server *server)
{
	for (struct http_connection *connection = server->connections; connection; connection = connection->next)
		transport_close(&connection->transport, UV_ECANCELED);
}

static void on_grace_over(uv_timer_t *timer)
{
	struct viva_http_server *server = timer->data;
	cut_connections(server);
	if (!server->connections)
		tell_stopped(server);
}

void viva_http_server_stop(struct viva_http_server *server, uint32_t grace_ms, void (*on_stopped)(void *context),
			   void *context)
{
	server->is_stopping = true;
	server->on_stopped = on_stopped;
	server->stopped_context = context;
	close_listener(server);
	relay_pool_close_idle(server->relay_pool);
	struct http_connection *next = NULL;
	for (struct http_connection *connection = server->connections; connection; connection = next) {
		next = connection->next;
		http_connection_stop(connection);
	}
	// Also with nothing left: on_stopped always comes from the loop, never from inside this call.
	uv_timer_start(&server->grace_timer, on_grace_over, server->connections ? grace_ms : 0, 0);
}

void http_server_forget(struct http_connection *connection)
{
	struct viva_http_server *server = connection->server;
	if (connection->next)
		connection->next->previous = connection->previous;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	server->connection_count--;
	free(connection);
	if (server->is_stopping && !server->connections)
		tell_stopped(server);
	http_server_release(server);
}

struct viva_http_server *viva_http_server_destroy(struct viva_http_server *server)
{
	if (!server)
		return NULL;
	server->is_stopping = true;
	server->on_stopped = NULL;
	// Handlers that outlived the loop's run are settled now, while the service's state is still there.
	if (!viva_loop_is_current(server->options.loop))
		viva_loop_run_posted(server->options.loop);
	close_listener(server);
	uv_close((uv_handle_t *)&server->grace_timer, on_handle_closed);
	cut_connections(server);
	relay_pool_close_idle(server->relay_pool);
	http_server_release(server);
	return NULL;
}

const char *http_server_date(struct viva_http_server *server)
{
	time_t second = (time_t)(viva_clock_unix_ms(viva_system_clock()) / 1000);
	if (second != server->date_second || server->date[0] == '\0') {
		struct tm broken_down;
		gmtime_r(&second, &broken_down);
		strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &broken_down);
		server->date_second = second;
	}
	return server->date;
}
