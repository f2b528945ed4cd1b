// SPDX-License-Identifier: Apache-2.0
#include "service/tls.h"

#include <time.h>

#include "base/log.h"
#include "base/metrics.h"

enum { WARNED_BEFORE_S = 14 * 24 * 3600 };

const struct viva_option viva_tls_options[] = {
	{"tls-certificate", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "PEM file of the certificate and those that lead to its authority: the port speaks HTTPS only; read again on "
	 "SIGHUP",
	 false},
	{"tls-key", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "PEM file of the certificate's private key, unencrypted",
	 false},
};
const size_t viva_tls_option_count = VIVA_COUNT(viva_tls_options);

bool viva_tls_is_on(const struct viva_config *config)
{
	return viva_config_has(config, "tls-certificate") && viva_config_text(config, "tls-certificate");
}

int viva_tls_check(const struct viva_config *config, struct viva_error *error)
{
	if (!viva_config_has(config, "tls-certificate"))
		return 0;
	bool has_certificate = viva_config_text(config, "tls-certificate");
	bool has_key = viva_config_text(config, "tls-key");
	if (has_certificate == has_key)
		return 0;
	return has_certificate ? viva_fail(error, VIVA_EUSAGE, "tls-key", "--tls-certificate needs --tls-key")
			       : viva_fail(error, VIVA_EUSAGE, "tls-certificate", "--tls-key needs --tls-certificate");
}

static void tell_validity(const struct viva_tls *tls, const char *path, const struct viva_clock *clock)
{
	int64_t now_s = viva_clock_unix_ms(clock) / 1000;
	time_t until_s = (time_t)viva_tls_valid_until_s(tls);
	struct tm broken_down;
	char day[32] = "";
	gmtime_r(&until_s, &broken_down);
	strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", &broken_down);
	if (now_s < viva_tls_valid_from_s(tls))
		viva_log_warn("the certificate %s is not valid yet: clients will refuse it", path);
	else if (now_s >= until_s)
		viva_log_warn("the certificate %s has expired on %s: clients will refuse it", path, day);
	else if (until_s - now_s < WARNED_BEFORE_S)
		viva_log_warn("the certificate %s expires soon, on %s", path, day);
	else
		viva_log_info("the certificate %s is valid until %s", path, day);
	viva_metric_set(viva_gauge("viva_tls_certificate_expires_seconds", "",
				   "Unix time until when the certificate in use is valid."),
			(double)until_s);
}

int viva_tls_load(const struct viva_config *config, const struct viva_clock *clock, struct viva_tls **ret_tls,
		  struct viva_error *error)
{
	*ret_tls = NULL;
	if (!viva_tls_is_on(config))
		return 0;
	const char *path = viva_config_text(config, "tls-certificate");
	int code = viva_tls_create_server(path, viva_config_text(config, "tls-key"), ret_tls, error);
	if (code == 0)
		tell_validity(*ret_tls, path, clock);
	return code;
}
