// SPDX-License-Identifier: Apache-2.0
//
// What every store backend must do.
#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

static void test_store__gives_back_every_type_as_it_was_given(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	const uint8_t picture[] = {0, 1, 0xff, 0, 7};
	const char *text = "na\xc3\xafve \xf0\x9f\x8e\xa4";
	struct viva_value values[] = {viva_value_real(-0.125), viva_value_text(text),
				      viva_value_bytes(viva_bytes_of(picture, sizeof picture)),
				      viva_value_int(INT64_MIN)};
	// Numbered as the author counts, whatever the order in the text.
	assert_ok(viva_store_execute(store,
				     "INSERT INTO test_notes (id, text, weight, picture) VALUES ($4, $2, $1, $3)",
				     values, VIVA_COUNT(values), NULL, NULL));

	struct viva_rows rows;
	struct viva_value key[] = {viva_value_int(INT64_MIN)};
	assert_ok(viva_store_query(store, fixture->arena,
				   "SELECT id, text, weight, picture, NULL FROM test_notes WHERE id = $1 OR id = $1",
				   key, 1, &rows, NULL));
	assert_int_equal(rows.row_count, 1);
	assert_int_equal(rows.column_count, 5);
	assert_true(viva_rows_int(&rows, 0, 0) == INT64_MIN);
	assert_string_equal(viva_rows_text(&rows, 0, 1), text);
	assert_true(viva_rows_real(&rows, 0, 2) == -0.125);
	assert_int_equal(viva_rows_bytes(&rows, 0, 3).size, sizeof picture);
	assert_memory_equal(viva_rows_bytes(&rows, 0, 3).data, picture, sizeof picture);
	assert_true(viva_rows_is_null(&rows, 0, 4));
	assert_null(viva_rows_text(&rows, 0, 4));
}

static void test_store__tells_an_empty_value_from_none(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_value values[] = {viva_value_text(""), viva_value_bytes(viva_bytes_of(NULL, 0)),
				      viva_value_text(NULL)};
	assert_ok(viva_store_execute(store, "INSERT INTO test_notes (id, text, picture, weight) VALUES (1, $1, $2, $3)",
				     values, VIVA_COUNT(values), NULL, NULL));
	struct viva_rows rows;
	assert_ok(viva_store_query(store, fixture->arena, "SELECT text, picture, weight FROM test_notes", NULL, 0,
				   &rows, NULL));
	assert_string_equal(viva_rows_text(&rows, 0, 0), "");
	assert_false(viva_rows_is_null(&rows, 0, 1));
	assert_int_equal(viva_rows_bytes(&rows, 0, 1).size, 0);
	assert_true(viva_rows_is_null(&rows, 0, 2));
}

static void test_store__a_query_without_rows_is_an_empty_success(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_rows rows = {.row_count = 9};
	assert_ok(viva_store_query(store, fixture->arena, "SELECT id FROM test_notes", NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 0);
	assert_true(viva_rows_is_null(&rows, 3, 1));  // what is not there reads as null
}

static void test_store__tells_how_many_rows_a_statement_changed(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_ok(store_fixture_add_note(store, 1, "a"));
	assert_ok(store_fixture_add_note(store, 2, "b"));
	int64_t changed = -1;
	assert_ok(viva_store_execute(store, "UPDATE test_notes SET weight = 1", NULL, 0, &changed, NULL));
	assert_int_equal(changed, 2);
	assert_ok(viva_store_execute(store, "DELETE FROM test_notes WHERE id = 77", NULL, 0, &changed, NULL));
	assert_int_equal(changed, 0);
}

static int add_two_and_fail(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const char *insert = "INSERT INTO test_notes (id, text) VALUES (10, 'x'), (11, 'y')";
	int status = viva_transaction_execute(transaction, insert, NULL, 0, NULL, error);
	if (status)
		return status;
	return viva_fail(error, VIVA_EANSWERED, "note", "changed my mind about %s", (const char *)context);
}

static void test_store__work_that_fails_leaves_nothing_and_its_error_comes_back(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	char about[] = "x and y";
	struct viva_error error = {0};
	assert_error(viva_store_transact(store, add_two_and_fail, about, &error), VIVA_EANSWERED);
	assert_string_equal(error.message, "changed my mind about x and y");
	assert_string_equal(error.field, "note");
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 0);
}

struct read_own {
	struct viva_arena *arena;
	int64_t seen;
};

static int write_then_read(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct read_own *own = context;
	struct viva_rows rows;
	int status = viva_transaction_query(transaction, own->arena,
					    "INSERT INTO test_notes (id, text) VALUES (7, 'own') RETURNING id", NULL, 0,
					    &rows, error);
	if (!status)
		status = viva_transaction_query(transaction, own->arena, "SELECT count(*) FROM test_notes", NULL, 0,
						&rows, error);
	if (!status)
		own->seen = viva_rows_int(&rows, 0, 0);
	return status;
}

