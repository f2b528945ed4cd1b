// SPDX-License-Identifier: Apache-2.0
//
// What every store backend must do. Each test runs once per backend, named by a URL pattern.
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"
#include "viva_test.h"

struct fixture {
	char directory[64];
	char url[128];
	struct viva_arena *arena;
};

static const struct viva_migration MIGRATIONS[] = {
	{1, "CREATE TABLE test_notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, weight DOUBLE PRECISION);"
	    "CREATE TABLE test_tags (note INTEGER NOT NULL REFERENCES test_notes (id) ON DELETE CASCADE, tag TEXT)"},
	{2, "ALTER TABLE test_notes ADD COLUMN picture BLOB"},
};

static struct viva_store_options options_of(const struct fixture *fixture)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = fixture->url;
	options.service = "test";
	options.migrations = MIGRATIONS;
	options.migration_count = VIVA_COUNT(MIGRATIONS);
	return options;
}

static struct viva_store *open_with(const struct viva_store_options *options)
{
	struct viva_store *store = NULL;
	assert_ok(viva_store_open(options, &store, NULL));
	return store;
}

static struct viva_store *open_store(const struct fixture *fixture)
{
	struct viva_store_options options = options_of(fixture);
	return open_with(&options);
}

static int add_note(struct viva_store *store, int64_t id, const char *text)
{
	struct viva_value values[] = {viva_value_int(id), viva_value_text(text)};
	return viva_store_execute(store, "INSERT INTO test_notes (id, text) VALUES ($1, $2)", values,
				  VIVA_COUNT(values), NULL, NULL);
}

static int64_t count_of(struct viva_store *store, struct viva_arena *arena, const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(store, arena, sql, NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 1);
	return viva_rows_int(&rows, 0, 0);
}

static int64_t count_notes(struct viva_store *store, struct viva_arena *arena)
{
	return count_of(store, arena, "SELECT count(*) FROM test_notes");
}

static void test_store__gives_back_every_type_as_it_was_given(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
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
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
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
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	struct viva_rows rows = {.row_count = 9};
	assert_ok(viva_store_query(store, fixture->arena, "SELECT id FROM test_notes", NULL, 0, &rows, NULL));
	assert_int_equal(rows.row_count, 0);
	assert_true(viva_rows_is_null(&rows, 3, 1));  // what is not there reads as null
}

static void test_store__tells_how_many_rows_a_statement_changed(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_ok(add_note(store, 1, "a"));
	assert_ok(add_note(store, 2, "b"));
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
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	char about[] = "x and y";
	struct viva_error error = {0};
	assert_error(viva_store_transact(store, add_two_and_fail, about, &error), VIVA_EANSWERED);
	assert_string_equal(error.message, "changed my mind about x and y");
	assert_string_equal(error.field, "note");
	assert_int_equal(count_notes(store, fixture->arena), 0);
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
					    "INSERT INTO test_notes (text) VALUES ('own') RETURNING id", NULL, 0, &rows,
					    error);
	if (!status)
		status = viva_transaction_query(transaction, own->arena, "SELECT count(*) FROM test_notes", NULL, 0,
						&rows, error);
	if (!status)
		own->seen = viva_rows_int(&rows, 0, 0);
	return status;
}

static void test_store__a_transaction_sees_its_own_writes(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	struct read_own own = {.arena = fixture->arena};
	assert_ok(viva_store_transact(store, write_then_read, &own, NULL));
	assert_int_equal(own.seen, 1);
}

static void test_store__a_broken_constraint_is_a_conflict(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_ok(add_note(store, 1, "same"));
	assert_error(add_note(store, 2, "same"), VIVA_ECONFLICT);
	assert_error(viva_store_execute(store, "INSERT INTO test_tags VALUES (99, 'orphan')", NULL, 0, NULL, NULL),
		     VIVA_ECONFLICT);
	assert_int_equal(count_notes(store, fixture->arena), 1);
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
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_ok(add_note(store, 1, "first"));
	assert_ok(viva_store_transact(store, conflict_then_go_on, NULL, NULL));
	assert_int_equal(count_notes(store, fixture->arena), 2);
}

static void test_store__a_wrong_statement_is_an_error_with_a_reason(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
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
	assert_ok(add_note(store, 1, "the store lives on"));
}

static void test_store__a_query_outside_a_transaction_cannot_write(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	struct viva_rows rows;
	assert_error(viva_store_query(store, fixture->arena, "DELETE FROM test_notes", NULL, 0, &rows, NULL), VIVA_EIO);
}

static void test_store__rows_past_the_arenas_limit_are_refused(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	VIVA_AUTO(viva_arena) small = NULL;
	assert_ok(viva_arena_create(64 * 1024, &small));
	struct viva_rows rows;
	const char *sql = "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 100000)"
			  " SELECT 'a text of some length', n FROM many";
	assert_error(viva_store_query(store, small, sql, NULL, 0, &rows, NULL), VIVA_ENOMEM);
}

