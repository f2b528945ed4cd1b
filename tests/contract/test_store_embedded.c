// SPDX-License-Identifier: Apache-2.0
//
// What the embedded store promises about its files.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sqlite_gate.h"
#include "store_fixture.h"

static void test_store_embedded__a_file_that_is_no_store_is_named_and_left_alone(void **state)
{
	struct store_fixture *fixture = *state;
	static const char damaged[] = "this is no database at all, but it is long enough to look at: 0123456789abcdef";
	const char *path = strchr(fixture->url, ':') + 1;
	char text[sizeof damaged] = "";
	viva_store_destroy(store_fixture_open(fixture));
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(damaged, file);
	fclose(file);

	struct viva_store_options options = store_fixture_options(fixture);
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

static bool files_hold(const char *directory, const char *needle)
{
	char command[256];
	snprintf(command, sizeof command, "grep -rqF '%s' '%s'", needle, directory);
	return system(command) == 0;
}

static void test_store_embedded__scrubbing_makes_the_deleted_unreadable_in_the_files(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_ok(store_fixture_add_note(store, 1, "a-candidate-said-this"));
	assert_true(files_hold(fixture->directory, "a-candidate-said-this"));
	assert_ok(viva_store_execute(store, "DELETE FROM test_notes", NULL, 0, NULL, NULL));
	assert_ok(viva_store_scrub(store, NULL));
	assert_false(files_hold(fixture->directory, "a-candidate-said-this"));
}

static void test_store_embedded__its_files_are_for_their_owner_only(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_ok(store_fixture_add_note(store, 1, "private"));
	const char *suffixes[] = {"", "-wal", "-shm", "-gate"};
	for (size_t i = 0; i < VIVA_COUNT(suffixes); i++) {
		char path[160];
		snprintf(path, sizeof path, "%s%s", strchr(fixture->url, ':') + 1, suffixes[i]);
		struct stat file;
		assert_int_equal(stat(path, &file), 0);
		assert_int_equal(file.st_mode & 0777, 0600);
	}
}

// What PRAGMA synchronous has in a transaction: 2 = FULL, 1 = NORMAL.
struct level {
	struct viva_arena *arena;
	int64_t synchronous;
};

static int read_level(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct level *level = context;
	struct viva_rows rows = {0};
	int status = viva_transaction_query(transaction, level->arena, "PRAGMA synchronous", NULL, 0, &rows, error);
	level->synchronous = viva_rows_int(&rows, 0, 0);
	return status;
}

static void test_store_embedded__only_what_must_survive_power_loss_waits_for_the_disk(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	struct level level = {.arena = fixture->arena};
	for (int round = 0; round < 3; round++) {
		assert_ok(viva_store_transact(store, read_level, &level, NULL));
		assert_int_equal(level.synchronous, 2);
		assert_ok(viva_store_transact_lazily(store, read_level, &level, NULL));
		assert_int_equal(level.synchronous, 1);
	}
	struct viva_store_options options = store_fixture_options(fixture);
	options.durability = VIVA_DURABLE_CRASH;
	VIVA_AUTO(viva_store) lazy = store_fixture_open_with(&options);
	assert_ok(viva_store_transact(lazy, read_level, &level, NULL));
	assert_int_equal(level.synchronous, 1);
}

static void test_store_embedded__one_process_at_a_time_is_in_the_gate(void **state)
{
	struct store_fixture *fixture = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/some.db", fixture->directory);
	int first = viva_sqlite_gate_open(path), second = viva_sqlite_gate_open(path);
	assert_true(first >= 0 && second >= 0);
	assert_true(viva_sqlite_gate_enter(first));
	assert_false(viva_sqlite_gate_enter(second));
	viva_sqlite_gate_leave(first);
	assert_true(viva_sqlite_gate_enter(second));
	// Who dies inside leaves it open.
	viva_sqlite_gate_close(second);
	assert_true(viva_sqlite_gate_enter(first));
	viva_sqlite_gate_close(first);
	// Without a file there is no gate, and no harm.
	int none = viva_sqlite_gate_open("/nowhere/at/all.db");
	assert_false(viva_sqlite_gate_enter(none));
	viva_sqlite_gate_close(none);
}

static void test_store_embedded__a_file_made_to_shrink_gives_its_pages_back(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.can_shrink = true;
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	assert_ok(viva_store_execute(store,
				     "INSERT INTO test_notes (id, text, picture) VALUES (1, 'a', zeroblob(4000000))",
				     NULL, 0, NULL, NULL));
	assert_ok(viva_store_execute(store, "DELETE FROM test_notes", NULL, 0, NULL, NULL));
	assert_true(store_fixture_count(store, fixture->arena, "PRAGMA freelist_count") > 900);
	assert_ok(viva_store_execute(store, "PRAGMA incremental_vacuum(2048)", NULL, 0, NULL, NULL));
	assert_int_equal(store_fixture_count(store, fixture->arena, "PRAGMA freelist_count"), 0);
	assert_ok(viva_store_scrub(store, NULL));
	struct stat file;
	assert_int_equal(stat(strchr(fixture->url, ':') + 1, &file), 0);
	assert_true(file.st_size < 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_embedded__a_file_that_is_no_store_is_named_and_left_alone),
		ON_STORE(test_store_embedded__scrubbing_makes_the_deleted_unreadable_in_the_files),
		ON_STORE(test_store_embedded__its_files_are_for_their_owner_only),
		ON_STORE(test_store_embedded__only_what_must_survive_power_loss_waits_for_the_disk),
		ON_STORE(test_store_embedded__one_process_at_a_time_is_in_the_gate),
		ON_STORE(test_store_embedded__a_file_made_to_shrink_gives_its_pages_back),
	};
	return RUN_ON_STORE(tests);
}
