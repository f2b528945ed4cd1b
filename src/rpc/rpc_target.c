// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MAX_HOST = 253 };

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

struct address {
	enum host_kind kind;
	char host[MAX_HOST + 1];  // without brackets
	int port;
};

static bool is_host_name(const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
			return false;
	return host[0] != '\0' && host[0] != '-';
}

static int parse(const char *text, struct address *ret_address)
{
	const char *colon = strrchr(text, ':');
	int64_t port = 0;
	if (!colon || viva_parse_int64(colon + 1, 1, 65535, &port) < 0)
		return VIVA_EINVAL;
	bool is_bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
	const char *host = is_bracketed ? text + 1 : text;
	size_t size = (size_t)(colon - host) - (is_bracketed ? 1 : 0);
	if (size == 0 || size > MAX_HOST)
		return VIVA_EINVAL;

	struct address address = {.port = (int)port};
	memcpy(address.host, host, size);
	struct in6_addr binary;
	if (is_bracketed && inet_pton(AF_INET6, address.host, &binary) == 1)
		address.kind = HOST_IPV6;
	else if (is_bracketed)
		return VIVA_EINVAL;
	else if (inet_pton(AF_INET, address.host, &binary) == 1)
		address.kind = HOST_IPV4;
	else if (is_host_name(address.host))
		address.kind = HOST_NAME;
	else
		return VIVA_EINVAL;
	*ret_address = address;
	return 0;
}

int rpc_target_create(const char *address, char **ret_target, struct viva_error *error)
{
	struct address parsed;
	if (parse(address, &parsed) < 0)
		return viva_fail(error, VIVA_EINVAL, NULL, "\"%.100s\" is not an address (host:port)", address);
	// The target is a URI (RFC 3986), whose path knows no bare brackets.
	enum { ROOM = MAX_HOST + 32 };
	char *target = malloc(ROOM);
	if (!target)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the service's addresses");
	switch (parsed.kind) {
	case HOST_NAME:
		snprintf(target, ROOM, "dns:///%s:%d", parsed.host, parsed.port);
		break;
	case HOST_IPV4:
		snprintf(target, ROOM, "ipv4:%s:%d", parsed.host, parsed.port);
		break;
	case HOST_IPV6:
		snprintf(target, ROOM, "ipv6:%%5B%s%%5D:%d", parsed.host, parsed.port);
		break;
	}
	*ret_target = target;
	return 0;
}
