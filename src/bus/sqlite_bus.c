// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite_engine.h"

enum { READERS = 3 };  // the engine's, a listener's, an operator's

// ---- queues and keys

const struct sqlite_bus_queue *sqlite_bus_find_queue(const struct sqlite_bus *bus, enum viva_bus_queue kind,
						     const char *session_id)
{
	size_t partition = 0;
	if (viva_bus_bindings[kind].is_partitioned)
		partition = viva_bus_partition(session_id, bus->bus.options.frame_partitions);
	for (size_t i = 0; i < bus->queue_count; i++)
		if (bus->queues[i].kind == kind)
			return &bus->queues[i + partition];
	return NULL;
}

const struct sqlite_bus_queue *sqlite_bus_queue_by_id(const struct sqlite_bus *bus, int64_t id)
{
	for (size_t i = 0; i < bus->queue_count; i++)
		if (bus->queues[i].id == id)
			return &bus->queues[i];
	return NULL;
}

void sqlite_bus_add_news(struct viva_peer_news *news, const struct sqlite_bus_queue *queue)
{
	news->queues |= UINT32_C(1) << queue->kind;
	if (viva_bus_bindings[queue->kind].is_partitioned)
		news->partitions |= UINT64_C(1) << queue->partition;
}

// ---- opening

static int open_store(struct sqlite_bus *bus, const char *url, struct viva_error *error)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = url;
	options.service = "bus";
	options.migrations = sqlite_bus_migrations;
	options.migration_count = sqlite_bus_migration_count;
	options.readers = READERS;
	options.can_shrink = true;
	struct viva_error reason = {0};
	int status = viva_store_open(&options, &bus->store, &reason);
	// The store knows nothing of whose URL it is.
	if (status == VIVA_EINVAL)
		return viva_fail(error, VIVA_EUSAGE, "bus-url", "%s", viva_error_message(&reason));
	return status ? viva_fail(error, status, "bus-url", "%s", viva_error_message(&reason)) : 0;
}

static int open_peers(struct sqlite_bus *bus, const char *path, struct viva_error *error)
{
	VIVA_AUTO_FREE char *peers_path = NULL;
	if (asprintf(&peers_path, "%s-peers", path) < 0) {
		peers_path = NULL;
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	}
	const char *slash = strrchr(path, '/');
	bus->folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!bus->folder)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	int status = viva_peers_open(peers_path, bus->bus.options.clock, &bus->peers, error);
	if (!status && !bus->bus.options.is_operator)
		status = viva_peers_check_partitions(bus->peers, bus->bus.options.frame_partitions, error);
	return status;
}

static void destroy(struct viva_bus *base)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	sqlite_bus_engine_stop(bus->engine);
	viva_peers_destroy(bus->peers);
	viva_store_destroy(bus->store);
	pthread_mutex_destroy(&bus->lock);
	pthread_cond_destroy(&bus->window_moved);
	pthread_mutex_destroy(&bus->window_lock);
	free(bus->folder);
	free(bus);
}

static int open_bus(const struct viva_bus_options *options, struct viva_bus **ret_bus, struct viva_error *error)
{
	struct sqlite_bus *bus = calloc(1, sizeof *bus);
	if (!bus)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	viva_bus_init(&bus->bus, &viva_bus_sqlite, options);
	pthread_mutex_init(&bus->lock, NULL);
	pthread_cond_init(&bus->window_moved, NULL);
	pthread_mutex_init(&bus->window_lock, NULL);
	int status = open_store(bus, options->url, error);
	if (!status)
		status = open_peers(bus, strchr(options->url, ':') + 1, error);
	if (!status)
		status = sqlite_bus_load_queues(bus, error);
	if (status) {
		destroy(&bus->bus);
		return status;
	}
	*ret_bus = &bus->bus;
	return 0;
}

// ---- health

static int check_engine(struct sqlite_bus *bus, struct viva_error *error)
{
	struct viva_error trouble = {0};
	pthread_mutex_lock(&bus->lock);
	if (bus->engine)
		trouble = bus->engine->trouble;
	pthread_mutex_unlock(&bus->lock);
	if (trouble.code)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the bus can't work: %s",
				 viva_error_message(&trouble));
	return 0;
}

static int ping(struct viva_bus *base, struct viva_error *error)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	struct viva_error reason = {0};
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "no memory to look at the bus");
	if (viva_store_query(bus->store, arena, "SELECT stored_bytes FROM bus_state", NULL, 0, &rows, &reason))
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the bus can't be read: %s",
				 viva_error_message(&reason));
	if (viva_rows_int(&rows, 0, 0) + SQLITE_BUS_ROW_BYTES > bus->bus.options.max_stored_bytes)
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the bus is full");
	int status = sqlite_bus_check_space(bus, 0, error);
	return status ? status : check_engine(bus, error);
}

const struct viva_bus_backend viva_bus_sqlite = {
	.schemes = {"sqlite", NULL},
	.open = open_bus,
	.destroy = destroy,
	.publish = sqlite_bus_publish,
	.consume = sqlite_bus_consume,
	.consumer_stop = sqlite_bus_consumer_stop,
	.consumer_destroy = sqlite_bus_consumer_destroy,
	.settle = sqlite_bus_settle,
	.listen = sqlite_bus_listen,
	.listener_destroy = sqlite_bus_listener_destroy,
	.listeners = sqlite_bus_listeners,
	.ping = ping,
	.queues = sqlite_bus_queues,
	.visit_dead_letters = sqlite_bus_visit_dead_letters,
};
