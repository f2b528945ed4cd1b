// SPDX-License-Identifier: Apache-2.0
//
// The embedded bus's tables, and its queues in them.
#include <stdio.h>
#include <string.h>

#include "bus/sqlite_bus.h"

enum { MOVED_AT_A_TIME = 1000 };

// States are written as numbers, as partial indexes demand: 0 READY, 1 CLAIMED, 2 DELAYED, 3 DEAD.
const struct viva_migration sqlite_bus_migrations[] = {
	{1, "CREATE TABLE bus_state ("
	    " one INTEGER PRIMARY KEY CHECK (one = 1),"
	    " next_id BIGINT NOT NULL,"
	    " stored_bytes BIGINT NOT NULL,"  // of bodies that wait, are being worked on, or are dead
	    " log_bytes BIGINT NOT NULL,"
	    " partitions BIGINT NOT NULL);"
	    "INSERT INTO bus_state VALUES (1, 1, 0, 0, 0);"
	    "CREATE TABLE bus_queues ("
	    " id INTEGER PRIMARY KEY,"
	    " name TEXT NOT NULL UNIQUE,"
	    " holder BIGINT NOT NULL DEFAULT 0);"  // the one that consumes it, if it keeps order; 0 = nobody
	    "CREATE TABLE bus_entries ("
	    " id INTEGER PRIMARY KEY,"
	    " queue BIGINT NOT NULL REFERENCES bus_queues (id),"
	    " state INTEGER NOT NULL,"
	    " owner BIGINT NOT NULL DEFAULT 0,"        // of CLAIMED
	    " due_at BIGINT NOT NULL DEFAULT 0,"       // of DELAYED; Unix ms
	    " deliveries INTEGER NOT NULL DEFAULT 0,"  // since it was settled last
	    " retries INTEGER NOT NULL DEFAULT 0,"
	    " size BIGINT NOT NULL,"
	    " died_at BIGINT NOT NULL DEFAULT 0,"
	    " reason TEXT NOT NULL DEFAULT '');"
	    "CREATE INDEX bus_ready ON bus_entries (queue) WHERE state = 0;"
	    "CREATE INDEX bus_claimed ON bus_entries (owner) WHERE state = 1;"
	    "CREATE INDEX bus_delayed ON bus_entries (due_at) WHERE state = 2;"
	    "CREATE INDEX bus_dead ON bus_entries (died_at) WHERE state = 3;"
	    "CREATE TABLE bus_bodies ("
	    " id INTEGER PRIMARY KEY,"
	    " routing_key TEXT NOT NULL,"
	    " type TEXT NOT NULL,"
	    " message_id TEXT NOT NULL,"
	    " app_id TEXT NOT NULL,"
	    " session_id TEXT NOT NULL,"
	    " traceparent TEXT NOT NULL,"
	    " timestamp BIGINT NOT NULL,"
	    " body BYTEA NOT NULL);"
	    // What listeners have not been given yet.
	    "CREATE TABLE bus_log ("
	    " id INTEGER PRIMARY KEY,"
	    " added_at BIGINT NOT NULL,"
	    " size BIGINT NOT NULL,"
	    " routing_key TEXT NOT NULL,"
	    " type TEXT NOT NULL,"
	    " message_id TEXT NOT NULL,"
	    " app_id TEXT NOT NULL,"
	    " session_id TEXT NOT NULL,"
	    " traceparent TEXT NOT NULL,"
	    " timestamp BIGINT NOT NULL,"
	    " body BYTEA NOT NULL);"},
};
const size_t sqlite_bus_migration_count = VIVA_COUNT(sqlite_bus_migrations);

// ---- queues

static void name_queues(struct sqlite_bus *bus)
{
	bus->queue_count = 0;
	for (int kind = 0; kind < VIVA_QUEUE_COUNT; kind++) {
		const struct viva_bus_binding *binding = &viva_bus_bindings[kind];
		size_t partitions = binding->is_partitioned ? bus->bus.options.frame_partitions : 1;
		for (size_t partition = 0; partition < partitions; partition++) {
			struct sqlite_bus_queue *queue = &bus->queues[bus->queue_count++];
			*queue = (struct sqlite_bus_queue){.kind = (enum viva_bus_queue)kind, .partition = partition};
			if (binding->is_partitioned)
				snprintf(queue->name, sizeof queue->name, "%s.%zu", binding->name, partition);
			else
				snprintf(queue->name, sizeof queue->name, "%s", binding->name);
		}
	}
}

struct loading {
	struct sqlite_bus *bus;
	struct viva_arena *arena;
	int64_t partitions;  // as they were
};

