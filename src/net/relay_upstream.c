// SPDX-License-Identifier: Apache-2.0
#include "net/relay_upstream.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct relay_pool {
	struct viva_loop *loop;
	struct upstream *idle;
	size_t idle_count;
	size_t references;  // the owner and each upstream
	bool is_closing;
};

static void release_pool(struct relay_pool *pool)
{
	if (--pool->references == 0)
		free(pool);
}

int relay_pool_create(struct viva_loop *loop, struct relay_pool **ret_pool)
{
	struct relay_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return VIVA_ENOMEM;
	pool->loop = loop;
	pool->references = 1;
	*ret_pool = pool;
	return 0;
}

void relay_pool_close_idle(struct relay_pool *pool)
{
	pool->is_closing = true;
	while (pool->idle)
		upstream_drop(pool->idle);
}

void relay_pool_destroy(struct relay_pool *pool)
{
	if (!pool)
		return;
	relay_pool_close_idle(pool);
	release_pool(pool);
}

static void unlink_idle(struct upstream *upstream)
{
	for (struct upstream **at = &upstream->pool->idle; *at; at = &(*at)->next) {
		if (*at != upstream)
			continue;
		*at = upstream->next;
		upstream->pool->idle_count--;
		return;
	}
}

static void free_if_done(struct upstream *upstream)
{
	if (!upstream->is_transport_closed || upstream->is_resolving)
		return;
	struct relay_pool *pool = upstream->pool;
	free(upstream);
	release_pool(pool);
}

void upstream_drop(struct upstream *upstream)
{
	if (!upstream || upstream->state == UPSTREAM_CLOSED)
		return;
	if (upstream->state == UPSTREAM_IDLE)
		unlink_idle(upstream);
	upstream->state = UPSTREAM_CLOSED;
	upstream->user = NULL;
	if (upstream->is_resolving)
		uv_cancel((uv_req_t *)&upstream->resolving);
	transport_close(&upstream->transport, 0);
}

static void lose(struct upstream *upstream)
{
	const struct upstream_user *user = upstream->user;
	upstream_drop(upstream);
	if (user)
		user->on_lost(upstream->context);
}

static void on_data(void *owner, uint8_t *data, size_t size)
{
	struct upstream *upstream = owner;
	// Nobody asked an idle one anything.
	if (upstream->state != UPSTREAM_IN_USE)
		upstream_drop(upstream);
	else
		upstream->user->on_data(upstream->context, data, size);
}

static void on_end(void *owner)
{
	struct upstream *upstream = owner;
	if (upstream->state != UPSTREAM_IN_USE)
		upstream_drop(upstream);
	else
		upstream->user->on_end(upstream->context);
}

static void on_writable(void *owner)
{
	struct upstream *upstream = owner;
	if (upstream->state == UPSTREAM_IN_USE)
		upstream->user->on_writable(upstream->context);
}

static void on_timeout(void *owner)
{
	struct upstream *upstream = owner;
	if (upstream->state == UPSTREAM_IN_USE)
		upstream->user->on_timeout(upstream->context);
	else
		lose(upstream);
}

static void on_closed(void *owner, int uv_error)
{
	(void)uv_error;
	struct upstream *upstream = owner;
	upstream->is_transport_closed = true;
	// Broken by a failed read or write rather than dropped: its user doesn't know yet.
	if (upstream->state != UPSTREAM_CLOSED)
		lose(upstream);
	free_if_done(upstream);
}

static const struct transport_protocol upstream_protocol = {
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_timeout = on_timeout,
	.on_closed = on_closed,
};

static void on_connected(uv_connect_t *request, int status)
{
	struct upstream *upstream = (struct upstream *)request->data;
	if (upstream->state == UPSTREAM_CLOSED)
		return;
	if (status != 0) {
		lose(upstream);
		return;
	}
	upstream->state = UPSTREAM_IN_USE;
	transport_set_deadline(&upstream->transport, 0);
	uv_tcp_nodelay(&upstream->transport.tcp, 1);
	transport_start_reading(&upstream->transport);
	upstream->user->on_ready(upstream->context);
}

static int connect_to(struct upstream *upstream, const struct sockaddr *address)
{
	upstream->state = UPSTREAM_CONNECTING;
	upstream->connecting.data = upstream;
	return uv_tcp_connect(&upstream->connecting, &upstream->transport.tcp, address, on_connected);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct upstream *upstream = request->data;
	upstream->is_resolving = false;
	if (upstream->state == UPSTREAM_CLOSED)
		free_if_done(upstream);
	else if (status != 0 || connect_to(upstream, found->ai_addr) != 0)
		lose(upstream);
	uv_freeaddrinfo(found);
}

