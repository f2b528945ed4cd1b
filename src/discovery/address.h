// SPDX-License-Identifier: Apache-2.0
//
// Addresses as they come from outside: what passes here may go into URLs, gRPC targets and nginx's configuration.
// Internal to discovery/.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_DISCOVERY_ADDRESS_H
#define VIVA_DISCOVERY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"

enum {
	DISCOVERY_MAX_HOST = 253,
	DISCOVERY_MAX_ADDRESS = DISCOVERY_MAX_HOST + 8,  // brackets, colon, port
};

bool discovery_is_host_name(const char *host);
bool discovery_is_ipv6(const char *host);  // without brackets

// Checks the `size` bytes of a host: a name, an IPv4 address, or an IPv6 address in brackets. VIVA_EUSAGE.
VIVA_MUST_CHECK int discovery_check_host(const char *text, size_t size, struct viva_error *error);

// "host:port" or "[v6]:port" of a host without brackets. VIVA_EINVAL.
VIVA_MUST_CHECK int discovery_write_address(const char *host, uint16_t port,
					    char ret_address[DISCOVERY_MAX_ADDRESS + 1]);

#endif
