// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/text.h"

enum { MAX_HOST = 253, MAX_TARGET = 64 << 10, MAX_RESOLVED = 8 };

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

struct address {
	enum host_kind kind;
	char host[MAX_HOST + 1];  // without brackets
	int port;
};

struct endpoints {
	struct address *items;
	size_t count;
	size_t capacity;
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

static int add(struct endpoints *endpoints, const struct address *address)
{
	if (endpoints->count == endpoints->capacity)
		return VIVA_ENOMEM;
	endpoints->items[endpoints->count++] = *address;
	return 0;
}

// A name that is not known (now) is left out: the others serve.
static int add_resolved(struct endpoints *endpoints, const struct address *name)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	if (getaddrinfo(name->host, NULL, &hints, &found) != 0)
		return 0;
	int result = 0;
	int taken = 0;
	for (const struct addrinfo *i = found; i && taken < MAX_RESOLVED && result == 0; i = i->ai_next, taken++) {
		struct address address = {.kind = i->ai_family == AF_INET6 ? HOST_IPV6 : HOST_IPV4, .port = name->port};
		if (getnameinfo(i->ai_addr, i->ai_addrlen, address.host, sizeof address.host, NULL, 0,
				NI_NUMERICHOST) == 0 &&
		    !strchr(address.host, '%'))
			result = add(endpoints, &address);
	}
	freeaddrinfo(found);
	return result;
}

static int compare(const void *a, const void *b)
{
	const struct address *left = a;
	const struct address *right = b;
	int order = strcmp(left->host, right->host);
	return order != 0 ? order : (left->port > right->port) - (left->port < right->port);
}

static int append(struct viva_buffer *target, const struct address *address, bool as_ipv6)
{
	if (target->size > 0) {
		int result = viva_buffer_append_text(target, ",");
		if (result < 0)
			return result;
	}
	if (!as_ipv6)
		return viva_buffer_printf(target, "%s:%d", address->host, address->port);
	// The target is a URI (RFC 3986), whose path knows no bare brackets.
	return viva_buffer_printf(target, "%%5B%s%s%%5D:%d", address->kind == HOST_IPV4 ? "::ffff:" : "", address->host,
				  address->port);
}

static int write_target(struct endpoints *endpoints, char **ret_target)
{
	bool as_ipv6 = false;
	for (size_t i = 0; i < endpoints->count; i++)
		as_ipv6 |= endpoints->items[i].kind == HOST_IPV6;
	qsort(endpoints->items, endpoints->count, sizeof *endpoints->items, compare);

	struct viva_buffer list;
	viva_buffer_init(&list, MAX_TARGET);
	int result = 0;
	for (size_t i = 0; i < endpoints->count && result == 0; i++)
		if (i == 0 || compare(&endpoints->items[i], &endpoints->items[i - 1]) != 0)
			result = append(&list, &endpoints->items[i], as_ipv6);
	if (result == 0 &&
	    asprintf(ret_target, "%s:%.*s", as_ipv6 ? "ipv6" : "ipv4", (int)list.size, (const char *)list.data) < 0)
		result = VIVA_ENOMEM;
	viva_buffer_finish(&list);
	return result;
}

static int parse_all(const char *const *addresses, size_t count, struct endpoints *endpoints, char **ret_target,
		     struct viva_error *error)
{
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		struct address address;
		if (parse(addresses[i], &address) < 0)
			return viva_fail(error, VIVA_EINVAL, NULL, "\"%.100s\" is not an address (host:port)",
					 addresses[i]);
		if (address.kind == HOST_NAME && count == 1)
			return asprintf(ret_target, "dns:///%s:%d", address.host, address.port) < 0 ? VIVA_ENOMEM : 0;
		result = address.kind == HOST_NAME ? add_resolved(endpoints, &address) : add(endpoints, &address);
	}
	if (result < 0)
		return viva_fail(error, result, NULL, "no memory for the service's addresses");
	if (endpoints->count == 0)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "none of the service's host names is known");
	result = write_target(endpoints, ret_target);
	return result < 0 ? viva_fail(error, result, NULL, "no memory for the service's addresses") : 0;
}

int rpc_target_create(const char *const *addresses, size_t count, char **ret_target, struct viva_error *error)
{
	if (count == 0 || count > RPC_MAX_ADDRESSES)
		return viva_fail(error, VIVA_EINVAL, NULL, "a service needs 1 to %d addresses", (int)RPC_MAX_ADDRESSES);
	struct endpoints endpoints = {.capacity = count * MAX_RESOLVED};
	endpoints.items = calloc(endpoints.capacity, sizeof *endpoints.items);
	if (!endpoints.items)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the service's addresses");
	int result = parse_all(addresses, count, &endpoints, ret_target, error);
	free(endpoints.items);
	return result;
}
