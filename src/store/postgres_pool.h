// SPDX-License-Identifier: Apache-2.0
//
// Connections of one kind, made when they are needed and kept: at most so many, each lent to one at a time.
//
// Threads: any; take blocks.
#ifndef VIVA_STORE_POSTGRES_POOL_H
#define VIVA_STORE_POSTGRES_POOL_H

#include "store/postgres_connection.h"

struct viva_postgres_pool;

// `url` is borrowed. Connects nothing yet. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_pool_create(const struct viva_postgres_url *url, enum viva_postgres_role role,
					      size_t max_connections, uint32_t patience_ms,
					      struct viva_postgres_pool **ret_pool);
// When all are given back. NULL is fine. Always NULL.
struct viva_postgres_pool *viva_postgres_pool_destroy(struct viva_postgres_pool *pool);
VIVA_DEFINE_AUTO(viva_postgres_pool)

// Lends a usable connection. When all are lent it waits for one. When the server can't be reached it waits for the
// outage's end, at most patience_ms from its beginning: who comes later gets VIVA_EUNAVAILABLE at once, or is the one
// who tries again. VIVA_EUNAVAILABLE, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_pool_take(struct viva_postgres_pool *pool,
					    struct viva_postgres_connection **ret_connection, struct viva_error *error);
// The same, but waits neither for an outage's end nor for what others lent: VIVA_EOVERLOAD then. For health checks.
VIVA_MUST_CHECK int viva_postgres_pool_take_now(struct viva_postgres_pool *pool,
						struct viva_postgres_connection **ret_connection,
						struct viva_error *error);
// Takes it back, also a broken one.
void viva_postgres_pool_give(struct viva_postgres_pool *pool, struct viva_postgres_connection *connection);

#endif
