// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_keeper.h"

#include <stdio.h>
#include <unistd.h>

#include "store/postgres_connection.h"
#include "store/postgres_outage.h"

static int run(struct viva_postgres_connection *connection, const char *sql, const struct viva_value *values,
	       size_t value_count, struct viva_arena *arena, struct viva_rows *ret_rows, struct viva_error *error)
{
	const struct viva_postgres_answer answer = {.arena = arena, .ret_rows = ret_rows};
	return viva_postgres_run(connection, sql, values, value_count, &answer, error);
}

// ---- the schema

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// A server that answers, but refuses us, will go on doing so.
static int connect_patiently(const struct viva_postgres_url *url, uint32_t patience_ms,
			     struct viva_postgres_connection **ret_connection, struct viva_error *error)
{
	struct viva_postgres_outage outage;
	viva_postgres_outage_init(&outage, (int64_t)patience_ms * 1000);
	for (;;) {
		struct viva_error reason = {0};
		int status = viva_postgres_connect(url, VIVA_POSTGRES_KEEPER, ret_connection, &reason);
		if (!status)
			return 0;
		if (status == VIVA_EUNAVAILABLE && viva_postgres_is_refusing(url))
			status = VIVA_EIO;
		if (status == VIVA_EUNAVAILABLE)
			viva_postgres_outage_on_failure(&outage, now_us(), viva_system_random());
		if (status != VIVA_EUNAVAILABLE || viva_postgres_outage_is_over_patience(&outage, outage.try_us))
			return viva_fail(error, status, "store-url", "%s", viva_error_message(&reason));
		int64_t wait_us = outage.try_us - now_us();
		if (wait_us > 0)
			usleep((useconds_t)wait_us);
	}
}

static int applied_version(struct viva_postgres_connection *connection, const char *service, struct viva_arena *arena,
			   int64_t *ret_version, struct viva_error *error)
{
	struct viva_rows rows = {0};
	int status = run(connection, "SELECT to_regclass('viva_migrations') IS NOT NULL", NULL, 0, arena, &rows, error);
	if (status)
		return status;
	int64_t version = 0;
	if (viva_rows_int(&rows, 0, 0) != 0) {
		struct viva_value values[] = {viva_value_text(service)};
		status = run(connection, "SELECT max(version) FROM viva_migrations WHERE service = $1", values,
			     VIVA_COUNT(values), arena, &rows, error);
		version = viva_rows_int(&rows, 0, 0);
	}
	if (!status)
		*ret_version = version;
	return status;
}

static int apply(struct viva_postgres_connection *connection, const char *service,
		 const struct viva_migration *migration, struct viva_error *error)
{
	struct viva_error reason = {0};
	struct viva_value values[] = {viva_value_text(service), viva_value_int(migration->version)};
	int status = viva_postgres_run_script(connection, "BEGIN", &reason);
	if (!status)
		status = viva_postgres_run_script(connection, migration->sql, &reason);
	if (!status)
		status = run(connection, "INSERT INTO viva_migrations (service, version) VALUES ($1, $2)", values,
			     VIVA_COUNT(values), NULL, NULL, &reason);
	if (!status)
		status = viva_postgres_run_script(connection, "COMMIT", &reason);
	if (!status)
		return 0;
	(void)!viva_postgres_run_script(connection, "ROLLBACK", NULL);
	return viva_fail(error, status == VIVA_EOVERLOAD || status == VIVA_EUNAVAILABLE ? status : VIVA_EIO, NULL,
			 "migration %d of %s failed: %s", migration->version, service, viva_error_message(&reason));
}

static int check_not_newer(const struct viva_store_options *options, int64_t applied, struct viva_error *error)
{
	if (applied <= (int64_t)options->migration_count)
		return 0;
	return viva_fail(error, VIVA_EIO, NULL, "a newer version of %s made this store (schema %lld, known %zu)",
			 options->service, (long long)applied, options->migration_count);
}

static int apply_missing(struct viva_postgres_connection *connection, const struct viva_store_options *options,
			 struct viva_arena *arena, struct viva_error *error)
{
	// Held until the connection ends. A table is made by one at a time, too, IF NOT EXISTS or not.
	int status = run(connection, "SELECT pg_advisory_lock(hashtextextended('viva migrations', 0))", NULL, 0, NULL,
			 NULL, error);
	if (!status)
		status = viva_postgres_run_script(connection,
						  "CREATE TABLE IF NOT EXISTS viva_migrations (service TEXT NOT NULL,"
						  " version INTEGER NOT NULL, PRIMARY KEY (service, version))",
						  error);
	int64_t applied = 0;
	if (!status)
		status = applied_version(connection, options->service, arena, &applied, error);
	if (!status)
		status = check_not_newer(options, applied, error);
	for (int64_t i = applied; i < (int64_t)options->migration_count && !status; i++)
		status = apply(connection, options->service, &options->migrations[i], error);
	return status;
}

static int bring_up_to_date(struct viva_postgres_connection *connection, const struct viva_store_options *options,
			    struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	// Nothing to do needs no lock, and no right to make tables.
	int64_t applied = 0;
	int status = applied_version(connection, options->service, arena, &applied, error);
	if (!status && applied < (int64_t)options->migration_count)
		return apply_missing(connection, options, arena, error);
	return status ? status : check_not_newer(options, applied, error);
}

int viva_postgres_migrate(const struct viva_postgres_url *url, const struct viva_store_options *options,
			  struct viva_error *error)
{
	struct viva_postgres_connection *connection = NULL;
	int status = connect_patiently(url, options->busy_ms, &connection, error);
	if (!status)
		status = bring_up_to_date(connection, options, error);
	viva_postgres_disconnect(connection);
	return status;
}

// ---- vacuum

static int vacuum_table(struct viva_postgres_connection *connection, const char *table, struct viva_error *error)
{
	char sql[512];
	if (snprintf(sql, sizeof sql, "VACUUM %s", table) >= (int)sizeof sql)
		return viva_fail(error, VIVA_EIO, NULL, "a table of the store has too long a name");
	return viva_postgres_run_script(connection, sql, error);
}

static int vacuum_all(struct viva_postgres_connection *connection, const char *service, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	struct viva_rows rows = {0};
	struct viva_value values[] = {viva_value_text(service)};
	int status = run(connection,
			 "SELECT format('%I.%I', schemaname, tablename) FROM pg_catalog.pg_tables"
			 " WHERE schemaname = current_schema() AND starts_with(tablename, $1 || '_') ORDER BY 1",
			 values, VIVA_COUNT(values), arena, &rows, error);
	for (size_t row = 0; row < rows.row_count && !status; row++)
		status = vacuum_table(connection, viva_rows_text(&rows, row, 0), error);
	return status;
}

int viva_postgres_vacuum(const struct viva_postgres_url *url, const char *service, struct viva_error *error)
{
	struct viva_postgres_connection *connection = NULL;
	int status = viva_postgres_connect(url, VIVA_POSTGRES_KEEPER, &connection, error);
	if (!status)
		status = vacuum_all(connection, service, error);
	viva_postgres_disconnect(connection);
	return status;
}
