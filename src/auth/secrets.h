// SPDX-License-Identifier: Apache-2.0
//
// The files under DATA/secrets: made by whoever starts first, read by all.
//
// Threads: any; blocks on the disk.
#ifndef VIVA_AUTH_SECRETS_H
#define VIVA_AUTH_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

enum { VIVA_SECRET_MAX = 256 };

// The text of DATA/secrets/NAME. When there is none yet, `candidate` becomes it, unless another process is quicker:
// then that one's is given. The folder has mode 0700, the file 0600. *ret_is_new tells whether `candidate` was taken.
// VIVA_EIO with the path and the reason; a file that others may read is refused.
VIVA_MUST_CHECK int viva_secret_load_or_make(const char *data_directory, const char *name, const char *candidate,
					     char ret_text[VIVA_SECRET_MAX], bool *ret_is_new,
					     struct viva_error *error);

#endif