static int load_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct loading *loading = context;
	struct viva_rows rows = {0};
	int status = 0;
	for (size_t i = 0; i < loading->bus->queue_count && !status; i++) {
		struct sqlite_bus_queue *queue = &loading->bus->queues[i];
		struct viva_value name = viva_value_text(queue->name);
		status = viva_transaction_execute(
			transaction, "INSERT INTO bus_queues (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", &name,
			1, NULL, error);
		if (!status)
			status = viva_transaction_query(transaction, loading->arena,
							"SELECT id FROM bus_queues WHERE name = $1", &name, 1, &rows,
							error);
		queue->id = viva_rows_int(&rows, 0, 0);
	}
	if (!status)
		status = viva_transaction_query(transaction, loading->arena, "SELECT partitions FROM bus_state", NULL,
						0, &rows, error);
	loading->partitions = viva_rows_int(&rows, 0, 0);
	return status;
}

// ---- another number of partitions

struct moving {
	struct sqlite_bus *bus;
	enum viva_bus_queue kind;
	int64_t after;  // the last id that was looked at
	bool is_done;
};

static int move_rows(struct viva_store_transaction *transaction, struct moving *moving, const struct viva_rows *rows,
		     struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < rows->row_count && !status; i++) {
		const struct sqlite_bus_queue *queue =
			sqlite_bus_find_queue(moving->bus, moving->kind, viva_rows_text(rows, i, 1));
		struct viva_value values[] = {viva_value_int(viva_rows_int(rows, i, 0)), viva_value_int(queue->id)};
		status = viva_transaction_execute(transaction,
						  "UPDATE bus_entries SET queue = $2 WHERE id = $1 AND queue <> $2",
						  values, VIVA_COUNT(values), NULL, error);
	}
	return status;
}

static int move_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct moving *moving = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	char pattern[64];
	snprintf(pattern, sizeof pattern, "%s.*", viva_bus_bindings[moving->kind].name);
	struct viva_value values[] = {viva_value_int(moving->after), viva_value_text(pattern),
				      viva_value_int(MOVED_AT_A_TIME)};
	struct viva_rows rows = {0};
	int status = viva_transaction_query(
		transaction, arena,
		"SELECT e.id, b.session_id FROM bus_entries AS e JOIN bus_bodies AS b ON b.id = e.id"
		" WHERE e.id > $1 AND e.queue IN (SELECT id FROM bus_queues WHERE name GLOB $2)"
		" ORDER BY e.id LIMIT $3",
		values, VIVA_COUNT(values), &rows, error);
	if (!status)
		status = move_rows(transaction, moving, &rows, error);
	if (status)
		return status;
	moving->is_done = rows.row_count < MOVED_AT_A_TIME;
	if (!moving->is_done)
		moving->after = viva_rows_int(&rows, rows.row_count - 1, 0);
	return 0;
}

static int move_all(struct sqlite_bus *bus, struct viva_error *error)
{
	int status = 0;
	for (int kind = 0; kind < VIVA_QUEUE_COUNT && !status; kind++) {
		struct moving moving = {.bus = bus, .kind = (enum viva_bus_queue)kind};
		moving.is_done = !viva_bus_bindings[kind].is_partitioned;
		while (!moving.is_done && !status)
			status = viva_store_transact(bus->store, move_within, &moving, error);
	}
	struct viva_value partitions = viva_value_int((int64_t)bus->bus.options.frame_partitions);
	if (!status)
		status = viva_store_execute(bus->store, "UPDATE bus_state SET partitions = $1", &partitions, 1, NULL,
					    error);
	return status;
}

// An operator must not move what waits, whatever he believes the number of partitions to be.
static int adopt_partitions(struct sqlite_bus *bus, struct viva_arena *arena, struct viva_error *error)
{
	struct viva_rows rows = {0};
	int status = viva_store_query(bus->store, arena, "SELECT partitions FROM bus_state", NULL, 0, &rows, error);
	int64_t partitions = viva_rows_int(&rows, 0, 0);
	if (!status && partitions >= 1 && partitions <= VIVA_BUS_MAX_PARTITIONS)
		bus->bus.options.frame_partitions = (size_t)partitions;
	return status;
}

int sqlite_bus_load_queues(struct sqlite_bus *bus, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	int status = bus->bus.options.is_operator ? adopt_partitions(bus, arena, error) : 0;
	if (status)
		return status;
	name_queues(bus);
	struct loading loading = {.bus = bus, .arena = arena};
	status = viva_store_transact(bus->store, load_within, &loading, error);
	if (!status && loading.partitions != (int64_t)bus->bus.options.frame_partitions)
		status = move_all(bus, error);
	return status;
}
