// SPDX-License-Identifier: Apache-2.0
#include "operate/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static const struct viva_option common[] = {
	{.name = "bus-url",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "URL",
	 .help = "The bus: sqlite:PATH, amqp://… or amqps://…; default sqlite:DATA/bus.db",
	 .secret = true},
	{.name = "data-dir",
	 .type = VIVA_OPTION_TEXT,
	 .default_value = "./viva-data",
	 .unit = "path",
	 .help = "Folder of the embedded bus"},
	{.name = "frame-partitions",
	 .type = VIVA_OPTION_INT,
	 .default_value = "8",
	 .min = 1,
	 .max = 64,
	 .help = "As the services have it; an embedded bus knows by itself"},
};

struct viva_config *operate_load(const char *command, const char *usage, const struct viva_option *options,
				 size_t option_count, int argument_count, char **arguments, int *ret_status)
{
	// What goes wrong is said once, by the command.
	viva_log_set_level(VIVA_LOG_ERROR);
	const struct viva_command loaded = {command, usage, {common, options}, {VIVA_COUNT(common), option_count}};
	return viva_command_load(&loaded, argument_count, arguments, ret_status);
}

int operate_open_bus(const struct viva_config *config, struct viva_bus **ret_bus, struct viva_error *error)
{
	static const char scheme[] = "sqlite:";
	char default_url[4096];
	const char *url = viva_config_text(config, "bus-url");
	snprintf(default_url, sizeof default_url, "%s%s/bus.db", scheme, viva_config_text(config, "data-dir"));
	if (!url)
		url = default_url;
	// Who looks must not make what he looks for.
	const char *path = strncmp(url, scheme, strlen(scheme)) == 0 ? url + strlen(scheme) : NULL;
	if (path && access(path, F_OK))
		return viva_fail(error, VIVA_ENOTFOUND, "bus-url", "there is no bus at %.200s", path);
	struct viva_bus_options options = viva_bus_defaults();
	options.url = url;
	options.app_id = "operator";
	options.frame_partitions = (size_t)viva_config_int(config, "frame-partitions");
	options.is_operator = true;
	return viva_bus_open(&options, ret_bus, error);
}
