// SPDX-License-Identifier: Apache-2.0
#include "models/model_files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "viva_test.h"

static char directory[PATH_MAX];

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

static void write_file(const char *name, const char *content)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

// SHA-256 of "hello\n".
#define SUM "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define MANIFEST "{\"format\":1,\"files\":[{\"name\":\"a.bin\",\"size\":6,\"sha256\":\"" SUM "\"}]}"

static int check(struct viva_error *error)
{
	static const char *const names[] = {"a.bin"};
	return viva_model_files_check(directory, "sample.json", names, VIVA_COUNT(names), error);
}

static void test_model_files__whole_files_pass(void **state)
{
	(void)state;
	write_file("sample.json", MANIFEST);
	write_file("a.bin", "hello\n");
	assert_ok(check(NULL));
}

static void test_model_files__each_fault_is_named_with_its_cure(void **state)
{
	(void)state;
	static const struct {
		const char *manifest, *content, *sentence;
	} faults[] = {
		{NULL, "hello\n", "sample.json is missing"},
		{MANIFEST, NULL, "a.bin is missing"},
		{MANIFEST, "hello", "5 bytes instead of 6"},
		{MANIFEST, "hullo\n", "wrong SHA-256"},
		{"{", "hello\n", "sample.json is damaged"},
		{"{\"format\":2,\"files\":[]}", "hello\n", "sample.json is damaged"},
		{"{\"format\":1,\"files\":[]}", "hello\n", "does not list a.bin"},
		{"{\"format\":1,\"files\":[{\"name\":\"a.bin\",\"size\":6}]}", "hello\n", "does not list a.bin"},
	};
	for (size_t i = 0; i < VIVA_COUNT(faults); i++) {
		remove_test_directory(directory);
		make_test_directory(directory, sizeof directory);
		if (faults[i].manifest)
			write_file("sample.json", faults[i].manifest);
		if (faults[i].content)
			write_file("a.bin", faults[i].content);
		struct viva_error error = {0};
		assert_error(check(&error), VIVA_EMODEL);
		assert_non_null(strstr(error.message, faults[i].sentence));
		assert_non_null(strstr(error.message, "./dev deps"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model_files__whole_files_pass, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_model_files__each_fault_is_named_with_its_cure, make_directory,
						remove_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
