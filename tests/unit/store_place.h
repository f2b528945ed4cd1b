// SPDX-License-Identifier: Apache-2.0
//
// Where a test's store is: a file in the test's folder or, compiled with VIVA_TEST_ON_POSTGRES, a schema of its own on
// the server that VIVA_TEST_POSTGRES_URL names.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_STORE_PLACE_H
#define VIVA_TEST_STORE_PLACE_H

#include <limits.h>
#include <stdbool.h>

struct store_place {
	char url[PATH_MAX + 32];
	char schema[64];
};

// False: there is no server. Then TAP has been told that these tests are skipped, and why.
bool store_place_is_there(void);
void store_place_make(struct store_place *place, const char *directory, const char *file);
// After the store was closed.
void store_place_drop(struct store_place *place);

#endif
