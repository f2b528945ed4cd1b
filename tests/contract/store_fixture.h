// SPDX-License-Identifier: Apache-2.0
//
// A store of notes for the contract's tests, on the backend that the test was compiled for: SQLite, or, with
// VIVA_TEST_ON_POSTGRES, a schema of its own in the database of VIVA_TEST_POSTGRES_URL (tests/servers/postgres.py).
// Where that says nothing the tests are skipped.
//
// Threads: any but set up and tear down.
#ifndef VIVA_TEST_STORE_FIXTURE_H
#define VIVA_TEST_STORE_FIXTURE_H

#include "base/arena.h"
#include "store/store.h"
#include "viva_test.h"

struct store_fixture {
	char directory[64];  // of SQLite's files
	char schema[64];     // on PostgreSQL
	char url[512];       // "" = there is no server
	struct viva_arena *arena;
};

extern const struct viva_migration store_fixture_migrations[2];

struct viva_store_options store_fixture_options(const struct store_fixture *fixture);
struct viva_store *store_fixture_open_with(const struct viva_store_options *options);
struct viva_store *store_fixture_open(const struct store_fixture *fixture);
// What the store returned.
int store_fixture_add_note(struct viva_store *store, int64_t id, const char *text);
// The number that a query gives.
int64_t store_fixture_count(struct viva_store *store, struct viva_arena *arena, const char *sql);
int64_t store_fixture_count_notes(struct viva_store *store, struct viva_arena *arena);

int store_fixture_set_up(void **state);
int store_fixture_tear_down(void **state);
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, store_fixture_set_up, store_fixture_tear_down)

#ifdef VIVA_TEST_ON_POSTGRES
#define RUN_ON_STORE(tests) cmocka_run_group_tests_name("postgres", tests, NULL, NULL)
#else
#define RUN_ON_STORE(tests) cmocka_run_group_tests_name("sqlite", tests, NULL, NULL)
#endif

#endif
