// SPDX-License-Identifier: Apache-2.0
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef VIVA_TEST_ON_POSTGRES
#include "postgres_fixture.h"
#endif

const struct viva_migration store_fixture_migrations[2] = {
	{1, "CREATE TABLE test_notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL UNIQUE, weight DOUBLE PRECISION);"
	    "CREATE TABLE test_tags (note BIGINT NOT NULL REFERENCES test_notes (id) ON DELETE CASCADE, tag TEXT)"},
	{2, "ALTER TABLE test_notes ADD COLUMN picture BYTEA"},
};

struct viva_store_options store_fixture_options(const struct store_fixture *fixture)
{
	if (fixture->url[0] == '\0')
		skip();
	struct viva_store_options options = viva_store_defaults();
	options.url = fixture->url;
	options.service = "test";
	options.migrations = store_fixture_migrations;
	options.migration_count = VIVA_COUNT(store_fixture_migrations);
	return options;
}

struct viva_store *store_fixture_open_with(const struct viva_store_options *options)
{
	struct viva_store *store = NULL;
	assert_ok(viva_store_open(options, &store, NULL));
	return store;
}

struct viva_store *store_fixture_open(const struct store_fixture *fixture)
{
	struct viva_store_options options = store_fixture_options(fixture);
	return store_fixture_open_with(&options);
}

int store_fixture_add_note(struct viva_store *store, int64_t id, const char *text)
{
	struct viva_value values[] = {viva_value_int(id), viva_value_text(text)};
	return viva_store_execute(store, "INSERT INTO test_notes (id, text) VALUES ($1, $2)", values,
				  VIVA_COUNT(values), NULL, NULL);
}

int64_t store_fixture_count(struct viva_store *store, struct viva_arena *arena, const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(store, arena, sql, NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 1);
	return viva_rows_int(&rows, 0, 0);
}

int64_t store_fixture_count_notes(struct viva_store *store, struct viva_arena *arena)
{
	return store_fixture_count(store, arena, "SELECT count(*) FROM test_notes");
}

#ifdef VIVA_TEST_ON_POSTGRES

static int set_up_backend(struct store_fixture *fixture)
{
	return postgres_fixture_make_schema(fixture->schema, sizeof fixture->schema, fixture->url, sizeof fixture->url);
}

static int tear_down_backend(struct store_fixture *fixture)
{
	return fixture->url[0] ? postgres_fixture_drop_schema(fixture->schema) : 0;
}

#else

static int set_up_backend(struct store_fixture *fixture)
{
	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/viva-store-XXXXXX");
	// One level that is not there yet: opening makes it.
	return mkdtemp(fixture->directory) && snprintf(fixture->url, sizeof fixture->url, "sqlite:%s/data/viva.db",
						       fixture->directory) > 0
		       ? 0
		       : -1;
}

static int tear_down_backend(struct store_fixture *fixture)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", fixture->directory);
	return system(command);
}

#endif

int store_fixture_set_up(void **state)
{
	struct store_fixture *fixture = calloc(1, sizeof *fixture);
	if (!fixture)
		return -1;
	if (viva_arena_create(0, &fixture->arena) || set_up_backend(fixture)) {
		viva_arena_destroy(fixture->arena);
		free(fixture);
		return -1;
	}
	*state = fixture;
	return 0;
}

int store_fixture_tear_down(void **state)
{
	struct store_fixture *fixture = *state;
	int status = tear_down_backend(fixture);
	viva_arena_destroy(fixture->arena);
	free(fixture);
	return status;
}
