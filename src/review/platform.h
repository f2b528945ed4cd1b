// SPDX-License-Identifier: Apache-2.0
//
// The running platform that these commands ask.
//
// Threads: main.
#ifndef VIVA_REVIEW_PLATFORM_H
#define VIVA_REVIEW_PLATFORM_H

#include "base/command.h"
#include "candidate/client.h"

// The command's settings, as viva_command_load() gives them: its own options, then those of
// candidate/client.h.
struct viva_config *review_load(const char *command, const char *usage, const struct viva_option *options,
				size_t option_count, int argument_count, char **arguments, int *ret_status);

#endif
