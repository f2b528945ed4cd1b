// SPDX-License-Identifier: Apache-2.0
#include "stderr_capture.h"

#include <stdlib.h>
#include <unistd.h>

#include "viva_test.h"

struct stderr_capture stderr_capture_begin(void)
{
	struct stderr_capture capture = {.kept = dup(STDERR_FILENO), .file = tmpfile()};
	assert_true(capture.kept >= 0 && capture.file);
	dup2(fileno(capture.file), STDERR_FILENO);
	return capture;
}

char *stderr_capture_end(struct stderr_capture *capture)
{
	dup2(capture->kept, STDERR_FILENO);
	close(capture->kept);
	off_t size = lseek(fileno(capture->file), 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fileno(capture->file), text, (size_t)size, 0), size);
	fclose(capture->file);
	return text;
}
