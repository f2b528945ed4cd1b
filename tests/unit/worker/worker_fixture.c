// SPDX-License-Identifier: Apache-2.0
#include "worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "worker/schema.h"

int worker_fixture_set_up(void **state)
{
	struct worker_fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	make_test_directory(fixture->directory, sizeof fixture->directory);
	fake_clock_init(&fixture->clock);
	viva_seeded_random_init(&fixture->random, 1);
	char url[PATH_MAX + 32];
	snprintf(url, sizeof url, "sqlite:%s/viva.db", fixture->directory);
	assert_ok(viva_arena_create(0, &fixture->arena));
	assert_ok(worker_store_open(url, &fixture->store, NULL));
	*state = fixture;
	return 0;
}

int worker_fixture_tear_down(void **state)
{
	struct worker_fixture *fixture = *state;
	viva_store_destroy(fixture->store);
	viva_arena_destroy(fixture->arena);
	remove_test_directory(fixture->directory);
	free(fixture);
	return 0;
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
