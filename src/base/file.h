// SPDX-License-Identifier: Apache-2.0
//
// Small files read whole, and written whole or not at all.
//
// Threads: any; blocks on the disk.
#ifndef VIVA_BASE_FILE_H
#define VIVA_BASE_FILE_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/macros.h"

// The file's bytes with a NUL behind them, to be freed by free(). VIVA_ENOTFOUND, VIVA_EIO (errno says why),
// VIVA_ELIMIT (over max_bytes), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size);

// Puts the bytes in place of what the file held, at once: who reads it sees the old ones or the new ones. VIVA_EIO
// (errno says why; the old ones stand), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_file_replace(const char *path, struct viva_bytes bytes);

#endif
