// SPDX-License-Identifier: Apache-2.0
//
// What a turn of the embedded bus's engine is to do, and what came of it: claims become deliveries, settlements go.
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite_engine.h"

enum {
	MIN_BACKOFF_US = 10 * 1000,  // after a turn that failed; doubles
	MAX_BACKOFF_US = 1000 * 1000,
	GIVES_UP_AFTER = 12,  // failures in a row, about 7 s: consumers that leave don't wait any longer
};

// ---- lists of deliveries

void sqlite_bus_deliveries_init(struct sqlite_bus_deliveries *deliveries)
{
	*deliveries = (struct sqlite_bus_deliveries){.end = &deliveries->first};
}

void sqlite_bus_deliveries_add(struct sqlite_bus_deliveries *deliveries, struct sqlite_bus_delivery *delivery)
{
	delivery->next = NULL;
	*deliveries->end = delivery;
	deliveries->end = &delivery->next;
	deliveries->count++;
}

struct sqlite_bus_delivery *sqlite_bus_deliveries_take(struct sqlite_bus_deliveries *deliveries)
{
	struct sqlite_bus_delivery *taken = deliveries->first;
	if (!taken)
		return NULL;
	deliveries->first = taken->next;
	if (!deliveries->first)
		deliveries->end = &deliveries->first;
	deliveries->count--;
	taken->next = NULL;
	return taken;
}

// ---- the plan

// With the lock held. Queues that a stopped consumer holds and has nothing of any more. Another consumer of this
// process may have them next.
static void plan_leaving(struct sqlite_bus_turn *turn, const struct sqlite_bus_consumer *consumer)
{
	for (size_t i = 0; i < consumer->lane_count && consumer->outstanding == 0; i++)
		if (consumer->lanes[i].is_holder)
			turn->left[turn->left_count++] = consumer->lanes[i].queue;
}

// With the lock held. Two consumers of one process share its token, so that the file can't tell them apart.
static bool is_held_beside(const struct sqlite_bus *bus, const struct sqlite_bus_lane *lane)
{
	for (const struct sqlite_bus_consumer *consumer = bus->consumers; consumer; consumer = consumer->next)
		for (size_t i = 0; i < consumer->lane_count; i++)
			if (&consumer->lanes[i] != lane && consumer->lanes[i].queue == lane->queue &&
			    consumer->lanes[i].is_holder)
				return true;
	return false;
}

// With the lock held.
static void plan_look(struct sqlite_bus_turn *turn, struct sqlite_bus_lane *lane)
{
	const struct viva_bus_subscription *subscription = &lane->consumer->consumer.subscription;
	if (lane->consumer->is_stopped || !lane->may_have_more || lane->is_passive ||
	    lane->unsettled >= subscription->prefetch || turn->look_count == VIVA_COUNT(turn->looks))
		return;
	if (lane->unsettled > 0 && lane->unsettled_bytes >= SQLITE_BUS_TURN_BYTES)
		return;
	if (viva_bus_bindings[lane->queue->kind].keeps_order) {
		if (is_held_beside(turn->bus, lane))
			return;
		// Two of one turn would both find it free.
		for (size_t i = 0; i < turn->look_count; i++)
			if (turn->looks[i].lane->queue == lane->queue)
				return;
	}
	turn->looks[turn->look_count++] =
		(struct sqlite_bus_look){.lane = lane,
					 .room = subscription->prefetch - lane->unsettled,
					 .room_bytes = SQLITE_BUS_TURN_BYTES - lane->unsettled_bytes,
					 .takes_any = lane->unsettled == 0};
}

// Deliveries are made before they are claimed: a claim that there is no memory for would be nobody's.
static void fill_spare(struct sqlite_bus_engine *engine, size_t wanted)
{
	while (engine->spare.count < wanted) {
		struct sqlite_bus_delivery *delivery = calloc(1, sizeof *delivery);
		if (!delivery)
			return;
		sqlite_bus_deliveries_add(&engine->spare, delivery);
	}
}

static size_t limit_to_spare(struct sqlite_bus_turn *turn, size_t spare)
{
	size_t rooms = 0, kept = 0;
	for (size_t i = 0; i < turn->look_count; i++) {
		turn->looks[i].room = VIVA_MIN(turn->looks[i].room, spare - rooms);
		rooms += turn->looks[i].room;
		if (turn->looks[i].room > 0)
			turn->looks[kept++] = turn->looks[i];
	}
	turn->look_count = kept;
	return rooms;
}

