// SPDX-License-Identifier: Apache-2.0
//
// One transaction of the embedded bus's engine: settles, gives up, recovers, releases what is due, claims.
//
// It need not survive power loss: then some messages come a second time, which the bus may do.
#include <stdio.h>

#include "bus/sqlite_engine.h"

enum {
	MAX_WRITERS = 2 * VIVA_PEERS_MAX,  // tokens of the dead looked at in one turn
	DUE_AT_A_TIME = 1024,
};

static int execute(struct viva_store_transaction *transaction, const char *sql, const struct viva_value *values,
		   size_t count, int64_t *ret_changed, struct viva_error *error)
{
	return viva_transaction_execute(transaction, sql, values, count, ret_changed, error);
}

// ---- settling

static int remove_entry(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
			const struct sqlite_bus_delivery *delivery, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(delivery->id), viva_value_int(turn->bus->token)};
	int64_t changed = 0;
	int status = execute(transaction, "DELETE FROM bus_entries WHERE id = $1 AND owner = $2 AND state = 1", values,
			     VIVA_COUNT(values), &changed, error);
	// Somebody else's by now: he settles it.
	if (status || changed == 0)
		return status;
	turn->freed_bytes += delivery->size;
	return execute(transaction, "DELETE FROM bus_bodies WHERE id = $1", values, 1, NULL, error);
}

static int give_back(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		     const struct sqlite_bus_delivery *delivery, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(delivery->id), viva_value_int(turn->bus->token)};
	int64_t changed = 0;
	int status = execute(transaction,
			     "UPDATE bus_entries SET state = 0, owner = 0, deliveries = deliveries - 1"
			     " WHERE id = $1 AND owner = $2 AND state = 1",
			     values, VIVA_COUNT(values), &changed, error);
	if (changed > 0)
		sqlite_bus_add_news(&turn->news, delivery->lane->queue);
	return status;
}

static int delay(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		 const struct sqlite_bus_delivery *delivery, int64_t pause_ms, int retries, struct viva_error *error)
{
	int64_t due_ms = turn->now_ms + pause_ms;
	turn->next_due_ms = VIVA_MIN(turn->next_due_ms, due_ms);
	struct viva_value values[] = {viva_value_int(delivery->id), viva_value_int(turn->bus->token),
				      viva_value_int(due_ms), viva_value_int(retries)};
	return execute(transaction,
		       "UPDATE bus_entries SET state = 2, owner = 0, deliveries = 0, due_at = $3, retries = $4"
		       " WHERE id = $1 AND owner = $2 AND state = 1",
		       values, VIVA_COUNT(values), NULL, error);
}

static int bury(struct viva_store_transaction *transaction, const struct sqlite_bus_turn *turn, int64_t id,
		const char *reason, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(id), viva_value_int(turn->bus->token),
				      viva_value_int(turn->now_ms), viva_value_text(reason)};
	return execute(transaction,
		       "UPDATE bus_entries SET state = 3, owner = 0, died_at = $3, reason = $4"
		       " WHERE id = $1 AND ((owner = $2 AND state = 1) OR state = 0)",
		       values, VIVA_COUNT(values), NULL, error);
}

static int settle(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		  const struct sqlite_bus_delivery *delivery, struct viva_error *error)
{
	const struct viva_bus *bus = &turn->bus->bus;
	int retries = delivery->delivery.retries;
	if (delivery->is_unwanted)
		return give_back(transaction, turn, delivery, error);
	switch (delivery->verdict) {
	case VIVA_BUS_ACK:
		return remove_entry(transaction, turn, delivery, error);
	case VIVA_BUS_DEFER:
		return delay(transaction, turn, delivery, bus->options.defer_ms, retries, error);
	case VIVA_BUS_RETRY:
		if (retries < VIVA_BUS_MAX_RETRIES)
			return delay(transaction, turn, delivery, viva_bus_retry_pause_ms(bus, retries + 1),
				     retries + 1, error);
		break;
	case VIVA_BUS_DEAD:
		break;
	}
	return bury(transaction, turn, delivery->id, delivery->reason, error);
}

