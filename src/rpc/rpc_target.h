// SPDX-License-Identifier: Apache-2.0
//
// From "host:port" addresses to the target string of a gRPC channel. Internal to rpc/.
#ifndef VIVA_RPC_TARGET_H
#define VIVA_RPC_TARGET_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

enum { RPC_MAX_ADDRESSES = 256 };

// "ipv4:127.0.0.1:1,127.0.0.1:2" in the addresses' sorted order, so that equal sets give equal targets. One host name
// is left to gRPC ("dns:///host:port"), which looks it up again when it fails; several are looked up here and now,
// which may block. Where IPv4 and IPv6 meet, IPv4 is written as IPv6 (RFC 4291 §2.5.5.2). *ret_target is for free().
// VIVA_EINVAL (an address; it is named), VIVA_EUNAVAILABLE (no host name is known), VIVA_ENOMEM.
VIVA_MUST_CHECK int rpc_target_create(const char *const *addresses, size_t count, char **ret_target,
				      struct viva_error *error);

#endif