// Splits "host:port" or "[v6]:port".
static int parse_address(const char *address, char *ret_host, size_t size, uint16_t *ret_port)
{
	const char *colon = strrchr(address, ':');
	int64_t port = 0;
	if (!colon || viva_parse_int64(colon + 1, 1, 65535, &port) != 0)
		return VIVA_EINVAL;
	size_t length = (size_t)(colon - address);
	if (length > 2 && address[0] == '[' && address[length - 1] == ']') {
		address++;
		length -= 2;
	}
	if (length == 0 || length >= size)
		return VIVA_EINVAL;
	memcpy(ret_host, address, length);
	ret_host[length] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}

static int start_connecting(struct upstream *upstream, const char *host, uint16_t port)
{
	struct sockaddr_storage address = {0};
	if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) == 0 ||
	    uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) == 0)
		return connect_to(upstream, (struct sockaddr *)&address);

	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	upstream->resolving.data = upstream;
	int status = uv_getaddrinfo(viva_loop_uv(upstream->pool->loop), &upstream->resolving, on_resolved, host,
				    strrchr(upstream->address, ':') + 1, &hints);
	upstream->is_resolving = status == 0;
	return status;
}

static struct upstream *take_idle(struct relay_pool *pool, const char *address)
{
	for (struct upstream *upstream = pool->idle; upstream; upstream = upstream->next)
		if (strcmp(upstream->address, address) == 0 && !upstream->transport.is_closing) {
			unlink_idle(upstream);
			return upstream;
		}
	return NULL;
}

int upstream_acquire(struct relay_pool *pool, const char *address, bool may_reuse, uint32_t connect_timeout_ms,
		     const struct upstream_user *user, void *context, struct upstream **ret_upstream)
{
	struct upstream *upstream = may_reuse ? take_idle(pool, address) : NULL;
	if (upstream) {
		upstream->state = UPSTREAM_IN_USE;
		upstream->is_reused = true;
		upstream->user = user;
		upstream->context = context;
		transport_set_deadline(&upstream->transport, 0);
		*ret_upstream = upstream;
		return 0;
	}

	char host[UPSTREAM_MAX_ADDRESS];
	uint16_t port = 0;
	if (strlen(address) >= UPSTREAM_MAX_ADDRESS || parse_address(address, host, sizeof host, &port) != 0)
		return VIVA_EINVAL;
	upstream = calloc(1, sizeof *upstream);
	if (!upstream)
		return VIVA_ENOMEM;
	memcpy(upstream->address, address, strlen(address) + 1);
	upstream->pool = pool;
	upstream->user = user;
	upstream->context = context;
	uv_loop_t *uv = viva_loop_uv(pool->loop);
	if (transport_init(&upstream->transport, uv, &upstream_protocol, upstream, UPSTREAM_WRITE_TIMEOUT_MS) != 0) {
		free(upstream);
		return VIVA_ENOMEM;
	}
	pool->references++;
	transport_set_deadline(&upstream->transport, connect_timeout_ms);
	if (start_connecting(upstream, host, port) != 0) {
		upstream_drop(upstream);
		return VIVA_EUNAVAILABLE;
	}
	*ret_upstream = upstream;
	return 0;
}

static void drop_oldest(struct relay_pool *pool)
{
	struct upstream *oldest = pool->idle;
	while (oldest->next)
		oldest = oldest->next;
	upstream_drop(oldest);
}

void upstream_release(struct upstream *upstream)
{
	struct relay_pool *pool = upstream->pool;
	if (pool->is_closing || upstream->transport.is_closing || !upstream->transport.is_reading) {
		upstream_drop(upstream);
		return;
	}
	if (pool->idle_count >= UPSTREAM_MAX_IDLE)
		drop_oldest(pool);
	upstream->state = UPSTREAM_IDLE;
	upstream->user = NULL;
	upstream->next = pool->idle;
	pool->idle = upstream;
	pool->idle_count++;
	// Paused or not, an idle one must hear its peer close.
	transport_resume(&upstream->transport, TRANSPORT_PAUSE_RELAY);
	transport_set_deadline(&upstream->transport, UPSTREAM_IDLE_MS);
}