static int settle_all(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		      struct viva_error *error)
{
	int status = 0;
	for (struct sqlite_bus_delivery *next = turn->settled.first; next && !status; next = next->next)
		status = settle(transaction, turn, next, error);
	struct viva_value freed = viva_value_int(turn->freed_bytes);
	if (!status && turn->freed_bytes > 0)
		status = execute(transaction, "UPDATE bus_state SET stored_bytes = stored_bytes - $1", &freed, 1, NULL,
				 error);
	return status;
}

// ---- queues with one consumer at a time

static int leave_queues(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
			struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < turn->left_count && !status; i++) {
		struct viva_value values[] = {viva_value_int(turn->left[i]->id), viva_value_int(turn->bus->token)};
		status = execute(transaction, "UPDATE bus_queues SET holder = 0 WHERE id = $1 AND holder = $2", values,
				 VIVA_COUNT(values), NULL, error);
		sqlite_bus_add_news(&turn->news, turn->left[i]);
		turn->news.holders = true;
	}
	return status;
}

static int take_queue(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		      struct viva_arena *arena, struct sqlite_bus_look *look, struct viva_error *error)
{
	look->is_passive = false;
	look->is_holder = false;
	if (!viva_bus_bindings[look->lane->queue->kind].keeps_order)
		return 0;
	struct viva_value values[] = {viva_value_int(look->lane->queue->id), viva_value_int(turn->bus->token)};
	struct viva_rows rows = {0};
	int status = viva_transaction_query(transaction, arena, "SELECT holder FROM bus_queues WHERE id = $1", values,
					    1, &rows, error);
	if (status)
		return status;
	int64_t holder = viva_rows_int(&rows, 0, 0);
	look->is_passive = holder != 0 && holder != turn->bus->token;
	look->is_holder = !look->is_passive;
	if (holder == 0)
		status = execute(transaction, "UPDATE bus_queues SET holder = $2 WHERE id = $1", values,
				 VIVA_COUNT(values), NULL, error);
	return status;
}

// ---- what the dead left, what is due

// Each token that has claims or holds a queue, once or twice.
static int list_writers(struct viva_store_transaction *transaction, struct viva_arena *arena,
			struct viva_rows *ret_rows, struct viva_error *error)
{
	struct viva_value most = viva_value_int(MAX_WRITERS);
	return viva_transaction_query(transaction, arena,
				      "SELECT holder FROM bus_queues WHERE holder <> 0"
				      " UNION SELECT owner FROM bus_entries WHERE state = 1 LIMIT $1",
				      &most, 1, ret_rows, error);
}

static int recover(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn, struct viva_arena *arena,
		   struct viva_error *error)
{
	struct viva_rows rows = {0};
	int status = list_writers(transaction, arena, &rows, error);
	for (size_t i = 0; i < rows.row_count && !status; i++) {
		struct viva_value token = viva_value_int(viva_rows_int(&rows, i, 0));
		// Inside the transaction: whoever claimed before it had joined by then.
		if (token.integer == turn->bus->token || viva_peers_is_alive(turn->bus->peers, token.integer))
			continue;
		status = execute(transaction, "UPDATE bus_queues SET holder = 0 WHERE holder = $1", &token, 1, NULL,
				 error);
		if (!status)
			status = execute(transaction,
					 "UPDATE bus_entries SET state = 0, owner = 0 WHERE state = 1 AND owner = $1",
					 &token, 1, NULL, error);
		turn->news = (struct viva_peer_news){
			.queues = UINT32_MAX, .partitions = UINT64_MAX, .keys = turn->news.keys, .holders = true};
	}
	return status;
}