// Whether there is anything to do.
static bool plan_turn(struct sqlite_bus_engine *engine, struct sqlite_bus_turn *turn)
{
	struct sqlite_bus *bus = engine->bus;
	memset(turn, 0, offsetof(struct sqlite_bus_turn, claims));
	turn->bus = bus;
	turn->now_ms = sqlite_bus_now_ms(bus);
	turn->must_recover = engine->must_recover;
	turn->releases_due = engine->next_due_ms <= turn->now_ms;
	sqlite_bus_deliveries_init(&turn->settled);

	pthread_mutex_lock(&bus->lock);
	while (engine->settled.first && turn->settled.count < SQLITE_BUS_TURN_MESSAGES)
		sqlite_bus_deliveries_add(&turn->settled, sqlite_bus_deliveries_take(&engine->settled));
	for (struct sqlite_bus_consumer *consumer = bus->consumers; consumer; consumer = consumer->next) {
		if (consumer->is_stopped)
			plan_leaving(turn, consumer);
		for (size_t i = 0; i < consumer->lane_count; i++)
			plan_look(turn, &consumer->lanes[i]);
	}
	pthread_mutex_unlock(&bus->lock);

	size_t wanted = limit_to_spare(turn, SQLITE_BUS_TURN_MESSAGES);
	fill_spare(engine, wanted);
	if (engine->spare.count < wanted)
		limit_to_spare(turn, engine->spare.count);
	return turn->settled.count > 0 || turn->left_count > 0 || turn->look_count > 0 || turn->must_recover ||
	       turn->releases_due;
}

// ---- what came of a turn

static int load_message(struct sqlite_bus *bus, struct sqlite_bus_delivery *delivery, struct viva_error *error)
{
	struct viva_value id = viva_value_int(delivery->id);
	struct viva_rows rows = {0};
	int status = viva_arena_create(0, &delivery->arena);
	if (!status)
		status = viva_store_query(bus->store, delivery->arena,
					  "SELECT routing_key, type, message_id, app_id, session_id, traceparent,"
					  " timestamp, body FROM bus_bodies WHERE id = $1",
					  &id, 1, &rows, error);
	if (status)
		return status;
	if (rows.row_count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, NULL, "the message's contents are missing");
	delivery->delivery.message = (struct viva_bus_message){.routing_key = viva_rows_text(&rows, 0, 0),
							       .type = viva_rows_text(&rows, 0, 1),
							       .message_id = viva_rows_text(&rows, 0, 2),
							       .app_id = viva_rows_text(&rows, 0, 3),
							       .session_id = viva_rows_text(&rows, 0, 4),
							       .traceparent = viva_rows_text(&rows, 0, 5),
							       .timestamp_ms = viva_rows_int(&rows, 0, 6),
							       .body = viva_rows_bytes(&rows, 0, 7)};
	return 0;
}

// Makes the claim a delivery. One that can't be read goes back, or, when it never will be, to the dead.
static struct sqlite_bus_delivery *make_delivery(struct sqlite_bus_engine *engine, const struct sqlite_bus_claim *claim,
						 int *ret_status)
{
	struct sqlite_bus_delivery *delivery = sqlite_bus_deliveries_take(&engine->spare);
	delivery->delivery.consumer = &claim->lane->consumer->consumer;
	delivery->delivery.retries = claim->retries;
	delivery->delivery.is_redelivered = claim->is_redelivered;
	delivery->lane = claim->lane;
	delivery->id = claim->id;
	delivery->size = claim->size;
	struct viva_error error = {0};
	*ret_status = load_message(engine->bus, delivery, &error);
	if (*ret_status == VIVA_ENOTFOUND) {
		delivery->verdict = VIVA_BUS_DEAD;
		memcpy(delivery->reason, error.message, sizeof delivery->reason);
		delivery->reason[sizeof delivery->reason - 1] = '\0';
	}
	if (*ret_status)
		delivery->arena = viva_arena_destroy(delivery->arena);
	return delivery;
}

// Whether all could be read.
static bool hand_out(struct sqlite_bus_engine *engine, const struct sqlite_bus_turn *turn)
{
	struct sqlite_bus *bus = engine->bus;
	bool are_read = true;
	for (size_t i = 0; i < turn->claim_count; i++) {
		int status;
		struct sqlite_bus_delivery *delivery = make_delivery(engine, &turn->claims[i], &status);
		struct sqlite_bus_consumer *consumer = delivery->lane->consumer;
		pthread_mutex_lock(&bus->lock);
		consumer->outstanding++;
		if (status || consumer->is_stopped) {
			delivery->is_unwanted = status != VIVA_ENOTFOUND;
			delivery->arena = viva_arena_destroy(delivery->arena);
			sqlite_bus_deliveries_add(&engine->settled, delivery);
		} else {
			delivery->lane->unsettled++;
			delivery->lane->unsettled_bytes += delivery->size;
			sqlite_bus_deliveries_add(&consumer->waiting, delivery);
			pthread_cond_broadcast(&consumer->moved);
		}
		pthread_mutex_unlock(&bus->lock);
		are_read = are_read && (status == 0 || status == VIVA_ENOTFOUND);
	}
	return are_read;
}

