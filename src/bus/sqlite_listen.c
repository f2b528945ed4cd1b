// SPDX-License-Identifier: Apache-2.0
//
// Listeners of the embedded bus: each reads the log behind a cursor of its own.
//
// Publishers write to the log what somebody listens to; it is kept for some seconds and some bytes, whoever read it.
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite_engine.h"

enum { READ_AT_A_TIME = 256 };

struct sqlite_bus_listener {
	struct viva_bus_listener listener;  // first
	struct sqlite_bus_listener *next;
	pthread_t thread;
	pthread_cond_t moved;  // with sqlite_bus.lock
	uint32_t keys;         // bits
	bool may_have_more;    // (lock)
	bool is_stopping;      // (lock)
	int64_t after;         // id of what was read last
	void (*on_message)(const struct viva_bus_message *message, void *context);
	void *context;
};

// ---- the log

void sqlite_bus_signal_listeners(struct sqlite_bus *bus, uint32_t keys)
{
	for (struct sqlite_bus_listener *listener = bus->listeners; listener; listener = listener->next) {
		if (!(listener->keys & keys))
			continue;
		listener->may_have_more = true;
		pthread_cond_signal(&listener->moved);
	}
}

struct trimming {
	int64_t from_ms, to_ms;  // what was added within stays
	int64_t trimmed;
};

static int trim_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct trimming *trimming = context;
	struct viva_value range[] = {viva_value_int(trimming->from_ms), viva_value_int(trimming->to_ms)};
	int status = viva_transaction_execute(transaction, "DELETE FROM bus_log WHERE added_at NOT BETWEEN $1 AND $2",
					      range, VIVA_COUNT(range), &trimming->trimmed, error);
	if (!status)
		status = viva_transaction_execute(
			transaction, "UPDATE bus_state SET log_bytes = (SELECT coalesce(sum(size), 0) FROM bus_log)",
			NULL, 0, NULL, error);
	return status;
}

bool sqlite_bus_trim_log(struct sqlite_bus *bus, struct viva_arena *arena)
{
	int64_t now_ms = sqlite_bus_now_ms(bus);
	struct trimming trimming = {.from_ms = now_ms - SQLITE_BUS_LOG_MS, .to_ms = now_ms + SQLITE_BUS_LOG_MS};
	struct viva_value range[] = {viva_value_int(trimming.from_ms), viva_value_int(trimming.to_ms)};
	struct viva_rows rows = {0};
	// The oldest row comes first, so that a glance is enough.
	if (viva_store_query(bus->store, arena,
			     "SELECT 1 FROM bus_log WHERE id = (SELECT min(id) FROM bus_log)"
			     " AND added_at NOT BETWEEN $1 AND $2",
			     range, VIVA_COUNT(range), &rows, NULL) ||
	    rows.row_count == 0)
		return false;
	return viva_store_transact_lazily(bus->store, trim_within, &trimming, NULL) == 0 && trimming.trimmed > 0;
}

// ---- reading

static int read_message(struct sqlite_bus *bus, struct viva_arena *arena, int64_t id,
			struct viva_bus_message *ret_message)
{
	struct viva_value value = viva_value_int(id);
	struct viva_rows rows = {0};
	int status = viva_store_query(bus->store, arena,
				      "SELECT routing_key, type, message_id, app_id, session_id, traceparent,"
				      " timestamp, body FROM bus_log WHERE id = $1",
				      &value, 1, &rows, NULL);
	if (!status && rows.row_count == 0)
		status = VIVA_ENOTFOUND;
	if (status)
		return status;
	*ret_message = (struct viva_bus_message){.routing_key = viva_rows_text(&rows, 0, 0),
						 .type = viva_rows_text(&rows, 0, 1),
						 .message_id = viva_rows_text(&rows, 0, 2),
						 .app_id = viva_rows_text(&rows, 0, 3),
						 .session_id = viva_rows_text(&rows, 0, 4),
						 .traceparent = viva_rows_text(&rows, 0, 5),
						 .timestamp_ms = viva_rows_int(&rows, 0, 6),
						 .body = viva_rows_bytes(&rows, 0, 7)};
	return 0;
}

static bool is_stopping(struct sqlite_bus_listener *listener)
{
	struct sqlite_bus *bus = sqlite_bus_of(listener->listener.bus);
	pthread_mutex_lock(&bus->lock);
	bool is = listener->is_stopping;
	pthread_mutex_unlock(&bus->lock);
	return is;
}