static int release_due(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn,
		       struct viva_arena *arena, struct viva_error *error)
{
	// What is further away than any pause was delayed before the clock was set back.
	int64_t too_far_ms = turn->now_ms + sqlite_bus_max_pause_ms(turn->bus);
	struct viva_value values[] = {viva_value_int(turn->now_ms), viva_value_int(too_far_ms),
				      viva_value_int(DUE_AT_A_TIME)};
	struct viva_rows rows = {0};
	int status = viva_transaction_query(transaction, arena,
					    "UPDATE bus_entries SET state = 0 WHERE id IN (SELECT id FROM bus_entries"
					    " WHERE state = 2 AND (due_at <= $1 OR due_at > $2) LIMIT $3)"
					    " RETURNING queue",
					    values, VIVA_COUNT(values), &rows, error);
	for (size_t i = 0; i < rows.row_count && !status; i++) {
		const struct sqlite_bus_queue *queue = sqlite_bus_queue_by_id(turn->bus, viva_rows_int(&rows, i, 0));
		if (queue)
			sqlite_bus_add_news(&turn->news, queue);
	}
	if (!status)
		status = viva_transaction_query(transaction, arena,
						"SELECT min(due_at) FROM bus_entries WHERE state = 2", NULL, 0, &rows,
						error);
	if (!status && !viva_rows_is_null(&rows, 0, 0))
		turn->next_due_ms = VIVA_MIN(turn->next_due_ms, viva_rows_int(&rows, 0, 0));
	return status;
}

// ---- claiming

static int claim(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn, struct sqlite_bus_look *look,
		 const struct viva_rows *rows, size_t row, struct viva_error *error)
{
	struct sqlite_bus_claim *new_claim = &turn->claims[turn->claim_count];
	*new_claim = (struct sqlite_bus_claim){.lane = look->lane,
					       .id = viva_rows_int(rows, row, 0),
					       .size = viva_rows_int(rows, row, 1),
					       .retries = (int)viva_rows_int(rows, row, 3),
					       .is_redelivered = viva_rows_int(rows, row, 2) > 0};
	if (viva_rows_int(rows, row, 2) >= VIVA_BUS_MAX_DELIVERIES) {
		char reason[96];
		snprintf(reason, sizeof reason, "delivered %d times, and never settled: its consumers may die of it",
			 VIVA_BUS_MAX_DELIVERIES);
		return bury(transaction, turn, new_claim->id, reason, error);
	}
	turn->claim_count++;
	struct viva_value values[] = {viva_value_int(new_claim->id), viva_value_int(turn->bus->token)};
	return execute(transaction,
		       "UPDATE bus_entries SET state = 1, owner = $2, deliveries = deliveries + 1 WHERE id = $1",
		       values, VIVA_COUNT(values), NULL, error);
}

static int look_into(struct viva_store_transaction *transaction, struct sqlite_bus_turn *turn, struct viva_arena *arena,
		     struct sqlite_bus_look *look, struct viva_error *error)
{
	look->has_more = true;
	size_t limit = VIVA_MIN(look->room, SQLITE_BUS_TURN_MESSAGES - turn->claim_count);
	int status = take_queue(transaction, turn, arena, look, error);
	if (status || look->is_passive || limit == 0)
		return status;
	struct viva_value values[] = {viva_value_int(look->lane->queue->id), viva_value_int((int64_t)limit)};
	struct viva_rows rows = {0};
	status = viva_transaction_query(transaction, arena,
					"SELECT id, size, deliveries, retries FROM bus_entries"
					" WHERE queue = $1 AND state = 0 ORDER BY id LIMIT $2",
					values, VIVA_COUNT(values), &rows, error);
	int64_t room_bytes = look->room_bytes;
	for (size_t i = 0; i < rows.row_count && !status; i++) {
		room_bytes -= viva_rows_int(&rows, i, 1);
		if (room_bytes < 0 && (i > 0 || !look->takes_any))
			return 0;
		status = claim(transaction, turn, look, &rows, i, error);
	}
	look->has_more = rows.row_count == limit;
	return status;
}

static int turn_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct sqlite_bus_turn *turn = context;
	// It may run a second time.
	turn->claim_count = 0;
	turn->freed_bytes = 0;
	turn->next_due_ms = INT64_MAX;
	turn->news = (struct viva_peer_news){0};
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	int status = settle_all(transaction, turn, error);
	if (!status)
		status = leave_queues(transaction, turn, error);
	if (!status && turn->must_recover)
		status = recover(transaction, turn, arena, error);
	if (!status && turn->releases_due)
		status = release_due(transaction, turn, arena, error);
	for (size_t i = 0; i < turn->look_count && !status; i++)
		status = look_into(transaction, turn, arena, &turn->looks[i], error);
	return status;
}

int sqlite_bus_run_turn(struct sqlite_bus_turn *turn, struct viva_error *error)
{
	return viva_store_transact_lazily(turn->bus->store, turn_within, turn, error);
}