static void test_store__a_transaction_sees_its_own_writes(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct read_own own = {.arena = fixture->arena};
	assert_ok(viva_store_transact(store, write_then_read, &own, NULL));
	assert_int_equal(own.seen, 1);
}

static int add_lazy_note(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const char *text = context;
	struct viva_value values[] = {viva_value_int(text[0]), viva_value_text(text)};
	return viva_transaction_execute(transaction, "INSERT INTO test_notes (id, text) VALUES ($1, $2)", values,
					VIVA_COUNT(values), NULL, error);
}

static void test_store__a_lazy_transaction_is_seen_at_once_and_keeps_its_place(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store *store = store_fixture_open(fixture);
	char texts[][8] = {"lazy", "next"};
	assert_ok(viva_store_transact_lazily(store, add_lazy_note, texts[0], NULL));
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 1);
	assert_ok(viva_store_transact(store, add_lazy_note, texts[1], NULL));
	assert_error(viva_store_transact_lazily(store, add_lazy_note, texts[0], NULL), VIVA_ECONFLICT);
	viva_store_destroy(store);
	store = store_fixture_open(fixture);
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 2);
	viva_store_destroy(store);
}

static void test_store__a_broken_constraint_is_a_conflict(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_ok(store_fixture_add_note(store, 1, "same"));
	assert_error(store_fixture_add_note(store, 2, "same"), VIVA_ECONFLICT);
	assert_error(viva_store_execute(store, "INSERT INTO test_tags VALUES (99, 'orphan')", NULL, 0, NULL, NULL),
		     VIVA_ECONFLICT);
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 1);
}

static int conflict_then_go_on(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)context;
	int status = viva_transaction_execute(transaction, "INSERT INTO test_notes (id, text) VALUES (1, 'taken')",
					      NULL, 0, NULL, NULL);
	if (status != VIVA_ECONFLICT)
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no conflict");
	return viva_transaction_execute(transaction, "INSERT INTO test_notes (id, text) VALUES (2, 'free')", NULL, 0,
					NULL, error);
}

static void test_store__a_transaction_may_go_on_after_a_conflict(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_ok(store_fixture_add_note(store, 1, "first"));
	assert_ok(viva_store_transact(store, conflict_then_go_on, NULL, NULL));
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 2);
}

static int lock_by_name(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	int status = viva_transaction_lock(transaction, context, error);
	// A transaction that has a lock has it however often it asks.
	return status ? status : viva_transaction_lock(transaction, context, error);
}

static void test_store__a_lock_needs_a_name_of_a_sensible_length(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	char longest[201] = "", longer[202] = "", none[] = "";
	memset(longest, 'x', sizeof longest - 1);
	memset(longer, 'x', sizeof longer - 1);
	assert_ok(viva_store_transact(store, lock_by_name, longest, NULL));
	assert_error(viva_store_transact(store, lock_by_name, longer, NULL), VIVA_EINVAL);
	assert_error(viva_store_transact(store, lock_by_name, none, NULL), VIVA_EINVAL);
}

static void test_store__a_wrong_statement_is_an_error_with_a_reason(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_rows rows;
	struct viva_error error = {0};
	assert_error(viva_store_query(store, fixture->arena, "SELECT nonsense FROM nowhere", NULL, 0, &rows, &error),
		     VIVA_EIO);
	assert_non_null(strstr(error.message, "nowhere"));
	struct viva_value one[] = {viva_value_int(1)};
	assert_error(
		viva_store_execute(store, "DELETE FROM test_notes WHERE id = $1 AND text = $2", one, 1, NULL, NULL),
		VIVA_EIO);
	assert_error(viva_store_query(store, fixture->arena, "SELECT 1", one, 1, &rows, NULL), VIVA_EIO);
	assert_ok(store_fixture_add_note(store, 1, "the store lives on"));
}

static void test_store__a_query_outside_a_transaction_cannot_write(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_rows rows;
	assert_error(viva_store_query(store, fixture->arena, "DELETE FROM test_notes", NULL, 0, &rows, NULL), VIVA_EIO);
}

static void test_store__rows_past_the_arenas_limit_are_refused(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	VIVA_AUTO(viva_arena) small = NULL;
	assert_ok(viva_arena_create(64 * 1024, &small));
	struct viva_rows rows;
	const char *sql = "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 100000)"
			  " SELECT 'a text of some length', n FROM many";
	assert_error(viva_store_query(store, small, sql, NULL, 0, &rows, NULL), VIVA_ENOMEM);
}

static void test_store__more_statements_than_stay_prepared_all_work(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			char sql[64];
			snprintf(sql, sizeof sql, "SELECT %d", i);
			assert_int_equal(store_fixture_count(store, fixture->arena, sql), i);
		}
	}
}