// With the lock held.
static void note_looks(const struct sqlite_bus_turn *turn)
{
	for (size_t i = 0; i < turn->look_count; i++) {
		struct sqlite_bus_lane *lane = turn->looks[i].lane;
		lane->may_have_more = turn->looks[i].has_more;
		lane->is_passive = turn->looks[i].is_passive;
		lane->is_holder = turn->looks[i].is_holder;
	}
}

// With the lock held. Consumers that have nothing in the file any more, or won't get rid of it, have left.
static void note_leaving(struct sqlite_bus_engine *engine, const struct sqlite_bus_turn *turn)
{
	for (struct sqlite_bus_consumer *consumer = engine->bus->consumers; consumer; consumer = consumer->next) {
		if (!consumer->is_stopped)
			continue;
		bool is_holder = false;
		for (size_t i = 0; i < consumer->lane_count; i++) {
			struct sqlite_bus_lane *lane = &consumer->lanes[i];
			for (size_t j = 0; turn && j < turn->left_count; j++)
				if (lane->queue == turn->left[j])
					lane->is_holder = false;
			is_holder = is_holder || lane->is_holder;
		}
		consumer->has_left = consumer->outstanding == 0 && !is_holder;
		pthread_cond_broadcast(&consumer->moved);
	}
}

// With the lock held.
static void free_settled(struct sqlite_bus_deliveries *settled)
{
	struct sqlite_bus_delivery *delivery;
	while ((delivery = sqlite_bus_deliveries_take(settled))) {
		delivery->lane->consumer->outstanding--;
		free(delivery);
	}
}

static void back_off(struct sqlite_bus_engine *engine)
{
	int64_t backoff_us = (int64_t)MIN_BACKOFF_US << VIVA_MIN(engine->failures, 10u);
	engine->not_before_us = sqlite_bus_now_us() + VIVA_MIN(backoff_us, (int64_t)MAX_BACKOFF_US);
	engine->failures++;
	viva_metric_add(engine->failed_turns, 1);
}

static void finish_turn(struct sqlite_bus_engine *engine, struct sqlite_bus_turn *turn)
{
	struct sqlite_bus *bus = engine->bus;
	bool are_read = hand_out(engine, turn);
	engine->must_recover = false;
	engine->next_due_ms = turn->releases_due ? turn->next_due_ms : VIVA_MIN(engine->next_due_ms, turn->next_due_ms);
	engine->has_deleted = engine->has_deleted || turn->freed_bytes > 0;
	if (are_read)
		engine->failures = 0;
	else
		back_off(engine);
	pthread_mutex_lock(&bus->lock);
	free_settled(&turn->settled);
	note_looks(turn);
	note_leaving(engine, turn);
	engine->trouble.code = are_read ? 0 : VIVA_ENOMEM;
	pthread_mutex_unlock(&bus->lock);
	if (turn->news.queues)
		viva_peers_tell(bus->peers, &turn->news);
}

// The settlements wait for a better time; what a leaving consumer can't get rid of comes a second time.
static void note_failure(struct sqlite_bus_engine *engine, struct sqlite_bus_turn *turn, const struct viva_error *error)
{
	struct sqlite_bus *bus = engine->bus;
	back_off(engine);
	pthread_mutex_lock(&bus->lock);
	engine->trouble = *error;
	struct sqlite_bus_delivery *later;
	while ((later = sqlite_bus_deliveries_take(&engine->settled)))
		sqlite_bus_deliveries_add(&turn->settled, later);
	while ((later = sqlite_bus_deliveries_take(&turn->settled))) {
		if (later->lane->consumer->is_stopped && engine->failures >= GIVES_UP_AFTER) {
			later->lane->consumer->outstanding--;
			free(later);
		} else {
			sqlite_bus_deliveries_add(&engine->settled, later);
		}
	}
	if (engine->failures >= GIVES_UP_AFTER) {
		for (struct sqlite_bus_consumer *consumer = bus->consumers; consumer; consumer = consumer->next)
			for (size_t i = 0; i < consumer->lane_count; i++)
				consumer->lanes[i].is_holder &= !consumer->is_stopped;
		note_leaving(engine, NULL);
	}
	pthread_mutex_unlock(&bus->lock);
}

bool sqlite_bus_take_turn(struct sqlite_bus_engine *engine)
{
	struct sqlite_bus_turn *turn = &engine->turn;
	if (engine->failures > 0 && sqlite_bus_now_us() < engine->not_before_us)
		return false;
	if (!plan_turn(engine, turn)) {
		pthread_mutex_lock(&engine->bus->lock);
		note_leaving(engine, turn);
		pthread_mutex_unlock(&engine->bus->lock);
		return false;
	}
	struct viva_error error = {0};
	viva_metric_add(engine->turns, 1);
	if (sqlite_bus_run_turn(turn, &error)) {
		note_failure(engine, turn, &error);
		return false;
	}
	finish_turn(engine, turn);
	engine->last_work_us = sqlite_bus_now_us();
	return true;
}
