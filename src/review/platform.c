// SPDX-License-Identifier: Apache-2.0
#include "review/platform.h"

#include <signal.h>

#include "base/log.h"

static const struct viva_option common[] = {
	{.name = "url",
	 .type = VIVA_OPTION_TEXT,
	 .default_value = "http://127.0.0.1:8000",
	 .unit = "URL",
	 .help = "The gateway of the platform"},
	{.name = "api-key", .type = VIVA_OPTION_TEXT, .help = "API key of the platform", .secret = true},
};

struct viva_config *review_load(const char *command, const char *usage, const struct viva_option *options,
				size_t option_count, int argument_count, char **arguments, int *ret_status)
{
	// What goes wrong is said once, by the command.
	viva_log_set_level(VIVA_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	const struct viva_command loaded = {command, usage, {options, common}, {option_count, VIVA_COUNT(common)}};
	return viva_command_load(&loaded, argument_count, arguments, ret_status);
}

int review_connect(const struct viva_config *config, struct candidate_client **ret_client, struct viva_error *error)
{
	VIVA_AUTO(candidate_client) client = NULL;
	const char *api_key = viva_config_text(config, "api-key");
	int status = candidate_client_create(viva_config_text(config, "url"), &client, error);
	if (!status && api_key && candidate_client_set_credential(client, api_key))
		status = viva_fail(error, VIVA_EUSAGE, "api-key",
				   "--api-key has a line break, or is too long for a key");
	if (!status)
		*ret_client = viva_take(&client);
	return status;
}
