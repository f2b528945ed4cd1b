// SPDX-License-Identifier: Apache-2.0
//
// The connection of a gRPC client to one instance, as a balancer's member keeps it. Internal to rpc/.
//
// Threads: any; nothing blocks. The client's completion queue must be polled as long as there is a channel: it is what
// connects and reconnects.
#ifndef VIVA_RPC_CHANNEL_H
#define VIVA_RPC_CHANNEL_H

#include <grpc/grpc.h>
#include <stddef.h>

#include "resilience/balancer.h"

struct rpc_channel;

// What the balancer gets as its owner.
struct rpc_channel_settings {
	size_t max_message_bytes;
};

extern const struct viva_member_hooks rpc_channel_hooks;

grpc_channel *rpc_channel_core(const struct rpc_channel *channel);
// A call found nobody there: try to connect now rather than when the backoff ends.
void rpc_channel_hurry(struct rpc_channel *channel);

#endif
