// SPDX-License-Identifier: Apache-2.0
//
// The worker's store in a directory of its own, and a clock that stands still. Compiled with VIVA_TEST_ON_POSTGRES the
// store is a schema in the database of VIVA_TEST_POSTGRES_URL; without one the tests are skipped.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_WORKER_FIXTURE_H
#define VIVA_TEST_WORKER_FIXTURE_H

#include <limits.h>

#include "store/store.h"
#include "viva_test.h"

struct worker_fixture {
	char directory[PATH_MAX];
	char schema[64];  // of PostgreSQL
	struct fake_clock clock;
	struct viva_seeded_random random;
	struct viva_arena *arena;
	struct viva_store *store;
};

int worker_fixture_set_up(void **state);
int worker_fixture_tear_down(void **state);
struct worker_fixture *worker_fixture_of(void **state);  // Skips the test where there is no store.

int64_t worker_fixture_now_ms(const struct worker_fixture *fixture);  // Unix time
// The one number that a query gives, and the one text (in the arena; NULL for none).
int64_t worker_fixture_number(struct worker_fixture *fixture, const char *sql);
const char *worker_fixture_text(struct worker_fixture *fixture, const char *sql);

#endif
