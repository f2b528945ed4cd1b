// SPDX-License-Identifier: Apache-2.0
//
// Small files read whole, and files checked against the sums in the manifest that came with them.
//
// Threads: any; everything here blocks on the disk.
#ifndef VIVA_LANGUAGE_FILE_H
#define VIVA_LANGUAGE_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

// The file's bytes with a NUL behind them, to be freed by free(). VIVA_EIO, VIVA_ELIMIT (over max_bytes), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size);

// Checks that `directory` holds language.json and, with the sizes and SHA-256 sums it lists, each of `names`.
// VIVA_EMODEL: the sentence names the file, what is wrong with it, and the cure. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_language_files_check(const char *directory, const char *const *names, size_t name_count,
					      struct viva_error *error);

#endif
