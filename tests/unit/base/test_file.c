// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <limits.h>
#include <stdio.h>

#include "viva_test.h"

static void test_file__is_read_whole_up_to_a_limit(void **state)
{
	(void)state;
	char directory[PATH_MAX], path[PATH_MAX + 32];
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/a.txt", directory);
	VIVA_AUTO_FREE char *data = NULL;
	size_t size = 0;
	assert_error(viva_file_read(path, 6, &data, &size), VIVA_ENOTFOUND);

	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs("hello\n", file);
	fclose(file);

	assert_error(viva_file_read(path, 5, &data, &size), VIVA_ELIMIT);
	assert_null(data);
	assert_ok(viva_file_read(path, 6, &data, &size));
	assert_int_equal(size, 6);
	assert_string_equal(data, "hello\n");
	assert_error(viva_file_read(directory, 100, &data, &size), VIVA_EIO);
	remove_test_directory(directory);
}

static void test_file__is_replaced_whole_or_not_at_all(void **state)
{
	(void)state;
	char directory[PATH_MAX], path[PATH_MAX + 32], nowhere[PATH_MAX + 32];
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/a.txt", directory);
	snprintf(nowhere, sizeof nowhere, "%s/none/a.txt", directory);
	VIVA_AUTO_FREE char *data = NULL;
	size_t size = 0;
	assert_ok(viva_file_replace(path, viva_bytes_of_text("first")));
	assert_ok(viva_file_replace(path, viva_bytes_of_text("then")));
	assert_ok(viva_file_read(path, 100, &data, &size));
	assert_string_equal(data, "then");
	assert_error(viva_file_replace(nowhere, viva_bytes_of_text("x")), VIVA_EIO);
	assert_error(viva_file_replace(directory, viva_bytes_of_text("x")), VIVA_EIO);
	remove_test_directory(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file__is_read_whole_up_to_a_limit),
		cmocka_unit_test(test_file__is_replaced_whole_or_not_at_all),
	};
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
