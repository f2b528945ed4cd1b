// SPDX-License-Identifier: Apache-2.0
//
// From a "host:port" address to the target string of a gRPC channel. Internal to rpc/.
//
// Threads: any; nothing blocks.
#ifndef VIVA_RPC_TARGET_H
#define VIVA_RPC_TARGET_H

#include "base/error.h"
#include "base/macros.h"

// "ipv4:127.0.0.1:1", "ipv6:%5B::1%5D:1", or "dns:///host:port" for a name, which gRPC looks up, again when it fails,
// and whose addresses it uses in turn. *ret_target is for free(). VIVA_EINVAL (it is named), VIVA_ENOMEM.
VIVA_MUST_CHECK int rpc_target_create(const char *address, char **ret_target, struct viva_error *error);

#endif
