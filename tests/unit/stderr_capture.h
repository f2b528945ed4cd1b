// SPDX-License-Identifier: Apache-2.0
//
// What is written to standard error goes into a file between begin and end.
//
// Threads: the test's; others may write meanwhile.
#ifndef STDERR_CAPTURE_H
#define STDERR_CAPTURE_H

#include <stdio.h>

struct stderr_capture {
	int kept;
	FILE *file;
};

struct stderr_capture stderr_capture_begin(void);
char *stderr_capture_end(struct stderr_capture *capture);  // the text; free it

#endif
