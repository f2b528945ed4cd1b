// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "store/postgres_outage.h"

struct viva_postgres_pool {
	const struct viva_postgres_url *url;
	enum viva_postgres_role role;
	size_t max_connections;
	struct viva_metric *connections;
	struct viva_metric *reconnects;
	struct viva_metric *failures;
	pthread_mutex_t lock;  // of all below
	pthread_cond_t changed;
	struct viva_postgres_outage outage;
	struct viva_error reason;  // of the outage
	bool is_connecting;        // one at a time, so that a server that comes back is not run over
	size_t connection_count;   // idle and lent
	size_t lost_count;         // broke, and not replaced yet
	size_t idle_count;
	struct viva_postgres_connection *idle[];  // a stack: what was used last has the warmest caches
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

int viva_postgres_pool_create(const struct viva_postgres_url *url, enum viva_postgres_role role, size_t max_connections,
			      uint32_t patience_ms, struct viva_postgres_pool **ret_pool)
{
	struct viva_postgres_pool *pool = calloc(1, sizeof *pool + max_connections * sizeof(void *));
	if (!pool)
		return VIVA_ENOMEM;
	pool->url = url;
	pool->role = role;
	pool->max_connections = max_connections;
	const char *labels = role == VIVA_POSTGRES_READER ? "role=\"reader\"" : "role=\"writer\"";
	pool->connections = viva_gauge("viva_store_connections", labels, "Connections to the database server");
	pool->reconnects =
		viva_counter("viva_store_reconnects_total", "", "Connections made in place of those that broke");
	pool->failures = viva_counter("viva_store_connect_failures_total", "", "Connections that did not come about");
	viva_postgres_outage_init(&pool->outage, (int64_t)patience_ms * 1000);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret_pool = pool;
	return 0;
}

struct viva_postgres_pool *viva_postgres_pool_destroy(struct viva_postgres_pool *pool)
{
	if (!pool)
		return NULL;
	viva_metric_add(pool->connections, -(double)pool->idle_count);
	for (size_t i = 0; i < pool->idle_count; i++)
		viva_postgres_disconnect(pool->idle[i]);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	return NULL;
}

static void note_connected(struct viva_postgres_pool *pool)
{
	pool->connection_count++;
	viva_metric_add(pool->connections, 1);
	viva_postgres_outage_on_success(&pool->outage);
	if (pool->lost_count == 0)
		return;
	pool->lost_count--;
	viva_metric_add(pool->reconnects, 1);
}

// With the lock, which it gives up while it connects. NULL: what failed is noted for all who wait.
static struct viva_postgres_connection *connect_one(struct viva_postgres_pool *pool)
{
	pool->is_connecting = true;
	pthread_mutex_unlock(&pool->lock);
	struct viva_postgres_connection *connection = NULL;
	struct viva_error reason = {0};
	int status = viva_postgres_connect(pool->url, pool->role, &connection, &reason);
	pthread_mutex_lock(&pool->lock);
	pool->is_connecting = false;
	if (status) {
		pool->reason = reason;
		viva_postgres_outage_on_failure(&pool->outage, now_us(), viva_system_random());
		viva_metric_add(pool->failures, 1);
	} else {
		note_connected(pool);
	}
	pthread_cond_broadcast(&pool->changed);
	return connection;
}

// With the lock: one that broke.
static void drop(struct viva_postgres_pool *pool, struct viva_postgres_connection *connection)
{
	viva_postgres_disconnect(connection);
	viva_metric_add(pool->connections, -1);
	pool->lost_count++;
	// What kept more connections from coming about is not the outage that begins here, if one does.
	if (--pool->connection_count == 0)
		viva_postgres_outage_on_success(&pool->outage);
}

// With the lock: an idle connection that still works, or NULL.
static struct viva_postgres_connection *take_idle(struct viva_postgres_pool *pool)
{
	while (pool->idle_count > 0) {
		struct viva_postgres_connection *connection = pool->idle[--pool->idle_count];
		if (viva_postgres_is_usable(connection))
			return connection;
		drop(pool, connection);
	}
	return NULL;
}

static int fail_unavailable(const struct viva_postgres_pool *pool, struct viva_error *error)
{
	if (pool->reason.code == VIVA_ENOMEM)
		return viva_fail(error, VIVA_ENOMEM, NULL, "%s", viva_error_message(&pool->reason));
	return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "%s", viva_error_message(&pool->reason));
}

static bool is_down(const struct viva_postgres_pool *pool)
{
	return pool->connection_count == 0 && pool->outage.began_us != 0;
}

static void wait_for_change(struct viva_postgres_pool *pool)
{
	// Who has others' connections to wait for need not look at the clock.
	if (!is_down(pool)) {
		pthread_cond_wait(&pool->changed, &pool->lock);
		return;
	}
	int64_t until_us = pool->is_connecting ? pool->outage.began_us + pool->outage.patience_us
					       : viva_postgres_outage_changes_us(&pool->outage);
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	(void)pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
}

static int take(struct viva_postgres_pool *pool, bool may_wait, struct viva_postgres_connection **ret_connection,
		struct viva_error *error)
{
	struct viva_postgres_connection *connection = NULL;
	int status = 0;
	pthread_mutex_lock(&pool->lock);
	while (!(connection = take_idle(pool))) {
		bool may_try = pool->connection_count < pool->max_connections && !pool->is_connecting &&
			       viva_postgres_outage_may_try(&pool->outage, now_us());
		if (may_try && (connection = connect_one(pool)))
			break;
		if (is_down(pool) && (!may_wait || viva_postgres_outage_is_over_patience(&pool->outage, now_us())))
			status = fail_unavailable(pool, error);
		else if (!may_wait)
			status = viva_fail(error, VIVA_EOVERLOAD, NULL, "all connections to the store are in use");
		if (status)
			break;
		wait_for_change(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!status)
		*ret_connection = connection;
	return status;
}

int viva_postgres_pool_take(struct viva_postgres_pool *pool, struct viva_postgres_connection **ret_connection,
			    struct viva_error *error)
{
	return take(pool, true, ret_connection, error);
}

int viva_postgres_pool_take_now(struct viva_postgres_pool *pool, struct viva_postgres_connection **ret_connection,
				struct viva_error *error)
{
	return take(pool, false, ret_connection, error);
}

void viva_postgres_pool_give(struct viva_postgres_pool *pool, struct viva_postgres_connection *connection)
{
	bool is_usable = viva_postgres_is_usable(connection);
	pthread_mutex_lock(&pool->lock);
	if (is_usable)
		pool->idle[pool->idle_count++] = connection;
	else
		drop(pool, connection);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}
