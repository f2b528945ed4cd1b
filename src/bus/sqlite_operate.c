// SPDX-License-Identifier: Apache-2.0
//
// What an operator asks of the embedded bus: how long its queues are, and what died in them.
#include <string.h>

#include "bus/sqlite_bus.h"

// ---- queues

static int64_t age_ms(const struct sqlite_bus *bus, const struct viva_rows *rows, size_t row, size_t column)
{
	if (viva_rows_is_null(rows, row, column))
		return -1;
	int64_t age = sqlite_bus_now_ms(bus) - viva_rows_int(rows, row, column);
	return VIVA_MAX(age, (int64_t)0);
}

static int describe_queue(struct sqlite_bus *bus, struct viva_arena *arena, const struct sqlite_bus_queue *queue,
			  struct viva_bus_queue_status *ret_status, struct viva_error *error)
{
	struct viva_value id = viva_value_int(queue->id);
	struct viva_rows rows = {0};
	int status = viva_store_query(bus->store, arena,
				      "SELECT (SELECT count(*) FROM bus_entries WHERE queue = $1 AND state = 0)"
				      " + (SELECT count(*) FROM bus_entries WHERE queue = $1 AND state = 2),"
				      " (SELECT count(*) FROM bus_entries WHERE queue = $1 AND state = 1),"
				      " (SELECT timestamp FROM bus_bodies WHERE id ="
				      " (SELECT min(id) FROM bus_entries WHERE queue = $1 AND state = 0))",
				      &id, 1, &rows, error);
	char *name = viva_arena_text(arena, queue->name, strlen(queue->name));
	if (!status && !name)
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory to list the queues");
	if (status)
		return status;
	*ret_status = (struct viva_bus_queue_status){.name = name,
						     .waiting = viva_rows_int(&rows, 0, 0),
						     .unsettled = viva_rows_int(&rows, 0, 1),
						     .consumers = viva_peers_consumers(bus->peers, queue->kind),
						     .oldest_age_ms = age_ms(bus, &rows, 0, 2)};
	return 0;
}

static int describe_dead_letters(struct sqlite_bus *bus, struct viva_arena *arena,
				 struct viva_bus_queue_status *ret_status, struct viva_error *error)
{
	struct viva_rows rows = {0};
	int status =
		viva_store_query(bus->store, arena, "SELECT count(*), min(died_at) FROM bus_entries WHERE state = 3",
				 NULL, 0, &rows, error);
	if (!status)
		*ret_status = (struct viva_bus_queue_status){.name = VIVA_BUS_DEAD_LETTERS,
							     .waiting = viva_rows_int(&rows, 0, 0),
							     .oldest_age_ms = age_ms(bus, &rows, 0, 1)};
	return status;
}

int sqlite_bus_queues(struct viva_bus *base, struct viva_arena *arena, const struct viva_bus_queue_status **ret_queues,
		      size_t *ret_count, struct viva_error *error)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	size_t count = bus->queue_count + 1;
	struct viva_bus_queue_status *queues = viva_arena_alloc(arena, count * sizeof *queues);
	if (!queues)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to list the queues");
	int status = 0;
	for (size_t i = 0; i < bus->queue_count && !status; i++)
		status = describe_queue(bus, arena, &bus->queues[i], &queues[i], error);
	if (!status)
		status = describe_dead_letters(bus, arena, &queues[bus->queue_count], error);
	if (status)
		return status;
	*ret_queues = queues;
	*ret_count = count;
	return 0;
}

// ---- dead letters

struct visit {
	struct sqlite_bus *bus;
	int64_t id, died_at, size;  // of the letter at hand, at first before all
	enum viva_bus_dead_letter_action action;
	int64_t changed;
	bool has_dropped;
};

static int replay_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct visit *visit = context;
	struct viva_value id = viva_value_int(visit->id);
	return viva_transaction_execute(transaction,
					"UPDATE bus_entries SET state = 0, retries = 0, deliveries = 0, died_at = 0,"
					" reason = '' WHERE id = $1 AND state = 3",
					&id, 1, &visit->changed, error);
}

