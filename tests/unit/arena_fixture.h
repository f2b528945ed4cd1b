// SPDX-License-Identifier: Apache-2.0
//
// An arena for each test: cmocka_unit_test_setup_teardown(test, make_arena, free_arena).
//
// Threads: one test at a time.
#ifndef VIVA_TEST_ARENA_FIXTURE_H
#define VIVA_TEST_ARENA_FIXTURE_H

#include "base/arena.h"

static struct viva_arena *arena;

static inline int make_arena(void **state)
{
	(void)state;
	return viva_arena_create(0, &arena);
}

static inline int free_arena(void **state)
{
	(void)state;
	arena = viva_arena_destroy(arena);
	return 0;
}

#endif
