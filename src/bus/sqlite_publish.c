// SPDX-License-Identifier: Apache-2.0
//
// Publishing into the embedded bus: a portion is a transaction, and transactions that wait share a commit.
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "bus/sqlite_bus.h"

enum {
	PORTION_MESSAGES = 512,
	PORTION_BYTES = 8 << 20,
	// Kept free: what has been accepted must be settled, which writes, too.
	RESERVED_BYTES = 64 << 20,
};

struct portion {
	struct sqlite_bus *bus;
	const struct viva_bus_message *messages;
	size_t count;
	int64_t deadline_us;
	struct viva_peer_news news;
};

// ---- limits

int sqlite_bus_check_space(const struct sqlite_bus *bus, size_t bytes, struct viva_error *error)
{
	struct statvfs disk;
	if (statvfs(bus->folder, &disk))
		return viva_fail(error, VIVA_EIO, NULL, "the bus's folder can't be looked at: %s", strerror(errno));
	// A body is written to the log and then to the file.
	if ((uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)RESERVED_BYTES + 2 * (uint64_t)bytes)
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the disk that the bus is on is nearly full");
	return 0;
}

static bool has_room(const struct sqlite_bus *bus, size_t count, size_t bytes)
{
	const struct viva_bus_options *options = &bus->bus.options;
	if (bus->unconfirmed == 0)
		return true;
	return bus->unconfirmed + count <= options->max_unconfirmed &&
	       bus->unconfirmed_bytes + bytes <= options->max_unconfirmed_bytes;
}

static int enter_window(struct sqlite_bus *bus, size_t count, size_t bytes, int64_t deadline_us,
			struct viva_error *error)
{
	struct timespec until = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
	int status = 0;
	pthread_mutex_lock(&bus->window_lock);
	while (!status && !has_room(bus, count, bytes)) {
		if (deadline_us == INT64_MAX)
			pthread_cond_wait(&bus->window_moved, &bus->window_lock);
		else if (pthread_cond_clockwait(&bus->window_moved, &bus->window_lock, CLOCK_MONOTONIC, &until))
			status = viva_fail(error, VIVA_EDEADLINE, NULL, "too many messages wait to be stored");
	}
	if (!status) {
		bus->unconfirmed += count;
		bus->unconfirmed_bytes += bytes;
	}
	pthread_mutex_unlock(&bus->window_lock);
	return status;
}

static void leave_window(struct sqlite_bus *bus, size_t count, size_t bytes)
{
	pthread_mutex_lock(&bus->window_lock);
	bus->unconfirmed -= count;
	bus->unconfirmed_bytes -= bytes;
	pthread_cond_broadcast(&bus->window_moved);
	pthread_mutex_unlock(&bus->window_lock);
}

// ---- a transaction

static bool is_bound(int kind, const struct viva_bus_message *message)
{
	return strcmp(viva_bus_bindings[kind].routing_key, message->routing_key) == 0;
}

// What the portion adds: a row per queue, and one in the log if somebody listens.
struct addition {
	int64_t rows, bytes, log_bytes;
	int64_t next_id;
	uint32_t logged;  // keys
};

static struct addition measure(const struct portion *portion)
{
	struct addition addition = {.logged = viva_peers_listened(portion->bus->peers)};
	for (size_t i = 0; i < portion->count; i++) {
		const struct viva_bus_message *message = &portion->messages[i];
		int64_t size = (int64_t)message->body.size + SQLITE_BUS_ROW_BYTES;
		for (int kind = 0; kind < VIVA_QUEUE_COUNT; kind++) {
			addition.rows += is_bound(kind, message);
			addition.bytes += is_bound(kind, message) ? size : 0;
		}
		bool is_logged = addition.logged & UINT32_C(1) << viva_bus_key(message->routing_key);
		addition.rows += is_logged;
		addition.log_bytes += is_logged ? size : 0;
	}
	return addition;
}

// The worker lets go of a frame only once it is passed on, which takes room beside the frame itself. A bus that was
// full of frames would stay full if that was refused.
static int64_t stored_limit(const struct portion *portion)
{
	const struct viva_bus_options *options = &portion->bus->bus.options;
	for (size_t i = 0; i < portion->count; i++)
		if (strcmp(portion->messages[i].routing_key, VIVA_KEY_FRAME_ACCEPTED) != 0)
			return options->max_stored_bytes;
	return options->max_stored_bytes + 2 * (int64_t)options->max_message_bytes;
}

// Takes ids and room. When the log has none it is left out: who listens is not promised everything.
static int reserve(struct viva_store_transaction *transaction, const struct portion *portion, struct addition *addition,
		   struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	struct viva_rows rows = {0};
	int status = viva_transaction_query(
		transaction, arena, "SELECT next_id, stored_bytes, log_bytes FROM bus_state", NULL, 0, &rows, error);
	if (status)
		return status;
	addition->next_id = viva_rows_int(&rows, 0, 0);
	if (viva_rows_int(&rows, 0, 1) + addition->bytes > stored_limit(portion))
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the bus is full");
	if (viva_rows_int(&rows, 0, 2) + addition->log_bytes > SQLITE_BUS_LOG_BYTES) {
		addition->logged = 0;
		addition->log_bytes = 0;
	}
	struct viva_value values[] = {viva_value_int(addition->rows), viva_value_int(addition->bytes),
				      viva_value_int(addition->log_bytes)};
	return viva_transaction_execute(transaction,
					"UPDATE bus_state SET next_id = next_id + $1, stored_bytes = stored_bytes + $2,"
					" log_bytes = log_bytes + $3",
					values, VIVA_COUNT(values), NULL, error);
}

