// SPDX-License-Identifier: Apache-2.0
#include "service/own_store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "viva_test.h"

static const struct viva_option options[] = {VIVA_OWN_STORE_OPTIONS("Where the test's rows are kept")};

static char opened_url[PATH_MAX + 16];
static size_t opened_connections;

static int open_store(const char *url, size_t connections, struct viva_store **ret_store, struct viva_error *error)
{
	static const struct viva_migration migration = {1, "CREATE TABLE own_rows (content TEXT NOT NULL);"};
	struct viva_store_options store = viva_store_defaults();
	snprintf(opened_url, sizeof opened_url, "%s", url);
	opened_connections = connections;
	store.url = url;
	store.service = "own";
	store.migrations = &migration;
	store.migration_count = 1;
	return viva_store_open(&store, ret_store, error);
}

static int open_by_settings(const char *data_directory, const char *argument, struct viva_store **ret_store,
			    struct viva_error *error)
{
	const struct viva_option *const tables[] = {options};
	const size_t counts[] = {VIVA_COUNT(options)};
	char *arguments[] = {(char *)(uintptr_t)argument};
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(viva_config_load(tables, counts, 1, argument ? 1 : 0, arguments, &config, error));
	const struct viva_service_runtime runtime = {.config = config, .data_directory = data_directory};
	opened_url[0] = '\0';
	return viva_own_store_open(&runtime, open_store, ret_store, error);
}

static void test_own_store__is_in_the_data_folder_where_no_url_says_else(void **state)
{
	const char *folder = *state;
	char expected[PATH_MAX + 16];
	struct viva_store *store = NULL;
	assert_ok(open_by_settings(folder, NULL, &store, NULL));
	snprintf(expected, sizeof expected, "sqlite:%s/viva.db", folder);
	assert_string_equal(opened_url, expected);
	assert_int_equal(opened_connections, VIVA_STORE_CONNECTIONS);
	viva_store_destroy(store);
}

static void test_own_store__a_url_of_the_settings_stands(void **state)
{
	char argument[PATH_MAX + 32];
	struct viva_store *store = NULL;
	snprintf(argument, sizeof argument, "--store-url=sqlite:%s/other.db", (const char *)*state);
	assert_ok(open_by_settings("/nowhere", argument, &store, NULL));
	assert_string_equal(opened_url, strchr(argument, '=') + 1);
	viva_store_destroy(store);
}

static void test_own_store__a_folder_whose_path_is_too_long_is_named(void **state)
{
	(void)state;
	static char folder[PATH_MAX];
	memset(folder, 'a', sizeof folder - 1);
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(open_by_settings(folder, NULL, &store, &error), VIVA_EUSAGE);
	assert_string_equal(error.field, "data-dir");
	assert_string_equal(opened_url, "");
}

static bool holds(const char *folder, const char *name, const char *text)
{
	static char content[1 << 20];
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(content, 1, sizeof content, file) : 0;
	if (file)
		fclose(file);
	return memmem(content, size, text, strlen(text)) != NULL;
}

static bool any_file_holds(const char *folder, const char *text)
{
	return holds(folder, "viva.db", text) || holds(folder, "viva.db-wal", text);
}

static void test_own_store__what_was_deleted_is_swept_once_and_only_then(void **state)
{
	const char *folder = *state;
	struct viva_store *store = NULL;
	atomic_bool needs_scrub = false;
	assert_ok(open_by_settings(folder, NULL, &store, NULL));
	assert_ok(viva_store_execute(store, "INSERT INTO own_rows VALUES ('a secret of old')", NULL, 0, NULL, NULL));
	assert_ok(viva_store_execute(store, "DELETE FROM own_rows", NULL, 0, NULL, NULL));
	viva_own_store_sweep(store, 0, &needs_scrub);
	assert_true(any_file_holds(folder, "a secret of old"));
	viva_own_store_sweep(store, 1, &needs_scrub);
	assert_false(any_file_holds(folder, "a secret of old"));
	assert_false(needs_scrub);
	viva_store_destroy(store);
}

static int make_folder(void **state)
{
	static char folder[PATH_MAX];
	make_test_directory(folder, sizeof folder);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	remove_test_directory(*state);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(test_own_store__is_in_the_data_folder_where_no_url_says_else),
		TEST(test_own_store__a_url_of_the_settings_stands),
		TEST(test_own_store__a_folder_whose_path_is_too_long_is_named),
		TEST(test_own_store__what_was_deleted_is_swept_once_and_only_then),
	};
	return cmocka_run_group_tests_name("own store", tests, NULL, NULL);
}
