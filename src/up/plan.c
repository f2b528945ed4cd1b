// SPDX-License-Identifier: Apache-2.0
#include "up/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

// The order is that of starting and of the table of what listens where.
static const struct {
	const char *name, *port_option;
	unsigned stop_rank;  // whoever calls others ends before them: the door first
} services[] = {
	{"gateway", "gateway-port", 0}, {"interview", "interview-port", 2}, {"emotion", "emotion-port", 3},
	{"scoring", "scoring-port", 3}, {"worker", "worker-port", 1},
};

const struct viva_option viva_up_options[] = {
	{"data-dir", VIVA_OPTION_TEXT, "./viva-data", 0, 0, "path", "Folder of the embedded store and secrets", false},
	{"host", VIVA_OPTION_TEXT, "127.0.0.1", 0, 0, "address",
	 "IP address the gateway listens on; the other services stay on loopback", false},
	{"gateway-port", VIVA_OPTION_INT, "8000", 0, 65535, NULL, "Port of the gateway; 0 takes any free one", false},
	{"interview-port", VIVA_OPTION_INT, "8080", 0, 65535, NULL, "Port of interview; 0 takes any free one", false},
	{"emotion-port", VIVA_OPTION_INT, "8081", 0, 65535, NULL, "Port of emotion; 0 takes any free one", false},
	{"scoring-port", VIVA_OPTION_INT, "8082", 0, 65535, NULL, "Port of scoring; 0 takes any free one", false},
	{"worker-port", VIVA_OPTION_INT, "8083", 0, 65535, NULL, "Port of worker; 0 takes any free one", false},
	{"api-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL,
	 "The platform's API key; without it one is made at first start and printed once", true},
	{"token-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL,
	 "Signs interview tokens, at least 32 characters; without it one is made and kept in the data folder", true},
	{"auth", VIVA_OPTION_CHOICE, "on", 0, 0, "on|off",
	 "off lets everybody do everything; on loopback only, for trials", false},
	{"tls-certificate", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "PEM file of the gateway's certificate and those that lead to its authority: it speaks HTTPS; read again on "
	 "SIGHUP",
	 false},
	{"tls-key", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "PEM file of the certificate's private key, unencrypted",
	 false},
	{"store-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", "Where state is kept; default sqlite:DATA/viva.db", true},
	{"bus-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL",
	 "Where events wait: sqlite:PATH, amqp://… or amqps://…; default sqlite:DATA/bus.db", true},
	{"frame-partitions", VIVA_OPTION_INT, "8", 1, 64, NULL, "Queues that sessions' frames are spread over", false},
	{"webhook-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URLs",
	 "Told of each score; several are separated by commas. https only, but for this machine", true},
	{"webhook-secret", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "Signs webhooks; at least 16 characters", true},
	{VIVA_CONFIG_FILE_OPTION, VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "File of VIVA_…=VALUE lines for all services; on SIGHUP they read it again (without one, and without TLS, "
	 "SIGHUP ends all)",
	 false},
	VIVA_LOG_OPTIONS,
	{"ready-file", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "Written once all services are ready: their URLs and process ids as JSON; removed at the end", false},
	{"grace-ms", VIVA_OPTION_INT, "12000", 0, 3600000, "ms", "For a service to end by itself before it is killed",
	 false},
};
const size_t viva_up_option_count = VIVA_COUNT(viva_up_options);

static bool is_taken(const struct viva_plan *plan, uint16_t port)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->services[i].port == port)
			return true;
	return false;
}

static int given_ports(const struct viva_config *config, struct viva_plan *plan, struct viva_error *error)
{
	for (size_t i = 0; i < VIVA_COUNT(services); i++) {
		uint16_t port = (uint16_t)viva_config_int(config, services[i].port_option);
		if (port && is_taken(plan, port))
			return viva_fail(error, VIVA_EUSAGE, services[i].port_option,
					 "--%s: another service has port %u already", services[i].port_option, port);
		plan->services[plan->count++] = (struct viva_planned_service){
			.name = services[i].name,
			.port_option = services[i].port_option,
			.stop_rank = services[i].stop_rank,
			.port = port,
		};
	}
	return 0;
}

// Binds a socket to the port, or to a free one for 0. As long as it stays open the system gives that port to nobody who
// asks for any; the service itself, whose listener may share its address (SO_REUSEADDR), gets it whenever it starts.
static int reserve_port(const char *host, uint16_t *port, int *ret_fd)
{
	union viva_socket_address address;
	socklen_t size = sizeof address;
	if (viva_socket_address_parse(host, *port, &address))
		return VIVA_EUSAGE;
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return VIVA_EIO;
	// As the services do: connections of a predecessor that linger in TIME_WAIT don't matter.
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) ||
	    bind(fd, &address.any, viva_socket_address_size(&address)) || getsockname(fd, &address.any, &size)) {
		int reason = errno;
		close(fd);
		errno = reason;
		return VIVA_EIO;
	}
	*port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
	*ret_fd = fd;
	return 0;
}

