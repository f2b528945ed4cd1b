// SPDX-License-Identifier: Apache-2.0
//
// What the operator's commands share: the settings that name the bus, and how they end.
//
// Threads: main.
#ifndef VIVA_OPERATE_COMMAND_H
#define VIVA_OPERATE_COMMAND_H

#include "base/config.h"
#include "bus/bus.h"

enum { OPERATE_FAILED = 1, OPERATE_USAGE = 2 };

// Loads --bus-url, --data-dir, --frame-partitions and the command's own options. With --help or wrong usage it says so,
// and gives no config: *ret_status is the process's then.
struct viva_config *operate_load(const char *command, const char *usage, const struct viva_option *options,
				 size_t option_count, int argument_count, char **arguments, int *ret_status);
// Opens the bus that the settings name; of an embedded one there must be a file. VIVA_ENOTFOUND, the bus's errors.
VIVA_MUST_CHECK int operate_open_bus(const struct viva_config *config, struct viva_bus **ret_bus,
				     struct viva_error *error);
// Says on stderr why it failed: the process's status.
int operate_fail(const char *command, int code, const struct viva_error *error);

#endif
