// SPDX-License-Identifier: Apache-2.0
//
// One connection to an SQLite file with its prepared statements.
//
// Threads: one owner at a time; calls block on the disk and on other processes' locks.
#ifndef VIVA_STORE_SQLITE_CONNECTION_H
#define VIVA_STORE_SQLITE_CONNECTION_H

#include <sqlite3.h>

#include "store/store.h"

enum { VIVA_SQLITE_STATEMENTS = 64 };  // prepared ones kept per connection; the one used longest ago goes

struct viva_sqlite_statement {
	char *sql;
	sqlite3_stmt *prepared;
	uint64_t used;
};

struct viva_sqlite_connection {
	sqlite3 *handle;
	uint32_t busy_ms;
	int64_t busy_waited_us;  // in the busy handler, for the statement at hand
	uint64_t uses;
	struct viva_sqlite_statement statements[VIVA_SQLITE_STATEMENTS];
};

// Opens an existing file. VIVA_EIO, VIVA_EOVERLOAD (busy), VIVA_ENOMEM; on failure there is nothing to close.
VIVA_MUST_CHECK int viva_sqlite_connect(struct viva_sqlite_connection *connection, const char *path, bool is_reader,
					const struct viva_store_options *options, struct viva_error *error);
void viva_sqlite_disconnect(struct viva_sqlite_connection *connection);

// Runs one statement. `ret_rows` (in `arena`) and `ret_changed` may be NULL.
// VIVA_EIO, VIVA_EOVERLOAD (busy), VIVA_ECONFLICT (a constraint), VIVA_ELIMIT (too large), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_sqlite_run(struct viva_sqlite_connection *connection, struct viva_arena *arena,
				    const char *sql, const struct viva_value *values, size_t value_count,
				    struct viva_rows *ret_rows, int64_t *ret_changed, struct viva_error *error);
// Runs statements without parameters or rows, not kept prepared. Errors as for run.
VIVA_MUST_CHECK int viva_sqlite_run_script(struct viva_sqlite_connection *connection, const char *sql,
					   struct viva_error *error);

#endif
