// SPDX-License-Identifier: Apache-2.0
#include "worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "worker/schema.h"

#ifdef VIVA_TEST_ON_POSTGRES

#include "postgres_fixture.h"

static void make_url(struct worker_fixture *fixture, char *ret_url, size_t size)
{
	assert_int_equal(postgres_fixture_make_schema(fixture->schema, sizeof fixture->schema, ret_url, size), 0);
}

static void end_store(struct worker_fixture *fixture)
{
	if (fixture->store)
		assert_int_equal(postgres_fixture_drop_schema(fixture->schema), 0);
}

#else

static void make_url(struct worker_fixture *fixture, char *ret_url, size_t size)
{
	snprintf(ret_url, size, "sqlite:%s/viva.db", fixture->directory);
}

static void end_store(struct worker_fixture *fixture)
{
	(void)fixture;
}

#endif

int worker_fixture_set_up(void **state)
{
	struct worker_fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	make_test_directory(fixture->directory, sizeof fixture->directory);
	fake_clock_init(&fixture->clock);
	viva_seeded_random_init(&fixture->random, 1);
	char url[PATH_MAX + 32] = "";
	make_url(fixture, url, sizeof url);
	assert_ok(viva_arena_create(0, &fixture->arena));
	if (url[0])
		assert_ok(worker_store_open(url, VIVA_STORE_CONNECTIONS, &fixture->store, NULL));
	*state = fixture;
	return 0;
}

int worker_fixture_tear_down(void **state)
{
	struct worker_fixture *fixture = *state;
	viva_store_destroy(fixture->store);
	end_store(fixture);
	viva_arena_destroy(fixture->arena);
	remove_test_directory(fixture->directory);
	free(fixture);
	return 0;
}

struct worker_fixture *worker_fixture_of(void **state)
{
	struct worker_fixture *fixture = *state;
	if (!fixture->store)
		skip();
	return fixture;
}

int64_t worker_fixture_now_ms(const struct worker_fixture *fixture)
{
	return viva_clock_unix_ms(&fixture->clock.clock);
}

int64_t worker_fixture_number(struct worker_fixture *fixture, const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->store, fixture->arena, sql, NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 1);
	return viva_rows_int(&rows, 0, 0);
}

const char *worker_fixture_text(struct worker_fixture *fixture, const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->store, fixture->arena, sql, NULL, 0, &rows, NULL));
	return rows.row_count > 0 ? viva_rows_text(&rows, 0, 0) : NULL;
}
