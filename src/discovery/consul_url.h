// SPDX-License-Identifier: Apache-2.0
//
// What "consul://host:port?…" says. Internal to discovery/.
//
// Threads: any; nothing blocks.
#ifndef VIVA_DISCOVERY_CONSUL_URL_H
#define VIVA_DISCOVERY_CONSUL_URL_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/macros.h"
#include "discovery/address.h"

enum { CONSUL_MAX_TOKEN = 256, CONSUL_MAX_DATACENTER = 64 };

struct consul_url {
	char base[DISCOVERY_MAX_ADDRESS + 16];  // "http://127.0.0.1:8500"
	char token[CONSUL_MAX_TOKEN + 1];       // "" = none
	char datacenter[CONSUL_MAX_DATACENTER + 1];
	char ca_file[PATH_MAX];
	bool is_stale_allowed;
};

// VIVA_EUSAGE with a sentence that never holds the token.
VIVA_MUST_CHECK int consul_url_parse(const char *url, struct consul_url *ret_url, struct viva_error *error);
// "" is fine. VIVA_EUSAGE.
VIVA_MUST_CHECK int consul_token_check(const char *token, struct viva_error *error);

#endif
