// SPDX-License-Identifier: Apache-2.0
//
// The embedded bus's engine: the thread that looks for work when told to, and now and then by itself.
#include "bus/sqlite_engine.h"

#include <stdlib.h>
#include <string.h>

enum {
	POLL_US = 1000 * 1000,        // for what nobody told of: a publisher died between commit and telling
	RECOVER_EVERY = 10,           // polls, even if nobody seems lost
	IDLE_US = 2000 * 1000,        // without work: time to clean up
	SCRUB_US = 60 * 1000 * 1000,  // cleans up at the latest, under load
	FREE_PAGES = 1024,            // kept in the file for what comes next: 4 MiB
};

// ---- what there may be to do

// With the lock held.
static void mark_lanes(struct sqlite_bus *bus, const struct viva_peer_news *news)
{
	for (struct sqlite_bus_consumer *consumer = bus->consumers; consumer; consumer = consumer->next) {
		for (size_t i = 0; i < consumer->lane_count; i++) {
			struct sqlite_bus_lane *lane = &consumer->lanes[i];
			bool is_meant = news->queues & UINT32_C(1) << lane->queue->kind;
			if (viva_bus_bindings[lane->queue->kind].is_partitioned)
				is_meant = is_meant && (news->partitions & UINT64_C(1) << lane->queue->partition);
			if (!is_meant)
				continue;
			if (news->holders)
				lane->is_passive = false;
			lane->may_have_more = true;
		}
	}
}

static void take_news(struct sqlite_bus_engine *engine)
{
	struct viva_peer_news news = viva_peers_take_news(engine->bus->peers);
	if (!news.queues && !news.keys)
		return;
	pthread_mutex_lock(&engine->bus->lock);
	mark_lanes(engine->bus, &news);
	sqlite_bus_signal_listeners(engine->bus, news.keys);
	pthread_mutex_unlock(&engine->bus->lock);
}

static void find_next_due(struct sqlite_bus_engine *engine, struct viva_arena *arena)
{
	struct viva_rows rows = {0};
	if (viva_store_query(engine->bus->store, arena,
			     "SELECT (SELECT min(due_at) FROM bus_entries WHERE state = 2),"
			     " (SELECT max(due_at) FROM bus_entries WHERE state = 2)",
			     NULL, 0, &rows, NULL))
		return;
	int64_t now_ms = sqlite_bus_now_ms(engine->bus);
	engine->next_due_ms = viva_rows_is_null(&rows, 0, 0) ? INT64_MAX : viva_rows_int(&rows, 0, 0);
	if (viva_rows_int(&rows, 0, 1) > now_ms + sqlite_bus_max_pause_ms(engine->bus))
		engine->next_due_ms = now_ms;
}

// Adds the queue to the news if there is something in it for us.
static void peek(const struct sqlite_bus *bus, struct viva_arena *arena, const struct sqlite_bus_queue *queue,
		 struct viva_peer_news *news)
{
	struct viva_value id = viva_value_int(queue->id);
	struct viva_rows rows = {0};
	if (viva_store_query(bus->store, arena,
			     "SELECT holder, EXISTS (SELECT 1 FROM bus_entries WHERE queue = $1 AND state = 0)"
			     " FROM bus_queues WHERE id = $1",
			     &id, 1, &rows, NULL))
		return;
	int64_t holder = viva_rows_int(&rows, 0, 0);
	bool keeps_order = viva_bus_bindings[queue->kind].keeps_order;
	bool is_free = keeps_order && holder == 0;
	bool is_ours = !keeps_order || holder == bus->token;
	if (is_free || (is_ours && viva_rows_int(&rows, 0, 1)))
		sqlite_bus_add_news(news, queue);
}

// The kinds of queues that this process consumes, as bits.
static uint32_t consumed_kinds(struct sqlite_bus *bus)
{
	uint32_t kinds = 0;
	pthread_mutex_lock(&bus->lock);
	for (struct sqlite_bus_consumer *consumer = bus->consumers; consumer; consumer = consumer->next)
		kinds |= consumer->is_stopped ? 0 : UINT32_C(1) << consumer->consumer.subscription.queue;
	pthread_mutex_unlock(&bus->lock);
	return kinds;
}

// Looks without having been told, and without disturbing those who write. What fails is tried again at the next poll.
static void poll(struct sqlite_bus_engine *engine)
{
	struct sqlite_bus *bus = engine->bus;
	engine->next_poll_us = sqlite_bus_now_us() + POLL_US;
	engine->polls++;
	if (viva_peers_has_lost_any(bus->peers) || engine->polls % RECOVER_EVERY == 0)
		engine->must_recover = true;
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return;
	find_next_due(engine, arena);
	engine->has_deleted |= sqlite_bus_trim_log(bus, arena);
	uint32_t kinds = consumed_kinds(bus);
	struct viva_peer_news news = {.holders = true};
	for (size_t i = 0; i < bus->queue_count; i++)
		if (kinds & UINT32_C(1) << bus->queues[i].kind)
			peek(bus, arena, &bus->queues[i], &news);
	pthread_mutex_lock(&bus->lock);
	mark_lanes(bus, &news);
	sqlite_bus_signal_listeners(bus, UINT32_MAX);
	pthread_mutex_unlock(&bus->lock);
}

