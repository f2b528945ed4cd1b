// SPDX-License-Identifier: Apache-2.0
//
// What is done to a PostgreSQL store rather than with it: bringing its schema up to date, clearing deleted rows away.
// Both use a connection of their own, for as long as they take.
//
// Threads: any; they block on the server.
#ifndef VIVA_STORE_POSTGRES_KEEPER_H
#define VIVA_STORE_POSTGRES_KEEPER_H

#include "store/postgres_url.h"

// As viva_store_open promises. Waits up to options->busy_ms for a server that can't be reached, and for another process
// that migrates.
VIVA_MUST_CHECK int viva_postgres_migrate(const struct viva_postgres_url *url, const struct viva_store_options *options,
					  struct viva_error *error);
// Vacuums the tables of `service`. VIVA_EOVERLOAD (a lock on one is in the way), VIVA_EUNAVAILABLE, VIVA_EIO.
VIVA_MUST_CHECK int viva_postgres_vacuum(const struct viva_postgres_url *url, const char *service,
					 struct viva_error *error);

#endif
