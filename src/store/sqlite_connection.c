// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/row_collector.h"

enum {
	MAX_VALUE_BYTES = 64 * 1024 * 1024,
	MAX_WAL_BYTES = 16 * 1024 * 1024,  // journal_size_limit: what the WAL shrinks to after a checkpoint
	MAX_PARAMETERS = 999,
	MIN_BUSY_STEP_US = 200,
	MAX_BUSY_STEP_US = 5000,
};

// The error of the statement that just failed. SQLite's sentences name tables and columns, never values.
static int fail_from_sqlite(const struct viva_sqlite_connection *connection, int result, struct viva_error *error)
{
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the store is busy with another process's write");
	case SQLITE_NOMEM:
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	case SQLITE_CONSTRAINT:
		return viva_fail(error, VIVA_ECONFLICT, NULL, "the store refused it: %s",
				 sqlite3_errmsg(connection->handle));
	case SQLITE_TOOBIG:
		return viva_fail(error, VIVA_ELIMIT, NULL, "a value is too large for the store");
	case SQLITE_FULL:
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the disk is full");
	default:
		return viva_fail(error, VIVA_EIO, NULL, "the store failed: %s", sqlite3_errmsg(connection->handle));
	}
}

// SQLite's own handler sleeps up to 100 ms at a time, which is long beside a commit: short steps keep several
// processes' writers moving.
static int wait_while_busy(void *context, int attempt)
{
	struct viva_sqlite_connection *connection = context;
	if (attempt == 0)
		connection->busy_waited_us = 0;
	if (connection->busy_waited_us >= (int64_t)connection->busy_ms * 1000)
		return 0;
	int64_t step_us =
		VIVA_MIN((int64_t)MIN_BUSY_STEP_US + connection->busy_waited_us / 8, (int64_t)MAX_BUSY_STEP_US);
	connection->busy_waited_us += step_us;
	usleep((useconds_t)step_us);
	return 1;
}

static int configure(struct viva_sqlite_connection *connection, bool is_reader,
		     const struct viva_store_options *options, struct viva_error *error)
{
	sqlite3_busy_handler(connection->handle, wait_while_busy, connection);
	sqlite3_extended_result_codes(connection->handle, 1);
	sqlite3_limit(connection->handle, SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES);
	sqlite3_limit(connection->handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);

	char pragmas[512];
	// Whether a file can shrink is decided before anything is in it; later the first pragma does nothing.
	snprintf(pragmas, sizeof pragmas,
		 "PRAGMA auto_vacuum=%s; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA foreign_keys=ON; "
		 "PRAGMA secure_delete=ON;"
		 "PRAGMA journal_size_limit=%d; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA query_only=%s;",
		 options->can_shrink ? "INCREMENTAL" : "NONE",
		 options->durability == VIVA_DURABLE_POWER_LOSS ? "FULL" : "NORMAL", MAX_WAL_BYTES,
		 is_reader ? "ON" : "OFF");
	return viva_sqlite_run_script(connection, pragmas, error);
}

int viva_sqlite_connect(struct viva_sqlite_connection *connection, const char *path, bool is_reader,
			const struct viva_store_options *options, struct viva_error *error)
{
	*connection = (struct viva_sqlite_connection){.busy_ms = options->busy_ms};
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int result = sqlite3_open_v2(path, &connection->handle, flags, NULL);
	if (result != SQLITE_OK) {
		int status = viva_fail(error, result == SQLITE_NOMEM ? VIVA_ENOMEM : VIVA_EIO, "store-url", "%s",
				       sqlite3_errstr(result));
		sqlite3_close_v2(connection->handle);
		return status;
	}
	int status = configure(connection, is_reader, options, error);
	if (status)
		viva_sqlite_disconnect(connection);
	return status;
}

static void forget_statement(struct viva_sqlite_statement *statement)
{
	sqlite3_finalize(statement->prepared);
	free(statement->sql);
	*statement = (struct viva_sqlite_statement){0};
}

void viva_sqlite_disconnect(struct viva_sqlite_connection *connection)
{
	for (size_t i = 0; i < VIVA_COUNT(connection->statements); i++)
		forget_statement(&connection->statements[i]);
	sqlite3_close_v2(connection->handle);
	connection->handle = NULL;
}

int viva_sqlite_run_script(struct viva_sqlite_connection *connection, const char *sql, struct viva_error *error)
{
	int result = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
	return result == SQLITE_OK ? 0 : fail_from_sqlite(connection, result, error);
}

static int prepare(struct viva_sqlite_connection *connection, const char *sql, sqlite3_stmt **ret_prepared,
		   struct viva_error *error)
{
	struct viva_sqlite_statement *slot = &connection->statements[0];
	for (size_t i = 0; i < VIVA_COUNT(connection->statements); i++) {
		struct viva_sqlite_statement *candidate = &connection->statements[i];
		if (candidate->sql && strcmp(candidate->sql, sql) == 0) {
			candidate->used = ++connection->uses;
			*ret_prepared = candidate->prepared;
			return 0;
		}
		if (candidate->used < slot->used)
			slot = candidate;
	}

	VIVA_AUTO_FREE char *copy = strdup(sql);
	if (!copy)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	sqlite3_stmt *prepared = NULL;
	int result = sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, NULL);
	if (result != SQLITE_OK)
		return fail_from_sqlite(connection, result, error);
	forget_statement(slot);
	*slot = (struct viva_sqlite_statement){
		.sql = viva_take(&copy), .prepared = prepared, .used = ++connection->uses};
	*ret_prepared = prepared;
	return 0;
}

