// SPDX-License-Identifier: Apache-2.0
#include "store_place.h"

#include <stdio.h>
#include <stdlib.h>

#include "viva_test.h"

#ifdef VIVA_TEST_ON_POSTGRES

#include "postgres_fixture.h"

bool store_place_is_there(void)
{
	if (getenv("VIVA_TEST_POSTGRES_URL"))
		return true;
	puts("1..0 # SKIP no PostgreSQL: tests/servers/postgres.py starts one");
	return false;
}

void store_place_make(struct store_place *place, const char *directory, const char *file)
{
	(void)directory, (void)file;
	assert_int_equal(
		postgres_fixture_make_schema(place->schema, sizeof place->schema, place->url, sizeof place->url), 0);
}

void store_place_drop(struct store_place *place)
{
	assert_int_equal(postgres_fixture_drop_schema(place->schema), 0);
}

#else

bool store_place_is_there(void)
{
	return true;
}

void store_place_make(struct store_place *place, const char *directory, const char *file)
{
	snprintf(place->url, sizeof place->url, "sqlite:%s/%s.db", directory, file);
}

void store_place_drop(struct store_place *place)
{
	(void)place;
}

#endif
