// SPDX-License-Identifier: Apache-2.0
#include "base/command.h"

#include <stdio.h>

int viva_command_fail(const char *name, int code, const struct viva_error *error)
{
	fprintf(stderr, "viva %s: %s%s\n", name, viva_error_message(error),
		code == VIVA_EUSAGE ? " (--help lists all options)" : "");
	return code == VIVA_EUSAGE ? VIVA_COMMAND_USAGE : VIVA_COMMAND_FAILED;
}

struct viva_config *viva_command_load(const struct viva_command *command, int argument_count, char *const *arguments,
				      int *ret_status)
{
	struct viva_error error = {0};
	struct viva_config *config = NULL;
	int code = viva_config_load(command->tables, command->counts, VIVA_COUNT(command->tables), argument_count,
				    arguments, &config, &error);
	if (code != 0) {
		*ret_status = viva_command_fail(command->name, code, &error);
		return NULL;
	}
	if (viva_config_wants_help(config)) {
		viva_config_print_help(config, command->usage, stdout);
		*ret_status = 0;
		return viva_config_destroy(config);
	}
	return config;
}
