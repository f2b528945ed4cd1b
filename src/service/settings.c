// SPDX-License-Identifier: Apache-2.0
#include "service/settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "service/tls.h"
#include "service/tuning.h"

#define SECONDS(n) #n "000"

static const struct viva_option common_options[] = {
	{"host", VIVA_OPTION_TEXT, "127.0.0.1", 0, 0, "address", "Address to listen on", false},
	{"port", VIVA_OPTION_INT, NULL, 0, 65535, NULL, "Port to listen on; 0 takes any free one", false},
	{"data-dir", VIVA_OPTION_TEXT, "./viva-data", 0, 0, "path", "Folder of the embedded store, bus and secrets",
	 false},
	{"api-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL,
	 "The platform's API key; without it one is made at first start and printed once", true},
	{"token-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL,
	 "Signs interview tokens, at least 32 characters; without it one is made and kept in the data folder", true},
	{"auth", VIVA_OPTION_CHOICE, "on", 0, 0, "on|off",
	 "off lets everybody do everything; on loopback only, for trials", false},
	{"service-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL,
	 "What services prove to each other over gRPC; needed to listen beyond loopback", true},
	{VIVA_CONFIG_FILE_OPTION, VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "File of VIVA_…=VALUE lines, for what neither flag nor variable says; read again on SIGHUP", false},
	{"discovery-url", VIVA_OPTION_TEXT, "static:", 0, 0, "URL",
	 "Where the services are: static: (default ports here), static:emotion=h1:p1,h2:p2;scoring=h3:p3, or "
	 "consul://HOST:PORT?tls=on&ca-file=PATH&dc=NAME",
	 true},
	{"consul-token", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "ACL token for Consul", true},
	{"advertise-address", VIVA_OPTION_TEXT, NULL, 0, 0, "address",
	 "Where others reach this instance, told to Consul; default --host, or the Consul agent's own for 0.0.0.0 and "
	 "::",
	 false},
	{"leave-ms", VIVA_OPTION_INT, SECONDS(1), 0, 600000, "ms",
	 "From the deregistration in Consul to the end of accepting, for others to notice", false},
	{"threads", VIVA_OPTION_INT, "0", 0, 1024, NULL, "Worker threads; 0 chooses by service and processors", false},
	{"max-waiting", VIVA_OPTION_INT, "1024", 1, 1000000, NULL,
	 "Requests that may wait for a worker; one more gets 503", false},
	{"max-connections", VIVA_OPTION_INT, "10000", 1, 1000000, NULL, "Connections at a time; one more gets 503",
	 false},
	{"header-timeout-ms", VIVA_OPTION_INT, SECONDS(10), 1, 3600000, "ms", "For a request's headers to arrive",
	 false},
	{"body-timeout-ms", VIVA_OPTION_INT, SECONDS(60), 1, 3600000, "ms", "For a request's body to arrive", false},
	{"idle-timeout-ms", VIVA_OPTION_INT, SECONDS(75), 1, 3600000, "ms", "For the next request of a connection",
	 false},
	{"handler-timeout-ms", VIVA_OPTION_INT, SECONDS(30), 1, 3600000, "ms", "Deadline of a request", false},
	{"shutdown-grace-ms", VIVA_OPTION_INT, SECONDS(10), 0, 3600000, "ms",
	 "For requests in progress when a stop was asked for", false},
	VIVA_LOG_OPTIONS,
};

static const struct viva_option bus_options[] = {
	{"bus-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL",
	 "Where events wait: sqlite:PATH, amqp://… or amqps://…; default sqlite:DATA/bus.db", true},
	{"frame-partitions", VIVA_OPTION_INT, "8", 1, 64, NULL,
	 "Queues that sessions' frames are spread over; the same number for all services", false},
	{"bus-max-stored-mib", VIVA_OPTION_INT, "4096", 16, 1 << 20, "MiB",
	 "What may wait in the embedded bus; beyond it new frames get 503. A broker has limits of its own", false},
};

