// SPDX-License-Identifier: Apache-2.0
//
// The bus that the operator's commands look at, and the settings that name it.
//
// Threads: main.
#ifndef VIVA_OPERATE_COMMAND_H
#define VIVA_OPERATE_COMMAND_H

#include "base/command.h"
#include "bus/bus.h"

// The command's settings, as viva_command_load() gives them: --bus-url, --data-dir and --frame-partitions, then its own
// options.
struct viva_config *operate_load(const char *command, const char *usage, const struct viva_option *options,
				 size_t option_count, int argument_count, char **arguments, int *ret_status);
// Opens the bus that the settings name; of an embedded one there must be a file. VIVA_ENOTFOUND, the bus's errors.
VIVA_MUST_CHECK int operate_open_bus(const struct viva_config *config, struct viva_bus **ret_bus,
				     struct viva_error *error);

#endif
