// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <math.h>
#include <string.h>

#include "store/store_backend.h"

static const struct viva_store_backend *const BACKENDS[] = {&viva_store_sqlite, &viva_store_postgres};

enum { MAX_LOCK_NAME = 200, MAX_CONNECTIONS = 64, MAX_BATCH = 4096, MAX_WAITING = 1 << 20 };

struct viva_store_options viva_store_defaults(void)
{
	return (struct viva_store_options){.durability = VIVA_DURABLE_POWER_LOSS,
					   .readers = VIVA_STORE_CONNECTIONS,
					   .writers = VIVA_STORE_CONNECTIONS,
					   .busy_ms = 5000,
					   .max_batch = 256,
					   .max_waiting = 1024};
}

static int check_options(const struct viva_store_options *options, struct viva_error *error)
{
	if (!options->service || options->service[0] == '\0')
		return viva_fail(error, VIVA_EINVAL, "service", "the store needs the name of its service");
	if (options->readers == 0 || options->readers > MAX_CONNECTIONS)
		return viva_fail(error, VIVA_EINVAL, "readers", "readers must be 1 to %d", MAX_CONNECTIONS);
	if (options->writers == 0 || options->writers > MAX_CONNECTIONS)
		return viva_fail(error, VIVA_EINVAL, "writers", "writers must be 1 to %d", MAX_CONNECTIONS);
	if (options->max_batch == 0 || options->max_batch > MAX_BATCH)
		return viva_fail(error, VIVA_EINVAL, "max_batch", "max_batch must be 1 to %d", MAX_BATCH);
	if (options->max_waiting == 0 || options->max_waiting > MAX_WAITING)
		return viva_fail(error, VIVA_EINVAL, "max_waiting", "max_waiting must be 1 to %d", MAX_WAITING);
	for (size_t i = 0; i < options->migration_count; i++) {
		if (options->migrations[i].version != (int)i + 1)
			return viva_fail(error, VIVA_EINVAL, "migrations", "migration %zu has the version %d", i + 1,
					 options->migrations[i].version);
	}
	return 0;
}

static const struct viva_store_backend *find_backend(const char *scheme, size_t size)
{
	for (size_t i = 0; i < VIVA_COUNT(BACKENDS); i++) {
		for (size_t j = 0; j < VIVA_COUNT(BACKENDS[i]->schemes); j++) {
			const char *served = BACKENDS[i]->schemes[j];
			if (served && strlen(served) == size && memcmp(served, scheme, size) == 0)
				return BACKENDS[i];
		}
	}
	return NULL;
}

int viva_store_open(const struct viva_store_options *options, struct viva_store **ret_store, struct viva_error *error)
{
	int status = check_options(options, error);
	if (status)
		return status;
	const char *colon = options->url ? strchr(options->url, ':') : NULL;
	size_t scheme_size = colon ? (size_t)(colon - options->url) : 0;
	const struct viva_store_backend *backend = colon ? find_backend(options->url, scheme_size) : NULL;
	if (backend)
		return backend->open(options, colon + 1, ret_store, error);
	// The URL may hold a password: only its scheme is told.
	return viva_fail(error, VIVA_EINVAL, "store-url",
			 "the store's URL must begin with sqlite: or postgresql:, not with '%.*s'",
			 (int)VIVA_MIN(scheme_size, (size_t)32), colon ? options->url : "");
}

struct viva_store *viva_store_destroy(struct viva_store *store)
{
	if (store)
		store->backend->destroy(store);
	return NULL;
}

int viva_store_query(struct viva_store *store, struct viva_arena *arena, const char *sql,
		     const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
		     struct viva_error *error)
{
	return store->backend->query(store, arena, sql, values, value_count, ret_rows, error);
}

int viva_store_transact(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	return store->backend->transact(store, work, context, error);
}

int viva_store_transact_lazily(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error)
{
	if (!store->backend->transact_lazily)
		return viva_store_transact(store, work, context, error);
	return store->backend->transact_lazily(store, work, context, error);
}

int viva_transaction_execute(struct viva_store_transaction *transaction, const char *sql,
			     const struct viva_value *values, size_t value_count, int64_t *ret_changed,
			     struct viva_error *error)
{
	return transaction->backend->transaction_execute(transaction, sql, values, value_count, ret_changed, error);
}

int viva_transaction_query(struct viva_store_transaction *transaction, struct viva_arena *arena, const char *sql,
			   const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
			   struct viva_error *error)
{
	return transaction->backend->transaction_query(transaction, arena, sql, values, value_count, ret_rows, error);
}

static int check_lock_name(const char *name, struct viva_error *error)
{
	size_t size = strnlen(name, MAX_LOCK_NAME + 1);
	bool is_good = size > 0 && size <= MAX_LOCK_NAME;
	return is_good ? 0
		       : viva_fail(error, VIVA_EINVAL, NULL, "a lock's name must have 1 to %d bytes", MAX_LOCK_NAME);
}