bool viva_settings_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

static int check_exposure(const struct viva_service *service, const struct viva_config *config,
			  struct viva_error *error)
{
	const char *host = viva_config_text(config, "host");
	const char *auth = viva_config_text(config, "auth");
	if (viva_settings_is_loopback(host))
		return 0;
	if (strcmp(auth, "off") == 0)
		return viva_fail(error, VIVA_EUSAGE, "auth", "--auth off is for loopback addresses, not for --host %s",
				 host);
	if (!service->is_public && !viva_config_text(config, "service-key"))
		return viva_fail(
			error, VIVA_EUSAGE, "service-key",
			"listening on %s needs --service-key (VIVA_SERVICE_KEY), so that only Viva's services get in",
			host);
	return 0;
}

static void configure_log(const struct viva_service *service, const struct viva_config *config, bool is_reload)
{
	enum viva_log_level level = (enum viva_log_level)viva_config_choice(config, "log-level");
	if (is_reload)
		viva_log_set_level(level);
	else
		viva_log_configure(service->name, level,
				   (enum viva_log_format)viva_config_choice(config, "log-format"));
}

// Rules between settings, then what takes effect at once: the log's.
static int check(const struct viva_service *service, const struct viva_config *config, bool is_reload,
		 struct viva_error *error)
{
	struct viva_tuning tuning;
	if (viva_config_positional_count(config) > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%s\"",
				 viva_config_positional(config, 0));
	int status = check_exposure(service, config, error);
	if (!status)
		status = viva_tls_check(config, error);
	if (!status)
		status = viva_tuning_read(config, &tuning, error);
	if (!status)
		configure_log(service, config, is_reload);
	return status;
}

int viva_settings_load(const struct viva_service *service, int argument_count, char *const *arguments, bool is_reload,
		       struct viva_config **ret_config, struct viva_error *error)
{
	// The one common option whose default is the service's. It must outlive the settings, as --help prints it.
	static struct viva_option common[VIVA_COUNT(common_options)];
	static char default_port[8];
	if (!is_reload) {
		memcpy(common, common_options, sizeof common);
		snprintf(default_port, sizeof default_port, "%u", service->default_port);
		for (size_t i = 0; i < VIVA_COUNT(common); i++)
			if (strcmp(common[i].name, "port") == 0)
				common[i].default_value = default_port;
	}

	// The service's own come first: they may give a common one another default.
	const struct viva_option *tables[] = {
		service->options, common, viva_tls_options, viva_balancing_options, viva_calling_options, bus_options};
	size_t counts[] = {service->option_count,
			   VIVA_COUNT(common),
			   service->is_public ? viva_tls_option_count : 0,
			   service->balances || service->calls_others ? viva_balancing_option_count : 0,
			   service->calls_others ? viva_calling_option_count : 0,
			   service->uses_bus ? VIVA_COUNT(bus_options) : 0};
	VIVA_AUTO(viva_config) config = NULL;
	int status = viva_config_load(tables, counts, VIVA_COUNT(tables), argument_count, arguments, &config, error);
	if (!status && !viva_config_wants_help(config))
		status = check(service, config, is_reload, error);
	if (status)
		return status;
	*ret_config = viva_take(&config);
	return 0;
}

struct viva_http_server_options viva_settings_http(const struct viva_config *config)
{
	struct viva_http_server_options options = viva_http_server_defaults();
	options.host = viva_config_text(config, "host");
	options.port = (uint16_t)viva_config_int(config, "port");
	options.max_connections = (size_t)viva_config_int(config, "max-connections");
	options.header_timeout_ms = (uint32_t)viva_config_int(config, "header-timeout-ms");
	options.body_timeout_ms = (uint32_t)viva_config_int(config, "body-timeout-ms");
	options.idle_timeout_ms = (uint32_t)viva_config_int(config, "idle-timeout-ms");
	options.handler_timeout_ms = (uint32_t)viva_config_int(config, "handler-timeout-ms");
	return options;
}
