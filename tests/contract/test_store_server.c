// SPDX-License-Identifier: Apache-2.0
//
// What the PostgreSQL store does beside its contract: types, limits, rights, what its errors tell.
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres_fixture.h"
#include "store_fixture.h"

static void run_as_superuser(const struct store_fixture *fixture, const char *sql)
{
	assert_int_equal(postgres_fixture_run(fixture->schema, sql, NULL, 0), 0);
}

static void test_store_server__reads_the_types_that_expressions_have(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_int(41)};
	assert_ok(viva_store_query(store, fixture->arena,
				   "SELECT $1 + 1, 1 > 0, 'unknown', sum(n), sum(-n * 10000000000), avg(n), count(*),"
				   " sum(n * 0.5), 1::smallint, 2.5::real, max(n) || 'x', 12345678901234567890::numeric"
				   " FROM (VALUES (1::bigint), (2)) AS two(n)",
				   values, 1, &rows, NULL));
	assert_int_equal(rows.column_count, 12);
	assert_int_equal(viva_rows_int(&rows, 0, 0), 42);
	assert_int_equal(viva_rows_int(&rows, 0, 1), 1);
	assert_string_equal(viva_rows_text(&rows, 0, 2), "unknown");
	assert_int_equal(rows.values[3].type, VIVA_VALUE_INT);
	assert_int_equal(viva_rows_int(&rows, 0, 3), 3);
	assert_true(viva_rows_int(&rows, 0, 4) == -30000000000);
	assert_true(fabs(viva_rows_real(&rows, 0, 5) - 1.5) < 1e-12);
	assert_int_equal(viva_rows_int(&rows, 0, 6), 2);
	assert_true(fabs(viva_rows_real(&rows, 0, 7) - 1.5) < 1e-12);
	assert_int_equal(viva_rows_int(&rows, 0, 8), 1);
	assert_true(viva_rows_real(&rows, 0, 9) == 2.5);
	assert_string_equal(viva_rows_text(&rows, 0, 10), "2x");
	assert_true(fabs(viva_rows_real(&rows, 0, 11) / 12345678901234567890. - 1) < 1e-12);

	struct viva_error error = {0};
	assert_error(viva_store_query(store, fixture->arena, "SELECT now()", NULL, 0, &rows, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "can't be read"));
}

static void test_store_server__a_null_takes_the_type_of_its_place_each_time(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	const char *sql = "INSERT INTO test_notes (id, text, weight, picture) VALUES ($1, $2, $3, $4)";
	struct viva_value values[][4] = {
		{viva_value_int(1), viva_value_text("a"), viva_value_null(), viva_value_null()},
		{viva_value_int(2), viva_value_text("b"), viva_value_real(1.5), viva_value_null()},
		{viva_value_int(3), viva_value_text("c"), viva_value_int(2), viva_value_bytes(viva_bytes_of("p", 1))},
		{viva_value_int(4), viva_value_text("d"), viva_value_real((double)NAN), viva_value_null()},
	};
	for (size_t i = 0; i < VIVA_COUNT(values); i++)
		assert_ok(viva_store_execute(store, sql, values[i], 4, NULL, NULL));
	assert_int_equal(
		store_fixture_count(store, fixture->arena, "SELECT count(*) FROM test_notes WHERE weight IS NULL"), 2);
	assert_int_equal(store_fixture_count(store, fixture->arena, "SELECT weight FROM test_notes WHERE id = 3"), 2);
}

static void test_store_server__its_errors_tell_names_and_never_values(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_value secret[] = {viva_value_int(1), viva_value_text("a-candidates-words")};
	struct viva_error error = {0};
	const char *insert = "INSERT INTO test_notes (id, text) VALUES ($1, $2)";
	assert_ok(viva_store_execute(store, insert, secret, 2, NULL, NULL));
	assert_error(viva_store_execute(store, insert, secret, 2, NULL, &error), VIVA_ECONFLICT);
	assert_non_null(strstr(error.message, "test_notes"));
	assert_null(strstr(error.message, "candidate"));

	struct viva_rows rows;
	error = (struct viva_error){0};
	assert_error(viva_store_query(store, fixture->arena, "SELECT CAST($1 AS BIGINT)", &secret[1], 1, &rows, &error),
		     VIVA_EIO);
	assert_true(error.message[0] != '\0');
	assert_null(strstr(error.message, "candidate"));
}

static void test_store_server__texts_that_are_none_are_refused_and_the_store_lives_on(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	const struct viva_bytes texts[] = {viva_bytes_of("a\0b", 3), viva_bytes_of("\xc3\x28", 2),
					   viva_bytes_of("\xed\xa0\x80", 3)};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		struct viva_value values[] = {viva_value_int(1), viva_value_bytes(texts[i])};
		values[1].type = VIVA_VALUE_TEXT;
		assert_error(viva_store_execute(store, "INSERT INTO test_notes (id, text) VALUES ($1, $2)", values, 2,
						NULL, NULL),
			     VIVA_EIO);
	}
	assert_ok(store_fixture_add_note(store, 1, "fine"));
}

