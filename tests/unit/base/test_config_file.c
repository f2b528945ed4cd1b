// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "viva_test.h"

static const struct viva_option options[] = {
	{"config-file", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "File of settings", false},
	{"test-port", VIVA_OPTION_INT, "8000", 0, 65535, NULL, "Where to listen", false},
	{"test-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", "Where the store is", false},
	{"test-key", VIVA_OPTION_INT, NULL, 0, 9, NULL, "A secret", true},
};

static char directory[PATH_MAX], path[PATH_MAX + 16], flag[PATH_MAX + 32];

static int set_up(void **state)
{
	(void)state;
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/settings", directory);
	snprintf(flag, sizeof flag, "--config-file=%s", path);
	unsetenv("VIVA_TEST_PORT");
	unsetenv("VIVA_TEST_URL");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("VIVA_TEST_PORT");
	remove_test_directory(directory);
	return 0;
}

static int load(const char *text, const char *more, struct viva_config **ret_config, struct viva_error *error)
{
	static const struct viva_option *const tables[] = {options};
	static const size_t counts[] = {VIVA_COUNT(options)};
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	char *arguments[] = {flag, (char *)(uintptr_t)more};
	return viva_config_load(tables, counts, 1, more ? 2 : 1, arguments, ret_config, error);
}

static void test_config_file__its_lines_win_over_the_defaults_only(void **state)
{
	(void)state;
	static const char text[] =
		"# a comment\n\n  VIVA_TEST_PORT = 1 \r\nVIVA_TEST_URL=\"a = b\"\nVIVA_OTHERS=x\nPATH=y\n";
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(load(text, NULL, &config, NULL));
	assert_int_equal(viva_config_int(config, "test-port"), 1);
	assert_string_equal(viva_config_text(config, "test-url"), "a = b");
	assert_true(viva_config_is_set(config, "test-port"));

	setenv("VIVA_TEST_PORT", "2", 1);
	VIVA_AUTO(viva_config) by_variable = NULL;
	assert_ok(load(text, NULL, &by_variable, NULL));
	assert_int_equal(viva_config_int(by_variable, "test-port"), 2);
	VIVA_AUTO(viva_config) by_flag = NULL;
	assert_ok(load(text, "--test-port=3", &by_flag, NULL));
	assert_int_equal(viva_config_int(by_flag, "test-port"), 3);
}

static void test_config_file__the_last_of_equal_names_wins_and_an_empty_value_is_none(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) config = NULL;
	assert_ok(load("VIVA_TEST_PORT=1\nVIVA_TEST_PORT='2'\nVIVA_TEST_URL=\n", NULL, &config, NULL));
	assert_int_equal(viva_config_int(config, "test-port"), 2);
	assert_null(viva_config_text(config, "test-url"));
}

static void test_config_file__what_can_not_be_read_is_named_without_a_secret(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sentence;
	} wrong[] = {
		{"\nVIVA_TEST_PORT\n", ":2: this is not NAME=VALUE"},
		{"=x\n", ":1: this is not NAME=VALUE"},
		{"viva_test_port=1\n", ":1: this is not NAME=VALUE"},
		{"VIVA_TEST_PORT=70000\n", "VIVA_TEST_PORT: \"70000\" is not a whole number from 0 to 65535"},
		{"VIVA_TEST_KEY=hush\n", "VIVA_TEST_KEY: \"(secret)\""},
	};
	for (size_t i = 0; i < VIVA_COUNT(wrong); i++) {
		struct viva_config *config = NULL;
		struct viva_error error = {0};
		assert_error(load(wrong[i].text, NULL, &config, &error), VIVA_EUSAGE);
		if (!strstr(error.message, wrong[i].sentence) || strstr(error.message, "hush"))
			fail_msg("%s", error.message);
	}
}

static void test_config_file__one_that_is_missing_or_too_large_is_refused(void **state)
{
	(void)state;
	static char large[70000];
	struct viva_config *config = NULL;
	struct viva_error error = {0};
	memset(large, '#', sizeof large - 1);
	assert_error(load(large, NULL, &config, &error), VIVA_EUSAGE);
	assert_non_null(strstr(error.message, "too large"));
	assert_error(load("", "--config-file=/nonexistent/settings", &config, &error), VIVA_EUSAGE);
	assert_string_equal(error.message,
			    "the settings' file /nonexistent/settings can't be read: No such file or directory");
}

static void test_config_file__memory_that_runs_out_is_told(void **state)
{
	(void)state;
	int failures = 0;
	for (unsigned skipped = 0; skipped < 3; skipped++) {
		struct viva_config *config = NULL;
		fail_next_allocation(skipped);
		failures += load("VIVA_TEST_PORT=1\n", NULL, &config, NULL) < 0;
		viva_config_destroy(config);
	}
	assert_int_equal(failures, 3);
}

static void test_config__differences_are_told_one_by_one(void **state)
{
	(void)state;
	VIVA_AUTO(viva_config) first = NULL;
	VIVA_AUTO(viva_config) second = NULL;
	assert_ok(load("VIVA_TEST_PORT=1\nVIVA_TEST_URL=a\n", NULL, &first, NULL));
	assert_ok(load("VIVA_TEST_PORT=2\n", NULL, &second, NULL));
	size_t cursor = 0;
	assert_string_equal(viva_config_next_difference(first, second, &cursor), "test-port");
	assert_string_equal(viva_config_next_difference(first, second, &cursor), "test-url");
	assert_null(viva_config_next_difference(first, second, &cursor));
	cursor = 0;
	assert_null(viva_config_next_difference(first, first, &cursor));
	assert_true(viva_config_has(first, "test-port"));
	assert_false(viva_config_has(first, "test-ports"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config_file__its_lines_win_over_the_defaults_only, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_config_file__the_last_of_equal_names_wins_and_an_empty_value_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_config_file__what_can_not_be_read_is_named_without_a_secret,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_config_file__one_that_is_missing_or_too_large_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_config_file__memory_that_runs_out_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_config__differences_are_told_one_by_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