static int bind_value(sqlite3_stmt *prepared, int index, const struct viva_value *value)
{
	// A NULL pointer would bind as null, so an empty value needs an address.
	const void *data = value->bytes.data ? (const void *)value->bytes.data : "";
	switch (value->type) {
	case VIVA_VALUE_INT:
		return sqlite3_bind_int64(prepared, index, value->integer);
	case VIVA_VALUE_REAL:
		return sqlite3_bind_double(prepared, index, value->real);
	case VIVA_VALUE_TEXT:
		return sqlite3_bind_text64(prepared, index, data, value->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
	case VIVA_VALUE_BYTES:
		return sqlite3_bind_blob64(prepared, index, data, value->bytes.size, SQLITE_STATIC);
	case VIVA_VALUE_NULL:
	default:
		return sqlite3_bind_null(prepared, index);
	}
}

// SQLite numbers $1, $2, … in the order in which they appear, so each is bound by its name.
static int bind_values(struct viva_sqlite_connection *connection, sqlite3_stmt *prepared,
		       const struct viva_value *values, size_t value_count, struct viva_error *error)
{
	if (value_count > MAX_PARAMETERS || sqlite3_bind_parameter_count(prepared) > (int)value_count)
		return viva_fail(error, VIVA_EIO, NULL, "the statement has other parameters than the %zu given",
				 value_count);
	for (size_t i = 0; i < value_count; i++) {
		char name[16];
		snprintf(name, sizeof name, "$%zu", i + 1);
		int index = sqlite3_bind_parameter_index(prepared, name);
		if (index == 0)
			return viva_fail(error, VIVA_EIO, NULL, "the statement has no parameter %s", name);
		int result = bind_value(prepared, index, &values[i]);
		if (result != SQLITE_OK)
			return fail_from_sqlite(connection, result, error);
	}
	return 0;
}

static int read_value(struct viva_arena *arena, sqlite3_stmt *prepared, int column, struct viva_value *ret_value)
{
	switch (sqlite3_column_type(prepared, column)) {
	case SQLITE_INTEGER:
		*ret_value = viva_value_int(sqlite3_column_int64(prepared, column));
		return 0;
	case SQLITE_FLOAT:
		*ret_value = viva_value_real(sqlite3_column_double(prepared, column));
		return 0;
	case SQLITE_NULL:
		*ret_value = viva_value_null();
		return 0;
	}
	bool is_text = sqlite3_column_type(prepared, column) == SQLITE_TEXT;
	const void *data =
		is_text ? (const void *)sqlite3_column_text(prepared, column) : sqlite3_column_blob(prepared, column);
	size_t size = (size_t)sqlite3_column_bytes(prepared, column);
	if (!data && size > 0)
		return VIVA_ENOMEM;
	char *copy = viva_arena_text(arena, data ? data : "", size);
	if (!copy)
		return VIVA_ENOMEM;
	*ret_value = (struct viva_value){.type = is_text ? VIVA_VALUE_TEXT : VIVA_VALUE_BYTES,
					 .bytes = viva_bytes_of(copy, size)};
	return 0;
}

static int read_row(struct viva_row_collector *rows, sqlite3_stmt *prepared, int columns)
{
	struct viva_value *values = viva_row_collector_next(rows, (size_t)columns);
	if (!values)
		return VIVA_ENOMEM;
	for (int column = 0; column < columns; column++) {
		int status = read_value(rows->arena, prepared, column, &values[column]);
		if (status)
			return status;
	}
	rows->count += (size_t)columns;
	return 0;
}

static int step_through(struct viva_sqlite_connection *connection, struct viva_arena *arena, sqlite3_stmt *prepared,
			struct viva_rows *ret_rows, struct viva_error *error)
{
	struct viva_row_collector rows = {.arena = arena};
	int columns = sqlite3_column_count(prepared);
	int status = 0;
	int result;
	while ((result = sqlite3_step(prepared)) == SQLITE_ROW) {
		if (!ret_rows)
			continue;
		status = read_row(&rows, prepared, columns);
		if (status)
			break;
	}
	if (!status && result != SQLITE_DONE)
		status = fail_from_sqlite(connection, result, error);
	else if (!status && ret_rows)
		status = viva_row_collector_give(&rows, (size_t)columns, ret_rows);
	if (status == VIVA_ENOMEM)
		viva_fail(error, VIVA_ENOMEM, NULL, "the store's answer is too large");
	viva_row_collector_finish(&rows);
	return status;
}

int viva_sqlite_run(struct viva_sqlite_connection *connection, struct viva_arena *arena, const char *sql,
		    const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
		    int64_t *ret_changed, struct viva_error *error)
{
	sqlite3_stmt *prepared = NULL;
	int status = prepare(connection, sql, &prepared, error);
	if (status)
		return status;
	status = bind_values(connection, prepared, values, value_count, error);
	if (!status)
		status = step_through(connection, arena, prepared, ret_rows, error);
	if (!status && ret_changed)
		*ret_changed = sqlite3_changes64(connection->handle);
	// The values are borrowed: nothing of them may stay bound.
	sqlite3_reset(prepared);
	sqlite3_clear_bindings(prepared);
	return status;
}