static void test_store_server__values_of_many_sizes_come_back_whole(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	static const size_t sizes[] = {0, 1, 8191, 8192, 16384, 100000, 9 << 20};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		uint8_t *bytes = malloc(sizes[i] + 1);
		assert_non_null(bytes);
		for (size_t at = 0; at < sizes[i]; at++)
			bytes[at] = (uint8_t)(at * 31 + i);
		char text[16];
		snprintf(text, sizeof text, "%zu", i);
		struct viva_value values[] = {viva_value_int((int64_t)i), viva_value_text(text),
					      viva_value_bytes(viva_bytes_of(bytes, sizes[i]))};
		assert_ok(viva_store_execute(store, "INSERT INTO test_notes (id, text, picture) VALUES ($1, $2, $3)",
					     values, VIVA_COUNT(values), NULL, NULL));
		struct viva_rows rows;
		assert_ok(viva_store_query(store, fixture->arena, "SELECT picture FROM test_notes WHERE id = $1",
					   values, 1, &rows, NULL));
		assert_int_equal(viva_rows_bytes(&rows, 0, 0).size, sizes[i]);
		assert_memory_equal(viva_rows_bytes(&rows, 0, 0).data, bytes, sizes[i]);
		free(bytes);
	}
	struct viva_value too_large[] = {viva_value_int(99), viva_value_text("x"),
					 viva_value_bytes(viva_bytes_of("", (64 << 20) + 1))};
	assert_error(viva_store_execute(store, "INSERT INTO test_notes (id, text, picture) VALUES ($1, $2, $3)",
					too_large, VIVA_COUNT(too_large), NULL, NULL),
		     VIVA_ELIMIT);
}

enum { MANY = 500 };

static int add_many(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	static const uint8_t picture[3000];
	int status = 0;
	for (int i = 0; i < MANY && !status; i++) {
		// Texts of their own, so that statements push each other out of those that stay prepared.
		char sql[128], text[32];
		snprintf(sql, sizeof sql, "INSERT INTO test_notes (id, weight, text, picture) VALUES ($1, %d, $2, $3)",
			 i % 100);
		snprintf(text, sizeof text, "%d", *(const int *)context == i ? 0 : i);
		struct viva_value values[] = {viva_value_int(i), viva_value_text(text),
					      viva_value_bytes(viva_bytes_of(picture, sizeof picture))};
		status = viva_transaction_execute(transaction, sql, values, VIVA_COUNT(values), NULL, error);
	}
	return status;
}

static void test_store_server__a_transaction_of_many_statements_is_all_or_nothing(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	int repeated = MANY - 1;
	assert_error(viva_store_transact(store, add_many, &repeated, NULL), VIVA_ECONFLICT);
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 0);
	repeated = -1;
	assert_ok(viva_store_transact(store, add_many, &repeated, NULL));
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), MANY);
}

// ---- rights and servers

struct waiter {
	struct viva_store *store;
	int64_t id;
	int status;
};

static void *add_one(void *context)
{
	struct waiter *waiter = context;
	char text[32];
	snprintf(text, sizeof text, "%lld", (long long)waiter->id);
	waiter->status = store_fixture_add_note(waiter->store, waiter->id, text);
	return NULL;
}

static void url_of_user(const struct store_fixture *fixture, const char *user, const char *password, char *ret_url,
			size_t size)
{
	snprintf(ret_url, size, "postgresql://%s:%s@127.0.0.1:%d/viva?options=-csearch_path%%3D%s", user, password,
		 postgres_fixture_port(), fixture->schema);
}

static void make_role(const struct store_fixture *fixture, const char *with)
{
	char sql[512];
	snprintf(sql, sizeof sql, "CREATE ROLE r_%s LOGIN PASSWORD 'a-secret' %s; GRANT USAGE ON SCHEMA %s TO r_%s",
		 fixture->schema, with, fixture->schema, fixture->schema);
	run_as_superuser(fixture, sql);
}

static void drop_role(const struct store_fixture *fixture)
{
	char sql[512];
	snprintf(sql, sizeof sql, "DROP OWNED BY r_%s; DROP ROLE r_%s", fixture->schema, fixture->schema);
	run_as_superuser(fixture, sql);
}

static void test_store_server__a_wrong_password_is_told_at_once_and_not_repeated(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	make_role(fixture, "");
	char url[512], user[80];
	snprintf(user, sizeof user, "r_%s", fixture->schema);
	url_of_user(fixture, user, "not-the-secret", url, sizeof url);
	options.url = url;
	options.busy_ms = UINT32_MAX / 2;
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, user));
	assert_null(strstr(error.message, "secret"));
	drop_role(fixture);
}

