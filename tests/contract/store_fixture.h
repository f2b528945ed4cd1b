// SPDX-License-Identifier: Apache-2.0
//
// A store of notes for the contract's tests, on each backend.
//
// Threads: any but set up and tear down.
#ifndef VIVA_TEST_STORE_FIXTURE_H
#define VIVA_TEST_STORE_FIXTURE_H

#include "base/arena.h"
#include "store/store.h"
#include "viva_test.h"

struct store_fixture {
	char directory[64];
	char url[128];
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

int store_fixture_set_up_sqlite(void **state);
int store_fixture_tear_down_sqlite(void **state);
#define ON_SQLITE(test)                                                                                                \
	cmocka_unit_test_setup_teardown(test, store_fixture_set_up_sqlite, store_fixture_tear_down_sqlite)

#endif