// Whether there may be more. What can't be read, for want of memory or because it was trimmed, is missed.
static bool read_on(struct sqlite_bus_listener *listener)
{
	struct sqlite_bus *bus = sqlite_bus_of(listener->listener.bus);
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_value values[] = {viva_value_int(listener->after), viva_value_int(READ_AT_A_TIME)};
	struct viva_rows rows = {0};
	if (viva_arena_create(0, &arena) ||
	    viva_store_query(bus->store, arena,
			     "SELECT id, routing_key FROM bus_log WHERE id > $1 ORDER BY id LIMIT $2", values,
			     VIVA_COUNT(values), &rows, NULL))
		return false;
	for (size_t i = 0; i < rows.row_count && !is_stopping(listener); i++) {
		listener->after = viva_rows_int(&rows, i, 0);
		if (!(listener->keys & UINT32_C(1) << viva_bus_key(viva_rows_text(&rows, i, 1))))
			continue;
		VIVA_AUTO(viva_arena) its_arena = NULL;
		struct viva_bus_message message;
		if (viva_arena_create(0, &its_arena) == 0 &&
		    read_message(bus, its_arena, listener->after, &message) == 0)
			listener->on_message(&message, listener->context);
	}
	return rows.row_count == READ_AT_A_TIME;
}

static void *listen_until_stopped(void *context)
{
	struct sqlite_bus_listener *listener = context;
	struct sqlite_bus *bus = sqlite_bus_of(listener->listener.bus);
	pthread_mutex_lock(&bus->lock);
	while (!listener->is_stopping) {
		if (!listener->may_have_more) {
			pthread_cond_wait(&listener->moved, &bus->lock);
			continue;
		}
		listener->may_have_more = false;
		pthread_mutex_unlock(&bus->lock);
		bool has_more = read_on(listener);
		pthread_mutex_lock(&bus->lock);
		listener->may_have_more = listener->may_have_more || has_more;
	}
	pthread_mutex_unlock(&bus->lock);
	return NULL;
}

// ---- the listener

int64_t sqlite_bus_listeners(struct viva_bus *base, size_t key)
{
	return viva_peers_listeners(sqlite_bus_of(base)->peers, key);
}

// After publishers were told of it: what they add from here on has a larger id.
static int find_end(struct sqlite_bus *bus, int64_t *ret_after, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the listener");
	int status = viva_store_query(bus->store, arena, "SELECT next_id - 1 FROM bus_state", NULL, 0, &rows, error);
	if (status)
		return status == VIVA_ENOMEM ? status : viva_fail(error, VIVA_EINTERNAL, NULL, "the bus can't be read");
	*ret_after = viva_rows_int(&rows, 0, 0);
	return 0;
}

static void tell_publishers(struct sqlite_bus *bus, uint32_t keys, int change)
{
	for (size_t key = 0; key < VIVA_BUS_KEY_COUNT; key++)
		if (keys & UINT32_C(1) << key)
			viva_peers_listen(bus->peers, key, change);
}

// With the lock held.
static int start_listener(struct sqlite_bus *bus, struct sqlite_bus_listener *listener, struct viva_error *error)
{
	int status = sqlite_bus_engine_start(bus, error);
	if (status)
		return status;
	tell_publishers(bus, listener->keys, 1);
	status = find_end(bus, &listener->after, error);
	if (!status && pthread_create(&listener->thread, NULL, listen_until_stopped, listener))
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the listener");
	if (status) {
		tell_publishers(bus, listener->keys, -1);
		return status;
	}
	pthread_setname_np(listener->thread, "bus-listener");
	listener->next = bus->listeners;
	bus->listeners = listener;
	return 0;
}

int sqlite_bus_listen(struct viva_bus *base, const char *const *routing_keys, size_t key_count,
		      void (*on_message)(const struct viva_bus_message *message, void *context), void *context,
		      struct viva_bus_listener **ret_listener, struct viva_error *error)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	struct sqlite_bus_listener *listener = calloc(1, sizeof *listener);
	if (!listener)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the listener");
	listener->listener.bus = base;
	listener->on_message = on_message;
	listener->context = context;
	for (size_t i = 0; i < key_count; i++)
		listener->keys |= UINT32_C(1) << viva_bus_key(routing_keys[i]);
	pthread_cond_init(&listener->moved, NULL);
	pthread_mutex_lock(&bus->lock);
	int status = start_listener(bus, listener, error);
	pthread_mutex_unlock(&bus->lock);
	if (status) {
		pthread_cond_destroy(&listener->moved);
		free(listener);
		return status;
	}
	*ret_listener = &listener->listener;
	return 0;
}

void sqlite_bus_listener_destroy(struct viva_bus_listener *base)
{
	struct sqlite_bus_listener *listener = (struct sqlite_bus_listener *)base;
	struct sqlite_bus *bus = sqlite_bus_of(base->bus);
	pthread_mutex_lock(&bus->lock);
	tell_publishers(bus, listener->keys, -1);
	listener->is_stopping = true;
	pthread_cond_signal(&listener->moved);
	struct sqlite_bus_listener **place = &bus->listeners;
	while (*place != listener)
		place = &(*place)->next;
	*place = listener->next;
	pthread_mutex_unlock(&bus->lock);
	pthread_join(listener->thread, NULL);
	pthread_cond_destroy(&listener->moved);
	free(listener);
}