static void test_store_server__fewer_connections_than_it_wants_are_enough(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	make_role(fixture, "CONNECTION LIMIT 2");
	char sql[512], url[512], user[80];
	snprintf(user, sizeof user, "r_%s", fixture->schema);
	snprintf(sql, sizeof sql, "GRANT CREATE ON SCHEMA %s TO %s", fixture->schema, user);
	run_as_superuser(fixture, sql);
	url_of_user(fixture, user, "a-secret", url, sizeof url);
	options.url = url;
	options.busy_ms = 60 * 1000;
	struct viva_store *store = store_fixture_open_with(&options);
	enum { THREADS = 16 };
	pthread_t threads[THREADS];
	struct waiter waiters[THREADS];
	for (int i = 0; i < THREADS; i++) {
		waiters[i] = (struct waiter){.store = store, .id = i};
		assert_int_equal(pthread_create(&threads[i], NULL, add_one, &waiters[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_ok(waiters[i].status);
	}
	viva_store_destroy(store);
	drop_role(fixture);
}

static void test_store_server__a_role_that_may_not_make_tables_is_enough_once_they_are_there(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	make_role(fixture, "");
	char url[512], user[80], sql[512];
	snprintf(user, sizeof user, "r_%s", fixture->schema);
	url_of_user(fixture, user, "a-secret", url, sizeof url);
	options.url = url;
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "permission denied"));

	viva_store_destroy(store_fixture_open(fixture));
	snprintf(sql, sizeof sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s",
		 fixture->schema, user);
	run_as_superuser(fixture, sql);
	store = store_fixture_open_with(&options);
	assert_ok(store_fixture_add_note(store, 1, "by a lesser role"));
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 1);
	viva_store_destroy(store);
	drop_role(fixture);
}

static void test_store_server__a_database_of_another_encoding_is_refused(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	char sql[512], url[512];
	snprintf(sql, sizeof sql,
		 "CREATE DATABASE d_%s ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
		 fixture->schema);
	run_as_superuser(fixture, sql);
	snprintf(url, sizeof url, "postgres://viva:viva-test@127.0.0.1:%d/d_%s", postgres_fixture_port(),
		 fixture->schema);
	options.url = url;
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "SQL_ASCII"));
	snprintf(sql, sizeof sql, "DROP DATABASE d_%s", fixture->schema);
	run_as_superuser(fixture, sql);
}

static void test_store_server__scrubbing_removes_what_was_deleted_from_the_tables(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_int_equal(postgres_fixture_run("", "CREATE EXTENSION IF NOT EXISTS pgstattuple", NULL, 0), 0);
	for (int i = 0; i < 20; i++) {
		char text[32];
		snprintf(text, sizeof text, "said %d", i);
		assert_ok(store_fixture_add_note(store, i, text));
	}
	assert_ok(viva_store_execute(store, "DELETE FROM test_notes WHERE id < 15", NULL, 0, NULL, NULL));
	const char *dead = "SELECT dead_tuple_count FROM public.pgstattuple('test_notes')";
	char count[32] = "";
	assert_int_equal(postgres_fixture_run(fixture->schema, dead, count, sizeof count), 0);
	assert_string_equal(count, "15");
	assert_ok(viva_store_scrub(store, NULL));
	assert_int_equal(postgres_fixture_run(fixture->schema, dead, count, sizeof count), 0);
	assert_string_equal(count, "0");
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 5);
}

static void *scrub(void *context)
{
	struct waiter *waiter = context;
	waiter->status = viva_store_scrub(waiter->store, NULL);
	return NULL;
}

static void test_store_server__many_that_scrub_at_once_all_get_their_answer(void **state)
{
	VIVA_AUTO(viva_store) store = store_fixture_open(*state);
	enum { THREADS = 12 };
	pthread_t threads[THREADS];
	struct waiter waiters[THREADS];
	for (int i = 0; i < THREADS; i++) {
		waiters[i] = (struct waiter){.store = store, .status = -1};
		assert_int_equal(pthread_create(&threads[i], NULL, scrub, &waiters[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_ok(waiters[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_server__reads_the_types_that_expressions_have),
		ON_STORE(test_store_server__a_null_takes_the_type_of_its_place_each_time),
		ON_STORE(test_store_server__its_errors_tell_names_and_never_values),
		ON_STORE(test_store_server__texts_that_are_none_are_refused_and_the_store_lives_on),
		ON_STORE(test_store_server__values_of_many_sizes_come_back_whole),
		ON_STORE(test_store_server__a_transaction_of_many_statements_is_all_or_nothing),
		ON_STORE(test_store_server__a_wrong_password_is_told_at_once_and_not_repeated),
		ON_STORE(test_store_server__fewer_connections_than_it_wants_are_enough),
		ON_STORE(test_store_server__a_role_that_may_not_make_tables_is_enough_once_they_are_there),
		ON_STORE(test_store_server__a_database_of_another_encoding_is_refused),
		ON_STORE(test_store_server__scrubbing_removes_what_was_deleted_from_the_tables),
		ON_STORE(test_store_server__many_that_scrub_at_once_all_get_their_answer),
	};
	return RUN_ON_STORE(tests);
}
