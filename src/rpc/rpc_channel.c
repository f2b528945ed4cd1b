// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_channel.h"

#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rpc/rpc_core.h"
#include "rpc/rpc_target.h"

enum {
	FIRST_BACKOFF_MS = 100,
	MAX_BACKOFF_MS = 2000,       // without calls; a call that finds nobody makes it shorter:
	HURRY_INTERVAL_US = 150000,  // so often at most
	CONNECT_TIMEOUT_MS = 2000,
	KEEPALIVE_MS = 10000,
	KEEPALIVE_TIMEOUT_MS = 5000,
};

struct rpc_channel {
	grpc_channel *core;
	_Atomic int64_t hurried_us;
};

static grpc_channel *create_core_channel(const char *target, size_t max_message_bytes)
{
	grpc_arg args[] = {
		// Within one instance: a host name may have several addresses. It also reconnects without being asked
		// to.
		rpc_text_arg(GRPC_ARG_SERVICE_CONFIG, "{\"loadBalancingConfig\":[{\"round_robin\":{}}]}"),
		rpc_int_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
		rpc_text_arg(GRPC_ARG_PRIMARY_USER_AGENT_STRING, "viva/" VIVA_VERSION),
		rpc_int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),  // services of one platform are not behind the web's proxy
		rpc_int_arg(GRPC_ARG_ENABLE_RETRIES, 0),     // src/resilience decides about those
		rpc_int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)max_message_bytes),
		rpc_int_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
		rpc_int_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
		rpc_int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, FIRST_BACKOFF_MS),
		rpc_int_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),  // in truth the connect timeout
		rpc_int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, MAX_BACKOFF_MS),
		rpc_int_arg(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000),
		rpc_int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
		rpc_int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
		rpc_int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
	};
	grpc_channel_args channel_args = {.num_args = VIVA_COUNT(args), .args = args};
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	grpc_channel *core = grpc_channel_create(target, credentials, &channel_args);
	grpc_channel_credentials_release(credentials);
	return core;
}

static int create_channel(void *owner, const char *address, void **ret_context)
{
	const struct rpc_channel_settings *settings = owner;
	VIVA_AUTO_FREE char *target = NULL;
	int result = rpc_target_create(address, &target, NULL);
	if (result < 0)
		return result;
	struct rpc_channel *channel = calloc(1, sizeof *channel);
	if (!channel)
		return VIVA_ENOMEM;
	channel->core = create_core_channel(target, settings->max_message_bytes);
	grpc_channel_check_connectivity_state(channel->core, 1);  // starts to connect
	*ret_context = channel;
	return 0;
}

static void destroy_channel(void *owner, void *context)
{
	(void)owner;
	struct rpc_channel *channel = context;
	grpc_channel_destroy(channel->core);
	free(channel);
}

static enum viva_readiness readiness_of(void *context)
{
	const struct rpc_channel *channel = context;
	switch (grpc_channel_check_connectivity_state(channel->core, 1)) {
	case GRPC_CHANNEL_READY:
		return VIVA_MEMBER_READY;
	case GRPC_CHANNEL_IDLE:
	case GRPC_CHANNEL_CONNECTING:
		return VIVA_MEMBER_CONNECTING;
	case GRPC_CHANNEL_TRANSIENT_FAILURE:
	case GRPC_CHANNEL_SHUTDOWN:
		break;
	}
	return VIVA_MEMBER_FAILING;
}

const struct viva_member_hooks rpc_channel_hooks = {create_channel, destroy_channel, readiness_of};

grpc_channel *rpc_channel_core(const struct rpc_channel *channel)
{
	return channel->core;
}

void rpc_channel_hurry(struct rpc_channel *channel)
{
	int64_t now_us = rpc_now_us();
	int64_t hurried_us = atomic_load(&channel->hurried_us);
	if (now_us - hurried_us >= HURRY_INTERVAL_US &&
	    atomic_compare_exchange_strong(&channel->hurried_us, &hurried_us, now_us))
		grpc_channel_reset_connect_backoff(channel->core);
}
