// SPDX-License-Identifier: Apache-2.0
//
// What the embedded store promises about its files.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	const char *suffixes[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < VIVA_COUNT(suffixes); i++) {
		char path[160];
		snprintf(path, sizeof path, "%s%s", strchr(fixture->url, ':') + 1, suffixes[i]);
		struct stat file;
		assert_int_equal(stat(path, &file), 0);
		assert_int_equal(file.st_mode & 0777, 0600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_embedded__a_file_that_is_no_store_is_named_and_left_alone),
		ON_STORE(test_store_embedded__scrubbing_makes_the_deleted_unreadable_in_the_files),
		ON_STORE(test_store_embedded__its_files_are_for_their_owner_only),
	};
	return RUN_ON_STORE(tests);
}
