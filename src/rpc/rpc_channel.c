// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_channel.h"

#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rpc/rpc_core.h"

enum {
	FIRST_BACKOFF_MS = 100,
	MAX_BACKOFF_MS = 2000,       // without calls; a call that finds nobody makes it shorter:
	HURRY_INTERVAL_US = 150000,  // so often at most
	CONNECT_TIMEOUT_MS = 2000,
	KEEPALIVE_MS = 10000,
	KEEPALIVE_TIMEOUT_MS = 5000,
	WATCH_MS = 200,               // a watch ends by itself after this, so that destroy need not wait longer
	MAX_CONNECTING_US = 5000000,  // after this the new addresses are used whether they answer or not
};

struct rpc_channel {
	struct rpc_channels *owner;
	grpc_channel *core;
	char *target;
	struct rpc_tag on_change;
	int64_t born_us;
	size_t users;  // calls; all from here on guarded by owner->mutex
	bool is_watched;
	bool is_retired;  // goes when its last user went
};

struct rpc_channels {
	grpc_completion_queue *queue;
	size_t max_message_bytes;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct rpc_channel *current;
	struct rpc_channel *next;  // is connecting
	size_t alive;
	int64_t hurried_us;
};

static grpc_channel *create_core_channel(const char *target, size_t max_message_bytes)
{
	grpc_arg args[] = {
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

static void on_change(struct rpc_tag *tag, bool is_ok);

static struct rpc_channel *create_channel(struct rpc_channels *owner, const char *target)
{
	struct rpc_channel *channel = calloc(1, sizeof *channel);
	char *copy = strdup(target);
	if (!channel || !copy) {
		free(channel);
		free(copy);
		return NULL;
	}
	channel->owner = owner;
	channel->target = copy;
	channel->on_change.on_event = on_change;
	channel->born_us = rpc_now_us();
	channel->core = create_core_channel(target, owner->max_message_bytes);
	grpc_channel_check_connectivity_state(channel->core, 1);  // starts to connect
	return channel;
}

static void free_channel(struct rpc_channel *channel)
{
	grpc_channel_destroy(channel->core);
	free(channel->target);
	free(channel);
}

// Frees the channel if nobody needs it any more.
static void reap_locked(struct rpc_channel *channel)
{
	struct rpc_channels *owner = channel->owner;
	if (!channel->is_retired || channel->users > 0 || channel->is_watched)
		return;
	free_channel(channel);
	owner->alive--;
	pthread_cond_broadcast(&owner->changed);
}

static void retire_locked(struct rpc_channel *channel)
{
	channel->is_retired = true;
	reap_locked(channel);
}

static void watch_locked(struct rpc_channel *channel, grpc_connectivity_state seen)
{
	channel->is_watched = true;
	rpc_tag_is_handed_over(&channel->on_change);
	grpc_channel_watch_connectivity_state(channel->core, seen, rpc_timespec_of_us(rpc_now_us() + WATCH_MS * 1000),
					      channel->owner->queue, &channel->on_change);
}

static bool is_ready(const struct rpc_channel *channel)
{
	return grpc_channel_check_connectivity_state(channel->core, 0) == GRPC_CHANNEL_READY;
}

// Swaps to `next` when it can serve, or when waiting for it has no point.
static void advance_locked(struct rpc_channels *channels)
{
	struct rpc_channel *next = channels->next;
	grpc_connectivity_state state = grpc_channel_check_connectivity_state(next->core, 1);
	bool is_late = rpc_now_us() - next->born_us > MAX_CONNECTING_US;
	if (state != GRPC_CHANNEL_READY && !is_late && is_ready(channels->current)) {
		watch_locked(next, state);
		return;
	}
	struct rpc_channel *old = channels->current;
	channels->current = next;
	channels->next = NULL;
	retire_locked(old);
}

static void on_change(struct rpc_tag *tag, bool is_ok)
{
	struct rpc_channel *channel = rpc_owner_of(tag, struct rpc_channel, on_change);
	struct rpc_channels *owner = channel->owner;
	(void)is_ok;  // false: the watch's time is over; the next one begins

	pthread_mutex_lock(&owner->mutex);
	channel->is_watched = false;
	if (channel == owner->next)
		advance_locked(owner);
	else
		reap_locked(channel);
	pthread_mutex_unlock(&owner->mutex);
}

int rpc_channels_create(const char *target, size_t max_message_bytes, grpc_completion_queue *queue,
			struct rpc_channels **ret_channels)
{
	struct rpc_channels *channels = calloc(1, sizeof *channels);
	if (!channels)
		return VIVA_ENOMEM;
	channels->queue = queue;
	channels->max_message_bytes = max_message_bytes;
	channels->current = create_channel(channels, target);
	if (!channels->current) {
		free(channels);
		return VIVA_ENOMEM;
	}
	channels->alive = 1;
	pthread_mutex_init(&channels->mutex, NULL);
	pthread_cond_init(&channels->changed, NULL);
	*ret_channels = channels;
	return 0;
}

struct rpc_channels *rpc_channels_destroy(struct rpc_channels *channels)
{
	if (!channels)
		return NULL;
	pthread_mutex_lock(&channels->mutex);
	struct rpc_channel *next = viva_take(&channels->next);
	if (next)
		retire_locked(next);
	retire_locked(viva_take(&channels->current));
	while (channels->alive > 0)
		pthread_cond_wait(&channels->changed, &channels->mutex);
	pthread_mutex_unlock(&channels->mutex);
	pthread_cond_destroy(&channels->changed);
	pthread_mutex_destroy(&channels->mutex);
	free(channels);
	return NULL;
}

static int move_locked(struct rpc_channels *channels, const char *target)
{
	struct rpc_channel *discarded = channels->next;
	if (strcmp((discarded ? discarded : channels->current)->target, target) == 0)
		return 0;

	struct rpc_channel *fresh = NULL;
	bool is_return = strcmp(channels->current->target, target) == 0;  // back to where we still are
	if (!is_return) {
		fresh = create_channel(channels, target);
		if (!fresh)
			return VIVA_ENOMEM;
		channels->alive++;
	}
	channels->next = fresh;
	if (discarded)
		retire_locked(discarded);
	if (fresh)
		advance_locked(channels);
	return 0;
}

int rpc_channels_move(struct rpc_channels *channels, const char *target)
{
	pthread_mutex_lock(&channels->mutex);
	int result = move_locked(channels, target);
	pthread_mutex_unlock(&channels->mutex);
	return result;
}

struct rpc_channel *rpc_channels_take(struct rpc_channels *channels)
{
	pthread_mutex_lock(&channels->mutex);
	struct rpc_channel *channel = channels->current;
	channel->users++;
	pthread_mutex_unlock(&channels->mutex);
	return channel;
}

void rpc_channels_give_back(struct rpc_channels *channels, struct rpc_channel *channel)
{
	pthread_mutex_lock(&channels->mutex);
	channel->users--;
	reap_locked(channel);
	pthread_mutex_unlock(&channels->mutex);
}

grpc_channel *rpc_channel_core(const struct rpc_channel *channel)
{
	return channel->core;
}

void rpc_channels_hurry(struct rpc_channels *channels, struct rpc_channel *channel)
{
	int64_t now_us = rpc_now_us();
	pthread_mutex_lock(&channels->mutex);
	bool is_due = now_us - channels->hurried_us >= HURRY_INTERVAL_US;
	if (is_due)
		channels->hurried_us = now_us;
	pthread_mutex_unlock(&channels->mutex);
	if (is_due)
		grpc_channel_reset_connect_backoff(channel->core);
}