static void test_store__more_statements_than_stay_prepared_all_work(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			char sql[64];
			snprintf(sql, sizeof sql, "SELECT %d", i);
			assert_int_equal(count_of(store, fixture->arena, sql), i);
		}
	}
}

static void test_store__refuses_urls_and_limits_that_make_no_sense(void **state)
{
	struct fixture *fixture = *state;
	const char *urls[] = {NULL, "", "sqlite", "sqlite:", "sqlite:/tmp/", "nonsense:/tmp/x", "sqlit:/tmp/x"};
	struct viva_store *store = NULL;
	for (size_t i = 0; i < VIVA_COUNT(urls); i++) {
		struct viva_store_options options = options_of(fixture);
		options.url = urls[i];
		assert_error(viva_store_open(&options, &store, NULL), VIVA_EINVAL);
	}
	struct viva_store_options no_readers = options_of(fixture);
	no_readers.readers = 0;
	assert_error(viva_store_open(&no_readers, &store, NULL), VIVA_EINVAL);
	struct viva_migration gap[] = {{2, "SELECT 1"}};
	struct viva_store_options gappy = options_of(fixture);
	gappy.migrations = gap;
	gappy.migration_count = 1;
	assert_error(viva_store_open(&gappy, &store, NULL), VIVA_EINVAL);
	assert_null(store);
}

static void test_store__a_url_with_a_password_is_not_repeated_in_the_error(void **state)
{
	struct fixture *fixture = *state;
	struct viva_store_options options = options_of(fixture);
	options.url = "oracle://me:secret@host/db";
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EINVAL);
	assert_null(strstr(error.message, "secret"));
}

static void test_store__a_file_that_is_no_store_is_named_and_left_alone(void **state)
{
	struct fixture *fixture = *state;
	static const char damaged[] = "this is no database at all, but it is long enough to look at: 0123456789abcdef";
	const char *path = strchr(fixture->url, ':') + 1;
	char text[sizeof damaged] = "";
	viva_store_destroy(open_store(fixture));
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(damaged, file);
	fclose(file);

	struct viva_store_options options = options_of(fixture);
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, path));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_string_equal(text, damaged);
}

static void test_store__a_failed_migration_leaves_the_schema_as_it_was(void **state)
{
	struct fixture *fixture = *state;
	viva_store_destroy(open_store(fixture));
	struct viva_migration broken[] = {
		MIGRATIONS[0], MIGRATIONS[1], {3, "CREATE TABLE test_half (a INTEGER); CREATE NONSENSE"}};
	struct viva_store_options options = options_of(fixture);
	options.migrations = broken;
	options.migration_count = VIVA_COUNT(broken);
	struct viva_store *none = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &none, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "migration 3 of test"));

	VIVA_AUTO(viva_store) store = open_store(fixture);
	struct viva_rows rows;
	assert_error(viva_store_query(store, fixture->arena, "SELECT * FROM test_half", NULL, 0, &rows, NULL),
		     VIVA_EIO);
}

static void test_store__refuses_a_schema_of_a_newer_version(void **state)
{
	struct fixture *fixture = *state;
	viva_store_destroy(open_store(fixture));
	struct viva_store_options older = options_of(fixture);
	older.migration_count = 1;
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&older, &store, &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "newer"));
}

static void test_store__services_share_one_store_with_their_own_migrations(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) first = open_store(fixture);
	const struct viva_migration others[] = {{1, "CREATE TABLE other_things (id INTEGER PRIMARY KEY)"}};
	struct viva_store_options options = options_of(fixture);
	options.service = "other";
	options.migrations = others;
	options.migration_count = 1;
	VIVA_AUTO(viva_store) second = open_with(&options);
	assert_ok(add_note(first, 1, "seen by both"));
	assert_int_equal(count_notes(second, fixture->arena), 1);
	assert_int_equal(count_of(first, fixture->arena, "SELECT count(*) FROM other_things"), 0);
}

enum { THREADS = 16, NOTES_PER_THREAD = 40 };

struct adder {
	struct viva_store *store;
	int number;
	int failures;
};

// Every fourth note is one that was added before, so that rollbacks and commits share batches.
static void *add_notes(void *context)
{
	struct adder *adder = context;
	for (int i = 0; i < NOTES_PER_THREAD; i++) {
		char text[32];
		bool is_repeated = i % 4 == 3;
		snprintf(text, sizeof text, "%d/%d", adder->number, is_repeated ? i - 1 : i);
		int status = add_note(adder->store, adder->number * 1000 + i, text);
		if (status != (is_repeated ? VIVA_ECONFLICT : 0))
			adder->failures++;
	}
	return NULL;
}

