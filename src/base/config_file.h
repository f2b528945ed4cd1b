// SPDX-License-Identifier: Apache-2.0
//
// Files of settings: NAME=VALUE lines, as systemd's EnvironmentFile and `docker --env-file` have them. Internal to
// base/.
//
// Threads: any; blocks on the disk.
#ifndef VIVA_BASE_CONFIG_FILE_H
#define VIVA_BASE_CONFIG_FILE_H

#include "base/error.h"
#include "base/macros.h"

// Calls on_entry with each line's name and value, in order, until one fails. Empty lines and those that begin with #
// are nothing; a value may stand in double or single quotes, which are taken off. Texts are borrowed for the call.
// VIVA_EUSAGE names file and line, never a value.
VIVA_MUST_CHECK int config_file_read(const char *path,
				     int (*on_entry)(void *context, const char *name, const char *value,
						     struct viva_error *error),
				     void *context, struct viva_error *error);

#endif
