// SPDX-License-Identifier: Apache-2.0
//
// The connections of a gRPC client: one channel over all addresses, exchanged for another while calls go on. Internal
// to rpc/.
//
// Threads: any; nothing blocks but destroy.
#ifndef VIVA_RPC_CHANNEL_H
#define VIVA_RPC_CHANNEL_H

#include <grpc/grpc.h>
#include <stddef.h>

#include "base/macros.h"

struct rpc_channel;
struct rpc_channels;

// `queue` must be polled until destroy has returned. The channels connect in the background. VIVA_ENOMEM.
VIVA_MUST_CHECK int rpc_channels_create(const char *target, size_t max_message_bytes, grpc_completion_queue *queue,
					struct rpc_channels **ret_channels);
// Blocks until no channel is watched any more (at most a quarter of a second). NULL is fine. Always NULL.
struct rpc_channels *rpc_channels_destroy(struct rpc_channels *channels);

// Moves to `target`: connects first, then swaps, then lets calls on the old channel end. The same target again changes
// nothing. VIVA_ENOMEM.
VIVA_MUST_CHECK int rpc_channels_move(struct rpc_channels *channels, const char *target);

// The channel for one call, kept alive until it is given back.
struct rpc_channel *rpc_channels_take(struct rpc_channels *channels);
void rpc_channels_give_back(struct rpc_channels *channels, struct rpc_channel *channel);
grpc_channel *rpc_channel_core(const struct rpc_channel *channel);

// A call found nobody: try to connect now rather than when the backoff ends.
void rpc_channels_hurry(struct rpc_channels *channels, struct rpc_channel *channel);

#endif
