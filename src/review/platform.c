// SPDX-License-Identifier: Apache-2.0
#include "review/platform.h"

#include <signal.h>

#include "base/log.h"

struct viva_config *review_load(const char *command, const char *usage, const struct viva_option *options,
				size_t option_count, int argument_count, char **arguments, int *ret_status)
{
	// What goes wrong is said once, by the command.
	viva_log_set_level(VIVA_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	const struct viva_command loaded = {
		command, usage, {options, candidate_platform_options}, {option_count, candidate_platform_option_count}};
	return viva_command_load(&loaded, argument_count, arguments, ret_status);
}