static void test_store__many_threads_commit_together_and_only_the_failing_ones_roll_back(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	pthread_t threads[THREADS];
	struct adder adders[THREADS];
	for (int i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){.store = store, .number = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, add_notes, &adders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(adders[i].failures, 0);
	}
	assert_int_equal(count_notes(store, fixture->arena), THREADS * NOTES_PER_THREAD * 3 / 4);
}

// A transaction that holds the writer until told to go on.
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool is_inside;
	bool is_open;
	struct viva_store *store;
};

static int wait_at_gate(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)transaction;
	(void)error;
	struct gate *gate = context;
	pthread_mutex_lock(&gate->lock);
	gate->is_inside = true;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->is_open)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	return 0;
}

static void *transact_at_gate(void *context)
{
	struct gate *gate = context;
	return viva_store_transact(gate->store, wait_at_gate, gate, NULL) == 0 ? gate : NULL;
}

struct waiter {
	struct viva_store *store;
	atomic_int *refused;
	int id;
};

static void *add_one(void *context)
{
	struct waiter *waiter = context;
	char text[16];
	snprintf(text, sizeof text, "w%d", waiter->id);
	if (add_note(waiter->store, waiter->id, text) == VIVA_EOVERLOAD)
		atomic_fetch_add(waiter->refused, 1);
	return NULL;
}

static void test_store__a_full_queue_refuses_and_loses_nothing_it_took(void **state)
{
	struct fixture *fixture = *state;
	struct viva_store_options options = options_of(fixture);
	options.max_waiting = 2;
	VIVA_AUTO(viva_store) store = open_with(&options);
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .store = store};
	pthread_t holder;
	assert_int_equal(pthread_create(&holder, NULL, transact_at_gate, &gate), 0);
	pthread_mutex_lock(&gate.lock);
	while (!gate.is_inside)
		pthread_cond_wait(&gate.moved, &gate.lock);
	pthread_mutex_unlock(&gate.lock);

	// Of five newcomers two may wait; the other three come back at once, so the loop below ends.
	atomic_int refused = 0;
	pthread_t threads[5];
	struct waiter waiters[5];
	for (int i = 0; i < 5; i++) {
		waiters[i] = (struct waiter){.store = store, .refused = &refused, .id = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, add_one, &waiters[i]), 0);
	}
	while (atomic_load(&refused) < 3)
		sched_yield();
	pthread_mutex_lock(&gate.lock);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.moved);
	pthread_mutex_unlock(&gate.lock);
	void *held = NULL;
	pthread_join(holder, &held);
	assert_non_null(held);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&refused), 3);
	assert_int_equal(count_notes(store, fixture->arena), 2);
}

// In a child process: opens the store and adds notes until it is killed; each acknowledged one is told through `pipe`.
static void add_until_killed(const struct viva_store_options *options, int pipe)
{
	struct viva_store *store = NULL;
	if (viva_store_open(options, &store, NULL))
		_exit(1);
	for (int64_t id = 1;; id++) {
		char text[32];
		snprintf(text, sizeof text, "note %lld", (long long)id);
		if (add_note(store, id, text) || write(pipe, &id, sizeof id) != sizeof id)
			_exit(1);
	}
}

static void test_store__a_killed_process_loses_nothing_that_was_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	struct viva_store_options options = options_of(fixture);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		add_until_killed(&options, ends[1]);
	close(ends[1]);

	int64_t acknowledged = 0;
	while (acknowledged < 50 && read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
		;
	kill(child, SIGKILL);
	while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
		;
	close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));

	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_true(acknowledged >= 50);
	assert_true(count_notes(store, fixture->arena) >= acknowledged);
	struct viva_value values[] = {viva_value_int(acknowledged)};
	struct viva_rows rows;
	assert_ok(viva_store_query(store, fixture->arena, "SELECT count(*) FROM test_notes WHERE id <= $1", values, 1,
				   &rows, NULL));
	assert_int_equal(viva_rows_int(&rows, 0, 0), acknowledged);
}

enum { PROCESSES = 4, NOTES_PER_PROCESS = 25 };

static void add_as_process(const struct viva_store_options *options, int number)
{
	struct viva_store *store = NULL;
	if (viva_store_open(options, &store, NULL))
		_exit(1);
	for (int i = 0; i < NOTES_PER_PROCESS; i++) {
		char text[32];
		snprintf(text, sizeof text, "%d/%d", number, i);
		if (add_note(store, number * 1000 + i, text))
			_exit(2);
	}
	viva_store_destroy(store);
	_exit(0);
}

