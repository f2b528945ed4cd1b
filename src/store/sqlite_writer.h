// SPDX-License-Identifier: Apache-2.0
//
// The one thread of a store that writes: it takes the transactions that wait and commits them together.
//
// Threads: transact from any; it blocks until its transaction is committed or refused.
#ifndef VIVA_STORE_SQLITE_WRITER_H
#define VIVA_STORE_SQLITE_WRITER_H

#include "store/sqlite_connection.h"
#include "store/store_backend.h"

struct viva_sqlite_writer;

// What a transaction's work is given.
struct viva_sqlite_transaction {
	struct viva_store_transaction transaction;
	struct viva_sqlite_connection *connection;
};

// Starts the thread on `connection` to the file at `path`, which it owns from here on (on failure the caller still
// does). VIVA_ENOMEM, VIVA_EINTERNAL (no thread).
VIVA_MUST_CHECK int viva_sqlite_writer_create(struct viva_sqlite_connection *connection, const char *path,
					      const struct viva_store_options *options,
					      struct viva_sqlite_writer **ret_writer, struct viva_error *error);
// Commits what waits, joins the thread, disconnects. NULL is fine. Always NULL.
struct viva_sqlite_writer *viva_sqlite_writer_destroy(struct viva_sqlite_writer *writer);

// As viva_store_transact, or, with VIVA_DURABLE_CRASH, as viva_store_transact_lazily.
VIVA_MUST_CHECK int viva_sqlite_writer_transact(struct viva_sqlite_writer *writer, enum viva_durability durability,
						viva_store_work *work, void *context, struct viva_error *error);
// Moves all of the WAL into the file and empties it. VIVA_EOVERLOAD, VIVA_EIO.
VIVA_MUST_CHECK int viva_sqlite_writer_checkpoint(struct viva_sqlite_writer *writer, struct viva_error *error);

#endif