// ---- cleaning up

// Gives pages back that a burst left behind: all but some, or, while others want to write, a few. Whether it succeeded.
static bool shrink(struct sqlite_bus *bus, bool is_idle)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	if (viva_arena_create(0, &arena))
		return false;
	for (int64_t unused = INT64_MAX, before;;) {
		if (viva_store_query(bus->store, arena, "PRAGMA freelist_count", NULL, 0, &rows, NULL))
			return false;
		before = unused;
		unused = viva_rows_int(&rows, 0, 0);
		// An older file, which can't shrink, stays as it is.
		if (unused <= FREE_PAGES || unused >= before || (!is_idle && before != INT64_MAX))
			return true;
		if (viva_store_execute(bus->store, "PRAGMA incremental_vacuum(2048)", NULL, 0, NULL, NULL))
			return false;
	}
}

// What was deleted is overwritten in the file, but still readable in the WAL until that is emptied.
static void clean_up(struct sqlite_bus_engine *engine)
{
	int64_t now = sqlite_bus_now_us();
	bool is_idle = now - engine->last_work_us >= IDLE_US;
	if (!engine->has_deleted || now < engine->next_clean_up_us || (!is_idle && now < engine->next_scrub_us))
		return;
	engine->next_clean_up_us = now + IDLE_US;
	engine->next_scrub_us = now + SCRUB_US;
	if (shrink(engine->bus, is_idle) && viva_store_scrub(engine->bus->store, NULL) == 0)
		engine->has_deleted = false;
}

// ---- the thread

static int64_t wait_us(const struct sqlite_bus_engine *engine)
{
	int64_t wait_us = engine->next_poll_us - sqlite_bus_now_us();
	if (engine->failures > 0)
		wait_us = VIVA_MIN(wait_us, engine->not_before_us - sqlite_bus_now_us());
	else if (engine->next_due_ms != INT64_MAX)
		wait_us = VIVA_MIN(wait_us, (engine->next_due_ms - sqlite_bus_now_ms(engine->bus)) * 1000);
	return VIVA_MAX(wait_us, (int64_t)0);
}

static bool must_stop(struct sqlite_bus_engine *engine)
{
	pthread_mutex_lock(&engine->bus->lock);
	bool is_stopping = engine->is_stopping;
	pthread_mutex_unlock(&engine->bus->lock);
	return is_stopping;
}

static void *run_engine(void *context)
{
	struct sqlite_bus_engine *engine = context;
	while (!must_stop(engine)) {
		uint32_t ticket = viva_peers_ticket(engine->bus->peers);
		take_news(engine);
		if (sqlite_bus_now_us() >= engine->next_poll_us)
			poll(engine);
		bool was_busy = sqlite_bus_take_turn(engine);
		clean_up(engine);
		if (!was_busy)
			viva_peers_wait(engine->bus->peers, ticket, wait_us(engine));
	}
	if (engine->has_deleted)
		(void)!viva_store_scrub(engine->bus->store, NULL);
	return NULL;
}

// Tokens tell processes apart, so chance must be real.
static int64_t new_token(void)
{
	uint64_t token;
	viva_system_random()->fill(viva_system_random(), &token, sizeof token);
	return (int64_t)(token >> 1 | 1);
}

int sqlite_bus_engine_start(struct sqlite_bus *bus, struct viva_error *error)
{
	if (bus->engine)
		return 0;
	struct sqlite_bus_engine *engine = calloc(1, sizeof *engine);
	if (!engine)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	engine->bus = bus;
	engine->next_due_ms = INT64_MAX;
	engine->must_recover = true;
	engine->turns = viva_counter("viva_bus_turns_total", "", "Transactions of the embedded bus's engine");
	engine->failed_turns = viva_counter("viva_bus_failed_turns_total", "", "Those that failed, to be tried again");
	sqlite_bus_deliveries_init(&engine->settled);
	sqlite_bus_deliveries_init(&engine->spare);
	bus->token = new_token();
	int status = viva_peers_join(bus->peers, bus->token, bus->bus.options.frame_partitions, error);
	if (!status && pthread_create(&engine->thread, NULL, run_engine, engine)) {
		viva_peers_leave(bus->peers);
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the bus");
	}
	if (status) {
		free(engine);
		return status;
	}
	pthread_setname_np(engine->thread, "bus-engine");
	bus->engine = engine;
	return 0;
}

void sqlite_bus_engine_stop(struct sqlite_bus_engine *engine)
{
	if (!engine)
		return;
	pthread_mutex_lock(&engine->bus->lock);
	engine->is_stopping = true;
	pthread_mutex_unlock(&engine->bus->lock);
	viva_peers_wake(engine->bus->peers);
	pthread_join(engine->thread, NULL);
	struct sqlite_bus_delivery *delivery;
	while ((delivery = sqlite_bus_deliveries_take(&engine->spare)))
		free(delivery);
	free(engine);
}