int viva_transaction_lock(struct viva_store_transaction *transaction, const char *name, struct viva_error *error)
{
	const struct viva_store_backend *backend = transaction->backend;
	int status = check_lock_name(name, error);
	return status || !backend->transaction_lock ? status : backend->transaction_lock(transaction, name, error);
}

int viva_transaction_try_lock(struct viva_store_transaction *transaction, const char *name, bool *ret_is_locked,
			      struct viva_error *error)
{
	const struct viva_store_backend *backend = transaction->backend;
	int status = check_lock_name(name, error);
	if (!status && backend->transaction_try_lock)
		return backend->transaction_try_lock(transaction, name, ret_is_locked, error);
	if (!status)
		*ret_is_locked = true;
	return status;
}

struct statement {
	const char *sql;
	const struct viva_value *values;
	size_t value_count;
	bool is_count_wanted;  // a backend may send a statement later whose count nobody waits for
	int64_t changed;
};

static int run_statement(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct statement *statement = context;
	return viva_transaction_execute(transaction, statement->sql, statement->values, statement->value_count,
					statement->is_count_wanted ? &statement->changed : NULL, error);
}

int viva_store_execute(struct viva_store *store, const char *sql, const struct viva_value *values, size_t value_count,
		       int64_t *ret_changed, struct viva_error *error)
{
	struct statement statement = {
		.sql = sql, .values = values, .value_count = value_count, .is_count_wanted = ret_changed != NULL};
	int status = viva_store_transact(store, run_statement, &statement, error);
	if (!status && ret_changed)
		*ret_changed = statement.changed;
	return status;
}

int viva_store_scrub(struct viva_store *store, struct viva_error *error)
{
	return store->backend->scrub(store, error);
}

int viva_store_ping(struct viva_store *store, struct viva_error *error)
{
	return store->backend->ping(store, error);
}

struct viva_value viva_value_null(void)
{
	return (struct viva_value){.type = VIVA_VALUE_NULL};
}

struct viva_value viva_value_int(int64_t value)
{
	return (struct viva_value){.type = VIVA_VALUE_INT, .integer = value};
}

struct viva_value viva_value_real(double value)
{
	return (struct viva_value){.type = VIVA_VALUE_REAL, .real = value};
}

struct viva_value viva_value_text(const char *text)
{
	if (!text)
		return viva_value_null();
	return (struct viva_value){.type = VIVA_VALUE_TEXT, .bytes = viva_bytes_of_text(text)};
}

struct viva_value viva_value_bytes(struct viva_bytes bytes)
{
	return (struct viva_value){.type = VIVA_VALUE_BYTES, .bytes = bytes};
}

static const struct viva_value *value_at(const struct viva_rows *rows, size_t row, size_t column)
{
	static const struct viva_value none = {.type = VIVA_VALUE_NULL};
	if (row >= rows->row_count || column >= rows->column_count)
		return &none;
	return &rows->values[row * rows->column_count + column];
}

int64_t viva_rows_int(const struct viva_rows *rows, size_t row, size_t column)
{
	const struct viva_value *value = value_at(rows, row, column);
	if (value->type == VIVA_VALUE_INT)
		return value->integer;
	// A number computed by the store may come as real; what no integer can hold is cut at the ends.
	if (value->type != VIVA_VALUE_REAL || isnan(value->real))
		return 0;
	if (value->real >= 0x1p63)
		return INT64_MAX;
	return value->real < -0x1p63 ? INT64_MIN : (int64_t)value->real;
}

double viva_rows_real(const struct viva_rows *rows, size_t row, size_t column)
{
	const struct viva_value *value = value_at(rows, row, column);
	if (value->type == VIVA_VALUE_INT)
		return (double)value->integer;
	return value->type == VIVA_VALUE_REAL ? value->real : 0;
}

const char *viva_rows_text(const struct viva_rows *rows, size_t row, size_t column)
{
	const struct viva_value *value = value_at(rows, row, column);
	return value->type == VIVA_VALUE_TEXT ? (const char *)value->bytes.data : NULL;
}

struct viva_bytes viva_rows_bytes(const struct viva_rows *rows, size_t row, size_t column)
{
	const struct viva_value *value = value_at(rows, row, column);
	bool has_bytes = value->type == VIVA_VALUE_TEXT || value->type == VIVA_VALUE_BYTES;
	return has_bytes ? value->bytes : viva_bytes_of(NULL, 0);
}

bool viva_rows_is_null(const struct viva_rows *rows, size_t row, size_t column)
{
	return value_at(rows, row, column)->type == VIVA_VALUE_NULL;
}
