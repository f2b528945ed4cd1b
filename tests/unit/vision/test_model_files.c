// SPDX-License-Identifier: Apache-2.0
#include "vision/model_files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "viva_test.h"

// Of "hello".
#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char directory[PATH_MAX];
static const char *const names[] = {"a.tflite", NULL};

static int make_directory(void **state)
{
	(void)state;
	make_test_directory(directory, sizeof directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	remove_test_directory(directory);
	return 0;
}

static void write_file(const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "wbe");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void write_manifest(const char *name, int size, const char *sha256)
{
	char text[512];
	snprintf(text, sizeof text, "{\"format\":1,\"files\":[{\"name\":\"%s\",\"size\":%d,\"sha256\":\"%s\"}]}", name,
		 size, sha256);
	write_file("vision.json", text);
}

static void assert_refused(const char *word)
{
	struct viva_error error = {0};
	assert_error(viva_model_files_check(directory, names, &error), VIVA_EMODEL);
	assert_non_null(strstr(error.message, word));
	assert_non_null(strstr(error.message, "./dev deps"));
}

static void test_model_files__whole_ones_are_accepted(void **state)
{
	(void)state;
	write_file("a.tflite", "hello");
	write_manifest("a.tflite", 5, HELLO_SHA256);
	assert_ok(viva_model_files_check(directory, names, NULL));
}

static void test_model_files__a_missing_manifest_or_file_is_named_with_the_cure(void **state)
{
	(void)state;
	assert_refused("vision.json is missing");
	write_manifest("a.tflite", 5, HELLO_SHA256);
	assert_refused("a.tflite is missing");
}

static void test_model_files__a_damaged_file_is_named_with_the_cure(void **state)
{
	(void)state;
	write_manifest("a.tflite", 5, HELLO_SHA256);
	write_file("a.tflite", "hellO");
	assert_refused("a.tflite is damaged (wrong SHA-256 sum)");
	write_file("a.tflite", "hell");
	assert_refused("a.tflite is damaged (wrong size)");
}

static void test_model_files__a_damaged_manifest_is_named(void **state)
{
	(void)state;
	write_file("a.tflite", "hello");
	static const char *const manifests[] = {"",
						"{",
						"[]",
						"{\"format\":2,\"files\":[]}",
						"{\"format\":1,\"files\":[]}",
						"{\"format\":1,\"files\":[{\"name\":\"a.tflite\"}]}"};
	for (size_t i = 0; i < VIVA_COUNT(manifests); i++) {
		write_file("vision.json", manifests[i]);
		assert_refused("vision.json is damaged");
	}
	write_manifest("../a.tflite", 5, HELLO_SHA256);
	assert_refused("vision.json is damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model_files__whole_ones_are_accepted, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(test_model_files__a_missing_manifest_or_file_is_named_with_the_cure,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_model_files__a_damaged_file_is_named_with_the_cure, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(test_model_files__a_damaged_manifest_is_named, make_directory,
						remove_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