static int add_to_queue(struct viva_store_transaction *transaction, const struct sqlite_bus_queue *queue,
			const struct viva_bus_message *message, int64_t id, struct viva_error *error)
{
	struct viva_value entry[] = {viva_value_int(id), viva_value_int(queue->id),
				     viva_value_int((int64_t)message->body.size + SQLITE_BUS_ROW_BYTES)};
	int status = viva_transaction_execute(transaction,
					      "INSERT INTO bus_entries (id, queue, state, size) VALUES ($1, $2, 0, $3)",
					      entry, VIVA_COUNT(entry), NULL, error);
	if (status)
		return status;
	struct viva_value body[] = {viva_value_int(id),
				    viva_value_text(message->routing_key),
				    viva_value_text(message->type),
				    viva_value_text(message->message_id),
				    viva_value_text(message->app_id),
				    viva_value_text(message->session_id),
				    viva_value_text(message->traceparent),
				    viva_value_int(message->timestamp_ms),
				    viva_value_bytes(message->body)};
	return viva_transaction_execute(transaction,
					"INSERT INTO bus_bodies (id, routing_key, type, message_id, app_id,"
					" session_id, traceparent, timestamp, body)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
					body, VIVA_COUNT(body), NULL, error);
}

static int add_to_log(struct viva_store_transaction *transaction, const struct viva_bus_message *message, int64_t id,
		      int64_t now_ms, struct viva_error *error)
{
	struct viva_value values[] = {viva_value_int(id),
				      viva_value_text(message->routing_key),
				      viva_value_text(message->type),
				      viva_value_text(message->message_id),
				      viva_value_text(message->app_id),
				      viva_value_text(message->session_id),
				      viva_value_text(message->traceparent),
				      viva_value_int(message->timestamp_ms),
				      viva_value_bytes(message->body),
				      viva_value_int(now_ms),
				      viva_value_int((int64_t)message->body.size + SQLITE_BUS_ROW_BYTES)};
	return viva_transaction_execute(transaction,
					"INSERT INTO bus_log (id, routing_key, type, message_id, app_id, session_id,"
					" traceparent, timestamp, body, added_at, size)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
					values, VIVA_COUNT(values), NULL, error);
}

static int add_message(struct viva_store_transaction *transaction, struct portion *portion,
		       const struct viva_bus_message *message, struct addition *addition, struct viva_error *error)
{
	struct sqlite_bus *bus = portion->bus;
	int status = 0;
	for (int kind = 0; kind < VIVA_QUEUE_COUNT && !status; kind++) {
		if (!is_bound(kind, message))
			continue;
		const struct sqlite_bus_queue *queue =
			sqlite_bus_find_queue(bus, (enum viva_bus_queue)kind, message->session_id);
		status = add_to_queue(transaction, queue, message, addition->next_id++, error);
		sqlite_bus_add_news(&portion->news, queue);
	}
	uint32_t key = UINT32_C(1) << viva_bus_key(message->routing_key);
	if (!status && (addition->logged & key)) {
		status = add_to_log(transaction, message, addition->next_id++, sqlite_bus_now_ms(bus), error);
		portion->news.keys |= key;
	}
	return status;
}

static int add_portion(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct portion *portion = context;
	portion->news = (struct viva_peer_news){0};
	if (viva_clock_monotonic_us(portion->bus->bus.options.clock) > portion->deadline_us)
		return viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline passed before the message was stored");
	struct addition addition = measure(portion);
	int status = reserve(transaction, portion, &addition, error);
	for (size_t i = 0; i < portion->count && !status; i++)
		status = add_message(transaction, portion, &portion->messages[i], &addition, error);
	return status;
}

// ---- publishing

// The next messages that make a portion: as many as fit, at least one.
static size_t take_portion(const struct sqlite_bus *bus, const struct viva_bus_message *messages, size_t count,
			   size_t *ret_bytes)
{
	size_t most = VIVA_MIN((size_t)PORTION_MESSAGES, bus->bus.options.max_unconfirmed);
	size_t most_bytes = VIVA_MIN((size_t)PORTION_BYTES, bus->bus.options.max_unconfirmed_bytes);
	size_t taken = 1, bytes = messages[0].body.size;
	while (taken < VIVA_MIN(count, most) && bytes + messages[taken].body.size <= most_bytes)
		bytes += messages[taken++].body.size;
	*ret_bytes = bytes;
	return taken;
}

int sqlite_bus_publish(struct viva_bus *base, const struct viva_bus_message *messages, size_t count,
		       int64_t deadline_us, struct viva_error *error)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	int status = 0;
	while (count > 0 && !status) {
		struct portion portion = {.bus = bus, .messages = messages, .deadline_us = deadline_us};
		size_t bytes;
		portion.count = take_portion(bus, messages, count, &bytes);
		status = sqlite_bus_check_space(bus, bytes, error);
		if (!status)
			status = enter_window(bus, portion.count, bytes, deadline_us, error);
		if (status)
			return status;
		status = viva_store_transact(bus->store, add_portion, &portion, error);
		leave_window(bus, portion.count, bytes);
		if (!status)
			viva_peers_tell(bus->peers, &portion.news);
		messages += portion.count;
		count -= portion.count;
	}
	return status;
}