static void test_store__processes_that_start_at_once_agree_and_share_it(void **state)
{
	struct fixture *fixture = *state;
	struct viva_store_options options = options_of(fixture);
	options.busy_ms = 60 * 1000;  // only so that a slow machine is not taken for a deadlock
	pid_t children[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			add_as_process(&options, i + 1);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 0;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_int_equal(count_notes(store, fixture->arena), PROCESSES * NOTES_PER_PROCESS);
}

static bool files_hold(const char *directory, const char *needle)
{
	char command[256];
	snprintf(command, sizeof command, "grep -rqF '%s' '%s'", needle, directory);
	return system(command) == 0;
}

static void test_store__scrubbing_makes_the_deleted_unreadable_in_the_files(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_ok(add_note(store, 1, "a-candidate-said-this"));
	assert_true(files_hold(fixture->directory, "a-candidate-said-this"));
	assert_ok(viva_store_execute(store, "DELETE FROM test_notes", NULL, 0, NULL, NULL));
	assert_ok(viva_store_scrub(store, NULL));
	assert_false(files_hold(fixture->directory, "a-candidate-said-this"));
}

static void test_store__its_files_are_for_their_owner_only(void **state)
{
	struct fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store(fixture);
	assert_ok(add_note(store, 1, "private"));
	const char *suffixes[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < VIVA_COUNT(suffixes); i++) {
		char path[160];
		snprintf(path, sizeof path, "%s%s", strchr(fixture->url, ':') + 1, suffixes[i]);
		struct stat file;
		assert_int_equal(stat(path, &file), 0);
		assert_int_equal(file.st_mode & 0777, 0600);
	}
}

static void test_store__answers_a_ping(void **state)
{
	VIVA_AUTO(viva_store) store = open_store(*state);
	assert_ok(viva_store_ping(store, NULL));
	assert_null(viva_store_destroy(NULL));
}

static int set_up_sqlite(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	if (!fixture)
		return -1;
	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/viva-store-XXXXXX");
	if (!mkdtemp(fixture->directory) || viva_arena_create(0, &fixture->arena)) {
		free(fixture);
		return -1;
	}
	// One level that is not there yet: opening makes it.
	snprintf(fixture->url, sizeof fixture->url, "sqlite:%s/data/viva.db", fixture->directory);
	*state = fixture;
	return 0;
}

static int tear_down_sqlite(void **state)
{
	struct fixture *fixture = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", fixture->directory);
	int status = system(command);
	viva_arena_destroy(fixture->arena);
	free(fixture);
	return status;
}

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, set_up_sqlite, tear_down_sqlite)

int main(void)
{
	const struct CMUnitTest on_sqlite[] = {
		ON_SQLITE(test_store__gives_back_every_type_as_it_was_given),
		ON_SQLITE(test_store__tells_an_empty_value_from_none),
		ON_SQLITE(test_store__a_query_without_rows_is_an_empty_success),
		ON_SQLITE(test_store__tells_how_many_rows_a_statement_changed),
		ON_SQLITE(test_store__work_that_fails_leaves_nothing_and_its_error_comes_back),
		ON_SQLITE(test_store__a_transaction_sees_its_own_writes),
		ON_SQLITE(test_store__a_broken_constraint_is_a_conflict),
		ON_SQLITE(test_store__a_transaction_may_go_on_after_a_conflict),
		ON_SQLITE(test_store__a_wrong_statement_is_an_error_with_a_reason),
		ON_SQLITE(test_store__a_query_outside_a_transaction_cannot_write),
		ON_SQLITE(test_store__rows_past_the_arenas_limit_are_refused),
		ON_SQLITE(test_store__more_statements_than_stay_prepared_all_work),
		ON_SQLITE(test_store__refuses_urls_and_limits_that_make_no_sense),
		ON_SQLITE(test_store__a_url_with_a_password_is_not_repeated_in_the_error),
		ON_SQLITE(test_store__a_file_that_is_no_store_is_named_and_left_alone),
		ON_SQLITE(test_store__a_failed_migration_leaves_the_schema_as_it_was),
		ON_SQLITE(test_store__refuses_a_schema_of_a_newer_version),
		ON_SQLITE(test_store__services_share_one_store_with_their_own_migrations),
		ON_SQLITE(test_store__many_threads_commit_together_and_only_the_failing_ones_roll_back),
		ON_SQLITE(test_store__a_full_queue_refuses_and_loses_nothing_it_took),
		ON_SQLITE(test_store__a_killed_process_loses_nothing_that_was_acknowledged),
		ON_SQLITE(test_store__processes_that_start_at_once_agree_and_share_it),
		ON_SQLITE(test_store__scrubbing_makes_the_deleted_unreadable_in_the_files),
		ON_SQLITE(test_store__its_files_are_for_their_owner_only),
		ON_SQLITE(test_store__answers_a_ping),
	};
	return cmocka_run_group_tests_name("store/sqlite", on_sqlite, NULL, NULL);
}
