// SPDX-License-Identifier: Apache-2.0
//
// A command of viva: how it takes its options, and how it ends when it can't do its work.
//
// Threads: main.
#ifndef VIVA_BASE_COMMAND_H
#define VIVA_BASE_COMMAND_H

#include "base/config.h"

enum { VIVA_COMMAND_FAILED = 1, VIVA_COMMAND_USAGE = 2 };  // exit statuses

struct viva_command {
	const char *name;                     // "queues"
	const char *usage;                    // what --help says before the options
	const struct viva_option *tables[2];  // its options, in the order of --help
	size_t counts[2];                     // of each table; 0 = there is none
};

// The command's settings. With --help or wrong usage it says so, and gives NULL: *ret_status is the process's then.
struct viva_config *viva_command_load(const struct viva_command *command, int argument_count, char *const *arguments,
				      int *ret_status);
// Says on stderr in one line why the command failed, for VIVA_EUSAGE with a word of --help: the process's status.
int viva_command_fail(const char *name, int code, const struct viva_error *error);

#endif
