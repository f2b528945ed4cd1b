// SPDX-License-Identifier: Apache-2.0
//
// Instances that are written down: "static:emotion=h1:8081,h2:8081;scoring=[::1]:8082".
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "discovery/discovery.h"

enum { MAX_URL = 16384, MAX_SERVICES = 16, MAX_ADDRESSES = 64, MAX_NAME = 32, MAX_HOST = 253, MAX_ADDRESS = 263 };

static const char scheme[] = "static:";

// What an unnamed service has: the platform's default ports on this machine.
static const struct {
	const char *service;
	const char *address;
} defaults[] = {
	{"gateway", "127.0.0.1:8000"},  // contract §1
	{"interview", "127.0.0.1:8080"}, {"emotion", "127.0.0.1:8081"},
	{"scoring", "127.0.0.1:8082"},   {"worker", "127.0.0.1:8083"},
};

struct service {
	char name[MAX_NAME + 1];
	char addresses[MAX_ADDRESSES][MAX_ADDRESS + 1];
	size_t count;
};

struct viva_discovery {
	struct service services[MAX_SERVICES];
	size_t count;
};

static const struct service *find(const struct viva_discovery *discovery, const char *name)
{
	for (size_t i = 0; i < discovery->count; i++)
		if (strcmp(discovery->services[i].name, name) == 0)
			return &discovery->services[i];
	return NULL;
}

static bool is_host_name(const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
			return false;
	return host[0] != '\0' && host[0] != '-';
}

static int check_host(const char *text, size_t size, struct viva_error *error)
{
	char host[MAX_HOST + 1];
	bool is_bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
	const char *start = is_bracketed ? text + 1 : text;
	size_t length = is_bracketed ? size - 2 : size;
	if (length == 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "a host is missing");
	if (length > MAX_HOST)
		return viva_fail(error, VIVA_EUSAGE, NULL, "a host name is longer than %d bytes", (int)MAX_HOST);
	memcpy(host, start, length);
	host[length] = '\0';

	struct in6_addr binary;
	if (is_bracketed ? inet_pton(AF_INET6, host, &binary) == 1 : is_host_name(host))
		return 0;
	if (!is_bracketed && inet_pton(AF_INET6, host, &binary) == 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "the IPv6 address %s must stand in brackets", host);
	return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.100s\" is neither a host name nor an address", host);
}

// Adds one "host:port" of `size` bytes.
static int add_address(struct service *service, const char *text, size_t size, struct viva_error *error)
{
	if (service->count == MAX_ADDRESSES)
		return viva_fail(error, VIVA_EUSAGE, NULL, "%s has more than %d addresses", service->name,
				 (int)MAX_ADDRESSES);
	char address[MAX_ADDRESS + 1];
	if (size > MAX_ADDRESS)
		return viva_fail(error, VIVA_EUSAGE, NULL, "an address of %s is too long", service->name);
	memcpy(address, text, size);
	address[size] = '\0';

	char *colon = strrchr(address, ':');
	int64_t port = 0;
	if (!colon || colon[1] == '\0' || colon[1] == ']' || strchr(colon, ']'))
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.100s\" of %s has no port", address, service->name);
	if (viva_parse_int64(colon + 1, 1, 65535, &port) < 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "the port of \"%.100s\" is not within 1 to 65535", address);
	int result = check_host(address, (size_t)(colon - address), error);
	if (result < 0)
		return result;
	memcpy(service->addresses[service->count++], address, size + 1);
	return 0;
}

static bool is_name(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!islower((unsigned char)text[i]) && text[i] != '-')
			return false;
	return size > 0 && size <= MAX_NAME;
}

// Adds one "name=address,address" of `size` bytes.
static int add_service(struct viva_discovery *discovery, const char *text, size_t size, struct viva_error *error)
{
	const char *equals = memchr(text, '=', size);
	if (!equals)
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.*s\" is not of the form name=host:port",
				 (int)VIVA_MIN(size, (size_t)100), text);
	size_t name_size = (size_t)(equals - text);
	if (!is_name(text, name_size))
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.*s\" is no service's name",
				 (int)VIVA_MIN(name_size, (size_t)100), text);
	if (discovery->count == MAX_SERVICES)
		return viva_fail(error, VIVA_EUSAGE, NULL, "more than %d services are named", (int)MAX_SERVICES);

	struct service *service = &discovery->services[discovery->count];
	memcpy(service->name, text, name_size);
	if (find(discovery, service->name))
		return viva_fail(error, VIVA_EUSAGE, NULL, "the service %s is named twice", service->name);
	discovery->count++;

	const char *end = text + size;
	for (const char *start = equals + 1; start <= end;) {
		const char *comma = memchr(start, ',', (size_t)(end - start));
		const char *stop = comma ? comma : end;
		int result = add_address(service, start, (size_t)(stop - start), error);
		if (result < 0)
			return result;
		start = stop + 1;
	}
	return 0;
}

static int parse(struct viva_discovery *discovery, const char *list, struct viva_error *error)
{
	while (*list) {
		size_t size = strcspn(list, ";");
		int result = size > 0 ? add_service(discovery, list, size, error) : 0;
		if (result < 0)
			return result;
		list += size;
		list += *list == ';';
	}
	for (size_t i = 0; i < VIVA_COUNT(defaults); i++) {
		if (find(discovery, defaults[i].service) || discovery->count == MAX_SERVICES)
			continue;
		struct service *service = &discovery->services[discovery->count++];
		strcpy(service->name, defaults[i].service);
		strcpy(service->addresses[service->count++], defaults[i].address);
	}
	return 0;
}

int viva_discovery_open(const char *url, struct viva_discovery **ret_discovery, struct viva_error *error)
{
	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return viva_fail(error, VIVA_EUSAGE, "discovery-url", "\"%.*s\" is no kind of discovery (there is %s)",
				 (int)VIVA_MIN(strcspn(url, ":"), (size_t)32), url, scheme);
	if (strlen(url) > MAX_URL)
		return viva_fail(error, VIVA_EUSAGE, "discovery-url", "the discovery URL is longer than %d bytes",
				 (int)MAX_URL);
	VIVA_AUTO(viva_discovery) discovery = calloc(1, sizeof *discovery);
	if (!discovery)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");

	struct viva_error cause = {0};
	int result = parse(discovery, url + strlen(scheme), &cause);
	if (result < 0)
		return viva_fail(error, result, "discovery-url", "%s", cause.message);
	*ret_discovery = viva_take(&discovery);
	return 0;
}

struct viva_discovery *viva_discovery_destroy(struct viva_discovery *discovery)
{
	free(discovery);
	return NULL;
}

int viva_discovery_addresses(struct viva_discovery *discovery, const char *service, struct viva_arena *arena,
			     const char *const **ret_addresses, size_t *ret_count, struct viva_error *error)
{
	const struct service *found = find(discovery, service);
	if (!found)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "no address of the %s service is known", service);
	const char **addresses = viva_arena_alloc(arena, found->count * sizeof *addresses);
	if (!addresses)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");
	for (size_t i = 0; i < found->count; i++) {
		addresses[i] = viva_arena_text(arena, found->addresses[i], strlen(found->addresses[i]));
		if (!addresses[i])
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");
	}
	*ret_addresses = addresses;
	*ret_count = found->count;
	return 0;
}