static int drop_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct visit *visit = context;
	struct viva_value values[] = {viva_value_int(visit->id), viva_value_int(visit->size)};
	int status = viva_transaction_execute(transaction, "DELETE FROM bus_entries WHERE id = $1 AND state = 3",
					      values, 1, &visit->changed, error);
	// Another operator was faster.
	if (status || visit->changed == 0)
		return status;
	status = viva_transaction_execute(transaction, "DELETE FROM bus_bodies WHERE id = $1", values, 1, NULL, error);
	if (!status)
		status = viva_transaction_execute(transaction, "UPDATE bus_state SET stored_bytes = stored_bytes - $1",
						  &values[1], 1, NULL, error);
	return status;
}

static int act(struct visit *visit, int64_t queue_id, struct viva_error *error)
{
	struct sqlite_bus *bus = visit->bus;
	if (visit->action == VIVA_BUS_KEEP)
		return 0;
	bool is_replay = visit->action == VIVA_BUS_REPLAY;
	int status = viva_store_transact(bus->store, is_replay ? replay_within : drop_within, visit, error);
	visit->has_dropped = visit->has_dropped || (!status && !is_replay);
	const struct sqlite_bus_queue *queue = sqlite_bus_queue_by_id(bus, queue_id);
	if (!status && is_replay && queue) {
		struct viva_peer_news news = {0};
		sqlite_bus_add_news(&news, queue);
		viva_peers_tell(bus->peers, &news);
	}
	return status;
}

static int read_next(struct visit *visit, struct viva_arena *arena, struct viva_rows *ret_rows,
		     struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(visit->died_at), viva_value_int(visit->id)};
	return viva_store_query(
		visit->bus->store, arena,
		"SELECT e.id, e.died_at, e.size, e.queue, q.name, e.reason, e.retries, b.routing_key, b.type,"
		" b.message_id, b.app_id, b.session_id, b.traceparent, b.timestamp, b.body"
		" FROM bus_entries AS e JOIN bus_queues AS q ON q.id = e.queue LEFT JOIN bus_bodies AS b ON b.id = e.id"
		" WHERE e.state = 3 AND (e.died_at, e.id) > ($1, $2) ORDER BY e.died_at, e.id LIMIT 1",
		values, VIVA_COUNT(values), ret_rows, error);
}

static const char *text_of(const struct viva_rows *rows, size_t column)
{
	const char *text = viva_rows_text(rows, 0, column);
	return text ? text : "";
}

// One whose contents are missing, which is what it died of, has empty texts.
static struct viva_bus_dead_letter letter_of(const struct viva_rows *rows)
{
	return (struct viva_bus_dead_letter){.message = {.routing_key = text_of(rows, 7),
							 .type = text_of(rows, 8),
							 .message_id = text_of(rows, 9),
							 .app_id = text_of(rows, 10),
							 .session_id = text_of(rows, 11),
							 .traceparent = text_of(rows, 12),
							 .timestamp_ms = viva_rows_int(rows, 0, 13),
							 .body = viva_rows_bytes(rows, 0, 14)},
					     .queue = text_of(rows, 4),
					     .reason = text_of(rows, 5),
					     .died_at_ms = viva_rows_int(rows, 0, 1),
					     .retries = (int)viva_rows_int(rows, 0, 6)};
}

int sqlite_bus_visit_dead_letters(
	struct viva_bus *base, size_t limit,
	enum viva_bus_dead_letter_action (*visit_one)(const struct viva_bus_dead_letter *letter, void *context),
	void *context, size_t *ret_count, struct viva_error *error)
{
	struct visit visit = {.bus = sqlite_bus_of(base), .died_at = INT64_MIN};
	size_t count = 0;
	int status = 0;
	while (count < limit && !status) {
		VIVA_AUTO(viva_arena) arena = NULL;
		struct viva_rows rows = {0};
		if (viva_arena_create(0, &arena))
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to show the dead letters");
		status = read_next(&visit, arena, &rows, error);
		if (status || rows.row_count == 0)
			break;
		visit.id = viva_rows_int(&rows, 0, 0);
		visit.died_at = viva_rows_int(&rows, 0, 1);
		visit.size = viva_rows_int(&rows, 0, 2);
		struct viva_bus_dead_letter letter = letter_of(&rows);
		visit.action = visit_one(&letter, context);
		count++;
		status = act(&visit, viva_rows_int(&rows, 0, 3), error);
	}
	// Dropped means gone from the files, too; when readers are in the way, the engines make up for it.
	if (visit.has_dropped)
		(void)!viva_store_scrub(visit.bus->store, NULL);
	if (!status)
		*ret_count = count;
	return status;
}