static int reserve_for(struct viva_plan *plan, size_t index, const char *gateway_host, struct viva_error *error)
{
	struct viva_planned_service *service = &plan->services[index];
	const char *host = index == 0 ? gateway_host : "127.0.0.1";
	int status = reserve_port(host, &service->port, &plan->reserved[plan->reserved_count]);
	if (status == VIVA_EUSAGE)
		return viva_fail(error, status, "host", "--host is an IP address, not \"%.64s\"", host);
	if (status)
		return viva_fail(error, status, service->port_option, "--%s: port %u of %s can't be had: %s",
				 service->port_option, service->port, host, strerror(errno));
	plan->reserved_count++;
	return 0;
}

// Finds free ports, and a given port that somebody listens on: his answers would pass for our service's. Those given go
// first. The reservations stay: between two lives of a service nobody else gets its port.
static int reserve_ports(const char *gateway_host, struct viva_plan *plan, struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < plan->count && !status; i++)
		if (plan->services[i].port)
			status = reserve_for(plan, i, gateway_host, error);
	for (size_t i = 0; i < plan->count && !status; i++)
		if (!plan->services[i].port)
			status = reserve_for(plan, i, gateway_host, error);
	return status;
}

static int find_addresses(const char *gateway_host, struct viva_plan *plan, struct viva_error *error)
{
	size_t used = (size_t)snprintf(plan->discovery_url, sizeof plan->discovery_url, "static:");
	for (size_t i = 0; i < plan->count; i++) {
		struct viva_planned_service *service = &plan->services[i];
		const char *host = i == 0 ? gateway_host : "127.0.0.1";
		if (viva_socket_address_parse(host, service->port, &service->address))
			return viva_fail(error, VIVA_EUSAGE, "host", "--host is an IP address, not \"%.64s\"", host);
		service->address = viva_socket_address_of_listener(service->address);
		viva_socket_address_text(&service->address, service->address_text);
		snprintf(service->port_text, sizeof service->port_text, "%u", service->port);
		used += (size_t)snprintf(plan->discovery_url + used, sizeof plan->discovery_url - used, "%s%s=%s",
					 i == 0 ? "" : ";", service->name, service->address_text);
	}
	return 0;
}

enum { MAX_PASSED_ON = 6 };

// What stands in the file is the services' to read, and to read again.
static char **pass_on(const struct viva_config *config, const char *option, const char *flag, char **end)
{
	const char *value = viva_config_text(config, option);
	if (!value || viva_config_is_from_file(config, option))
		return end;
	const char *const pair[] = {flag, value};
	memcpy(end, pair, sizeof pair);
	return end + VIVA_COUNT(pair);
}

// Secrets are no arguments, which every user of the machine can read: they go through the environment.
static void make_arguments(const struct viva_config *config, const char *log_format, struct viva_plan *plan,
			   struct viva_planned_service *service)
{
	const char *host = service == plan->services ? viva_config_text(config, "host") : "127.0.0.1";
	const char *arguments[] = {
		"viva",
		service->name,
		"--host",
		host,
		"--port",
		service->port_text,
		"--data-dir",
		viva_config_text(config, "data-dir"),
		"--auth",
		viva_config_text(config, "auth"),
		"--log-format",
		log_format,
		"--discovery-url",
		plan->discovery_url,
	};
	_Static_assert(VIVA_COUNT(arguments) + MAX_PASSED_ON < VIVA_PLAN_MAX_ARGUMENTS, "a NULL must follow");
	// execv() promises not to write to them, though its type does not say so.
	memcpy(service->arguments, arguments, sizeof arguments);
	char **end = service->arguments + VIVA_COUNT(arguments);
	end = pass_on(config, "log-level", "--log-level", end);
	if (service != plan->services)
		return;
	end = pass_on(config, "tls-certificate", "--tls-certificate", end);
	pass_on(config, "tls-key", "--tls-key", end);
}

int viva_plan_make(const struct viva_config *config, const char *log_format, struct viva_plan *ret_plan,
		   struct viva_error *error)
{
	_Static_assert(VIVA_COUNT(services) <= VIVA_PLAN_MAX_SERVICES, "the plan has room for each service");
	*ret_plan = (struct viva_plan){.has_tls = viva_config_text(config, "tls-certificate")};
	int status = given_ports(config, ret_plan, error);
	if (!status)
		status = reserve_ports(viva_config_text(config, "host"), ret_plan, error);
	if (!status)
		status = find_addresses(viva_config_text(config, "host"), ret_plan, error);
	for (size_t i = 0; i < ret_plan->count && !status; i++)
		make_arguments(config, log_format, ret_plan, &ret_plan->services[i]);
	if (status)
		viva_plan_finish(ret_plan);
	return status;
}

void viva_plan_finish(struct viva_plan *plan)
{
	while (plan->reserved_count > 0)
		close(plan->reserved[--plan->reserved_count]);
}
