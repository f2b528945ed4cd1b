// SPDX-License-Identifier: Apache-2.0
#include "language/background_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "viva_test.h"

static const uint8_t KEY[VIVA_BACKGROUND_KEY_SIZE] = "key";
static const uint8_t OTHER_KEY[VIVA_BACKGROUND_KEY_SIZE] = "other";
static const char DATA[] = "0123456789";

static char directory[PATH_MAX];
static char path[PATH_MAX + 16];

static int make_directory(void **state)
{
	(void)state;
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/kept.bin", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	remove_test_directory(directory);
	return 0;
}

static bool reads(const uint8_t *key, size_t size)
{
	char data[64];
	assert_true(size <= sizeof data);
	return viva_background_file_read(path, key, data, size) && memcmp(data, DATA, size) == 0;
}

static void test_background_file__gives_back_what_was_kept_under_the_key(void **state)
{
	(void)state;
	assert_false(reads(KEY, sizeof DATA));
	assert_true(viva_background_file_write(path, KEY, DATA, sizeof DATA));
	assert_true(reads(KEY, sizeof DATA));
	assert_false(reads(OTHER_KEY, sizeof DATA));
	assert_false(reads(KEY, sizeof DATA - 1));

	assert_true(viva_background_file_write(path, OTHER_KEY, DATA, 3));
	assert_true(reads(OTHER_KEY, 3));
	assert_false(reads(KEY, sizeof DATA));
}

static void test_background_file__a_damaged_or_shortened_file_is_not_used(void **state)
{
	(void)state;
	enum { FILE_SIZE = 8 + VIVA_BACKGROUND_KEY_SIZE + sizeof DATA + 32 };
	for (long at = 0; at < FILE_SIZE; at++) {
		assert_true(viva_background_file_write(path, KEY, DATA, sizeof DATA));
		FILE *file = fopen(path, "r+be");
		assert_non_null(file);
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		int byte = fgetc(file);
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		fputc(byte ^ 1, file);
		assert_int_equal(fclose(file), 0);
		assert_false(reads(KEY, sizeof DATA));
		assert_int_equal(truncate(path, at), 0);
		assert_false(reads(KEY, sizeof DATA));
	}
}

static void test_background_file__a_folder_that_is_missing_costs_nothing_but_the_file(void **state)
{
	(void)state;
	assert_false(viva_background_file_write("/nowhere/kept.bin", KEY, DATA, sizeof DATA));
	assert_false(viva_background_file_read("/nowhere/kept.bin", KEY, path, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_background_file__gives_back_what_was_kept_under_the_key),
		cmocka_unit_test(test_background_file__a_damaged_or_shortened_file_is_not_used),
		cmocka_unit_test(test_background_file__a_folder_that_is_missing_costs_nothing_but_the_file),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
