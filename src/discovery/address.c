// SPDX-License-Identifier: Apache-2.0
#include "discovery/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool discovery_is_host_name(const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
			return false;
	return host[0] != '\0' && host[0] != '-';
}

bool discovery_is_ipv6(const char *host)
{
	struct in6_addr binary;
	return inet_pton(AF_INET6, host, &binary) == 1;
}

int discovery_check_host(const char *text, size_t size, struct viva_error *error)
{
	char host[DISCOVERY_MAX_HOST + 1];
	bool is_bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
	const char *start = is_bracketed ? text + 1 : text;
	size_t length = is_bracketed ? size - 2 : size;
	if (length == 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "a host is missing");
	if (length > DISCOVERY_MAX_HOST)
		return viva_fail(error, VIVA_EUSAGE, NULL, "a host name is longer than %d bytes",
				 (int)DISCOVERY_MAX_HOST);
	memcpy(host, start, length);
	host[length] = '\0';

	if (is_bracketed ? discovery_is_ipv6(host) : discovery_is_host_name(host))
		return 0;
	if (!is_bracketed && discovery_is_ipv6(host))
		return viva_fail(error, VIVA_EUSAGE, NULL, "the IPv6 address %s must stand in brackets", host);
	return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.100s\" is neither a host name nor an address", host);
}

int discovery_write_address(const char *host, uint16_t port, char ret_address[DISCOVERY_MAX_ADDRESS + 1])
{
	bool is_ipv6 = discovery_is_ipv6(host);
	if (port == 0 || strlen(host) > DISCOVERY_MAX_HOST || (!is_ipv6 && !discovery_is_host_name(host)))
		return VIVA_EINVAL;
	snprintf(ret_address, DISCOVERY_MAX_ADDRESS + 1, is_ipv6 ? "[%s]:%u" : "%s:%u", host, port);
	return 0;
}
