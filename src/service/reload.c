// SPDX-License-Identifier: Apache-2.0
#include "service/reload.h"

#include <string.h>

#include "base/log.h"
#include "service/settings.h"
#include "service/tls.h"

// Beside all options of tuning.h.
static const char *const reloadable[] = {"log-level", "api-key"};

static bool is_in(const struct viva_option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			return true;
	return false;
}

// TLS can be renewed while it is on; the port's protocol stays as it was at the start.
static bool is_renewable(const struct viva_reload *reload, const struct viva_config *after)
{
	return viva_tls_is_on(reload->first) && viva_tls_is_on(after);
}

static bool is_reloadable(const struct viva_reload *reload, const struct viva_config *after, const char *name)
{
	if (is_in(viva_tls_options, viva_tls_option_count, name))
		return is_renewable(reload, after);
	for (size_t i = 0; i < VIVA_COUNT(reloadable); i++)
		if (strcmp(reloadable[i], name) == 0)
			return true;
	return is_in(viva_balancing_options, viva_balancing_option_count, name) ||
	       is_in(viva_calling_options, viva_calling_option_count, name);
}

static void tell_changes(const struct viva_reload *reload, const struct viva_config *before,
			 const struct viva_config *after)
{
	size_t cursor = 0;
	for (const char *name = NULL; (name = viva_config_next_difference(before, after, &cursor));) {
		if (is_reloadable(reload, after, name))
			viva_log_info("the setting %s has changed", name);
		else
			viva_log_warn("the setting %s has changed, which takes effect at the next start", name);
	}
}

static int apply(const struct viva_reload *reload, const struct viva_config *before, const struct viva_config *after,
		 struct viva_error *error)
{
	const char *key = viva_config_text(after, "api-key");
	const char *old_key = viva_config_text(before, "api-key");
	bool has_new_key = key && (!old_key || strcmp(key, old_key) != 0);
	struct viva_tuning tuning;
	VIVA_AUTO(viva_tls) tls = NULL;
	// What can fail comes first: all takes effect, or nothing.
	int status = viva_tuning_read(after, &tuning, error);
	if (!status && is_renewable(reload, after))
		status = viva_tls_load(after, viva_system_clock(), &tls, error);
	if (!status && has_new_key)
		status = viva_auth_set_api_key(reload->auth, key, error);
	if (status)
		return status;
	if (tls)
		viva_http_server_set_tls(reload->http, tls);
	if (reload->service->tune)
		reload->service->tune(reload->state, &tuning);
	return 0;
}

void viva_reload_now(struct viva_reload *reload)
{
	struct viva_error error = {0};
	VIVA_AUTO(viva_config) config = NULL;
	const struct viva_config *before = reload->latest ? reload->latest : reload->first;
	int status =
		viva_settings_load(reload->service, reload->argument_count, reload->arguments, true, &config, &error);
	if (!status)
		status = apply(reload, before, config, &error);
	if (status) {
		viva_log_error("the settings stay as they are: %s", viva_error_message(&error));
		return;
	}
	tell_changes(reload, before, config);
	viva_log_info("the settings were read again");
	viva_config_destroy(reload->latest);
	reload->latest = viva_take(&config);
}

void viva_reload_finish(struct viva_reload *reload)
{
	reload->latest = viva_config_destroy(reload->latest);
}
