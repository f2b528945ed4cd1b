// SPDX-License-Identifier: Apache-2.0
//
// The analysis with the real models for a group of tests: cmocka_run_group_tests(tests, open_language, close_language).
//
// Threads: one test at a time; `language` may be used by any.
#ifndef VIVA_TEST_LANGUAGE_FIXTURE_H
#define VIVA_TEST_LANGUAGE_FIXTURE_H

#include <stdlib.h>

#include "language/analyze.h"
#include "viva_test.h"

static struct viva_language *language;

static inline int open_language_beside(const struct viva_background_question *background, size_t count)
{
	struct viva_language_options options = viva_language_defaults();
	struct viva_error error = {0};
	options.model_directory = getenv("VIVA_MODEL_DIR");
	options.background = background;
	options.background_count = count;
	if (!options.model_directory || viva_language_open(&options, &language, &error) != 0) {
		print_error("the models can't be opened: %s\n", error.message);
		return -1;
	}
	return 0;
}

static inline int open_language(void **state)
{
	(void)state;
	return open_language_beside(NULL, 0);
}

static inline int close_language(void **state)
{
	(void)state;
	language = viva_language_destroy(language);
	return 0;
}

#endif