static void test_store__refuses_urls_and_limits_that_make_no_sense(void **state)
{
	struct store_fixture *fixture = *state;
	const char *urls[] = {
		NULL,           "",           "sqlite",      "sqlite:",    "sqlite:/tmp/", "nonsense:/tmp/x",
		"sqlit:/tmp/x", "postgresql", "postgresql:", "postgres:x", "postgresql:/x"};
	struct viva_store *store = NULL;
	for (size_t i = 0; i < VIVA_COUNT(urls); i++) {
		struct viva_store_options options = store_fixture_options(fixture);
		options.url = urls[i];
		assert_error(viva_store_open(&options, &store, NULL), VIVA_EINVAL);
	}
	struct viva_store_options no_readers = store_fixture_options(fixture);
	no_readers.readers = 0;
	assert_error(viva_store_open(&no_readers, &store, NULL), VIVA_EINVAL);
	struct viva_migration gap[] = {{2, "SELECT 1"}};
	struct viva_store_options gappy = store_fixture_options(fixture);
	gappy.migrations = gap;
	gappy.migration_count = 1;
	assert_error(viva_store_open(&gappy, &store, NULL), VIVA_EINVAL);
	assert_null(store);
}

static void test_store__a_url_with_a_password_is_not_repeated_in_the_error(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.url = "oracle://me:secret@host/db";
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EINVAL);
	assert_null(strstr(error.message, "secret"));
}

static void test_store__a_failed_migration_leaves_the_schema_as_it_was(void **state)
{
	struct store_fixture *fixture = *state;
	viva_store_destroy(store_fixture_open(fixture));
	struct viva_migration broken[] = {store_fixture_migrations[0],
					  store_fixture_migrations[1],
					  {3, "CREATE TABLE test_half (a INTEGER); CREATE NONSENSE"}};
	struct viva_store_options options = store_fixture_options(fixture);
	options.migrations = broken;
	options.migration_count = VIVA_COUNT(broken);
	struct viva_store *none = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &none, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "migration 3 of test"));

	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct viva_rows rows;
	assert_error(viva_store_query(store, fixture->arena, "SELECT * FROM test_half", NULL, 0, &rows, NULL),
		     VIVA_EIO);
}

static void test_store__refuses_a_schema_of_a_newer_version(void **state)
{
	struct store_fixture *fixture = *state;
	viva_store_destroy(store_fixture_open(fixture));
	struct viva_store_options older = store_fixture_options(fixture);
	older.migration_count = 1;
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&older, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "newer"));
}

static void test_store__services_share_one_store_with_their_own_migrations(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) first = store_fixture_open(fixture);
	const struct viva_migration others[] = {{1, "CREATE TABLE other_things (id INTEGER PRIMARY KEY)"}};
	struct viva_store_options options = store_fixture_options(fixture);
	options.service = "other";
	options.migrations = others;
	options.migration_count = 1;
	VIVA_AUTO(viva_store) second = store_fixture_open_with(&options);
	assert_ok(store_fixture_add_note(first, 1, "seen by both"));
	assert_int_equal(store_fixture_count_notes(second, fixture->arena), 1);
	assert_int_equal(store_fixture_count(first, fixture->arena, "SELECT count(*) FROM other_things"), 0);
}

static void test_store__answers_a_ping(void **state)
{
	VIVA_AUTO(viva_store) store = store_fixture_open(*state);
	assert_ok(viva_store_ping(store, NULL));
	assert_null(viva_store_destroy(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store__gives_back_every_type_as_it_was_given),
		ON_STORE(test_store__tells_an_empty_value_from_none),
		ON_STORE(test_store__a_query_without_rows_is_an_empty_success),
		ON_STORE(test_store__tells_how_many_rows_a_statement_changed),
		ON_STORE(test_store__work_that_fails_leaves_nothing_and_its_error_comes_back),
		ON_STORE(test_store__a_transaction_sees_its_own_writes),
		ON_STORE(test_store__a_lazy_transaction_is_seen_at_once_and_keeps_its_place),
		ON_STORE(test_store__a_broken_constraint_is_a_conflict),
		ON_STORE(test_store__a_transaction_may_go_on_after_a_conflict),
		ON_STORE(test_store__a_lock_needs_a_name_of_a_sensible_length),
		ON_STORE(test_store__a_wrong_statement_is_an_error_with_a_reason),
		ON_STORE(test_store__a_query_outside_a_transaction_cannot_write),
		ON_STORE(test_store__rows_past_the_arenas_limit_are_refused),
		ON_STORE(test_store__more_statements_than_stay_prepared_all_work),
		ON_STORE(test_store__refuses_urls_and_limits_that_make_no_sense),
		ON_STORE(test_store__a_url_with_a_password_is_not_repeated_in_the_error),
		ON_STORE(test_store__a_failed_migration_leaves_the_schema_as_it_was),
		ON_STORE(test_store__refuses_a_schema_of_a_newer_version),
		ON_STORE(test_store__services_share_one_store_with_their_own_migrations),
		ON_STORE(test_store__answers_a_ping),
	};
	return RUN_ON_STORE(tests);
}
