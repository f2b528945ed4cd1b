// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over the inputs of a folder, one after the other: what was found once stays found, without a
// fuzzer. Usage: TARGET FOLDER.
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
// Only some targets have one.
__attribute__((weak)) int LLVMFuzzerInitialize(int *argument_count, char ***arguments);

static int run_file(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END))
		return -1;
	long size = ftell(file);
	rewind(file);
	// Exactly as large as the input, so that a read past its end is seen.
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	bool is_read = data && size >= 0 && fread(data, 1, (size_t)size, file) == (size_t)size;
	fclose(file);
	if (is_read)
		(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return is_read ? 0 : -1;
}

int main(int argument_count, char **arguments)
{
	if (argument_count != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
		return 2;
	}
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argument_count, &arguments);
	DIR *folder = opendir(arguments[1]);
	if (!folder) {
		fprintf(stderr, "%s can't be read\n", arguments[1]);
		return 1;
	}
	int count = 0, failures = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		failures += run_file(arguments[1], entry->d_name) != 0;
	}
	closedir(folder);
	printf("%d inputs, %d unreadable\n", count, failures);
	return count == 0 || failures > 0;
}
