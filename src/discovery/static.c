// SPDX-License-Identifier: Apache-2.0
//
// Instances that are written down: "static:emotion=h1:8081,h2:8081;scoring=[::1]:8082".
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "discovery/address.h"
#include "discovery/discovery_backend.h"

enum { MAX_ADDRESSES = 64 };

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

// The addresses of the service that is being read.
struct reading {
	char name[DISCOVERY_MAX_NAME + 1];
	char addresses[MAX_ADDRESSES][DISCOVERY_MAX_ADDRESS + 1];
	size_t count;
};

// Adds one "host:port" of `size` bytes.
static int add_address(struct reading *reading, const char *text, size_t size, struct viva_error *error)
{
	if (reading->count == MAX_ADDRESSES)
		return viva_fail(error, VIVA_EUSAGE, NULL, "%s has more than %d addresses", reading->name,
				 (int)MAX_ADDRESSES);
	char address[DISCOVERY_MAX_ADDRESS + 1];
	if (size > DISCOVERY_MAX_ADDRESS)
		return viva_fail(error, VIVA_EUSAGE, NULL, "an address of %s is too long", reading->name);
	memcpy(address, text, size);
	address[size] = '\0';

	char *colon = strrchr(address, ':');
	int64_t port = 0;
	if (!colon || colon[1] == '\0' || colon[1] == ']' || strchr(colon, ']'))
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.100s\" of %s has no port", address, reading->name);
	if (viva_parse_int64(colon + 1, 1, 65535, &port) < 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "the port of \"%.100s\" is not within 1 to 65535", address);
	int result = discovery_check_host(address, (size_t)(colon - address), error);
	if (result < 0)
		return result;
	memcpy(reading->addresses[reading->count++], address, size + 1);
	return 0;
}

static bool is_name(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!islower((unsigned char)text[i]) && text[i] != '-')
			return false;
	return size > 0 && size <= DISCOVERY_MAX_NAME;
}

static int keep(struct viva_discovery *discovery, const struct reading *reading, struct viva_error *error)
{
	size_t index = 0;
	bool is_new = false;
	int result = discovery_find_or_add(discovery, reading->name, &index, &is_new);
	if (result == VIVA_ELIMIT)
		return viva_fail(error, VIVA_EUSAGE, NULL, "more than %d services are named",
				 (int)DISCOVERY_MAX_SERVICES);
	if (result == 0 && !is_new)
		return viva_fail(error, VIVA_EUSAGE, NULL, "the service %s is named twice", reading->name);
	const char *addresses[MAX_ADDRESSES];
	for (size_t i = 0; i < reading->count; i++)
		addresses[i] = reading->addresses[i];
	if (result == 0)
		result = discovery_set(discovery, index, addresses, reading->count, NULL);
	return result < 0 ? viva_fail(error, result, NULL, "no memory for the services' addresses") : 0;
}

// Adds one "name=address,address" of `size` bytes.
static int add_service(struct viva_discovery *discovery, struct reading *reading, const char *text, size_t size,
		       struct viva_error *error)
{
	const char *equals = memchr(text, '=', size);
	if (!equals)
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.*s\" is not of the form name=host:port",
				 (int)VIVA_MIN(size, (size_t)100), text);
	size_t name_size = (size_t)(equals - text);
	if (!is_name(text, name_size))
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.*s\" is no service's name",
				 (int)VIVA_MIN(name_size, (size_t)100), text);
	memcpy(reading->name, text, name_size);
	reading->name[name_size] = '\0';
	reading->count = 0;

	const char *end = text + size;
	for (const char *start = equals + 1; start <= end;) {
		const char *comma = memchr(start, ',', (size_t)(end - start));
		const char *stop = comma ? comma : end;
		int result = add_address(reading, start, (size_t)(stop - start), error);
		if (result < 0)
			return result;
		start = stop + 1;
	}
	return keep(discovery, reading, error);
}

static int parse(struct viva_discovery *discovery, struct reading *reading, const char *list, struct viva_error *error)
{
	while (*list) {
		size_t size = strcspn(list, ";");
		int result = size > 0 ? add_service(discovery, reading, list, size, error) : 0;
		if (result < 0)
			return result;
		list += size;
		list += *list == ';';
	}
	for (size_t i = 0; i < VIVA_COUNT(defaults); i++) {
		size_t index = 0;
		bool is_new = false;
		if (discovery_find_or_add(discovery, defaults[i].service, &index, &is_new) == 0 && is_new &&
		    discovery_set(discovery, index, &defaults[i].address, 1, NULL) < 0)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");
	}
	return 0;
}

static void destroy(struct viva_discovery *discovery)
{
	discovery_finish(discovery);
	free(discovery);
}

static int open_static(const struct viva_discovery_options *options, struct viva_discovery **ret_discovery,
		       struct viva_error *error)
{
	struct viva_discovery *discovery = calloc(1, sizeof *discovery);
	VIVA_AUTO_FREE struct reading *reading = calloc(1, sizeof *reading);
	if (!discovery || !reading) {
		free(discovery);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the services' addresses");
	}
	discovery_init(discovery, &discovery_static);
	int result = parse(discovery, reading, options->url + strlen(scheme), error);
	if (result < 0) {
		destroy(discovery);
		return result;
	}
	*ret_discovery = discovery;
	return 0;
}

const struct discovery_backend discovery_static = {.scheme = scheme, .open = open_static, .destroy = destroy};
