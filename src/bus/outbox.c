// SPDX-License-Identifier: Apache-2.0
//
// A message is born claimed by the process that adds it, so that its relay needs no claim of its own: it reads what is
// its, publishes, deletes. Others take over what its owner has left alone for too long.
#include "bus/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/metrics.h"
#include "bus/bus_backend.h"

enum {
	MAX_BATCH = 4096,
	MAX_SERVICE = 32,
	MAX_LINGER_MS = 60 * 1000,
	MIN_BACKOFF_MS = 100,
	MAX_BACKOFF_MS = 5000,
};

struct viva_outbox {
	struct viva_outbox_options options;
	int64_t token;                  // tells processes apart; > 0
	_Atomic int64_t last_position;  // positions grow within the process
	_Atomic int64_t known_waiting;  // of all: what the last poll counted, and what we added and published since
	struct viva_metric *published, *failures, *refused, *full, *waiting;
	struct outbox_statements {
		char add[320], read[320], remove[96], renew[128], put_aside[128], look[192], take[384], leave[128],
			count[64];
	} sql;

	pthread_t thread;
	pthread_mutex_t lock;  // of the four below
	pthread_cond_t moved;
	bool may_have_more;
	int64_t due_at_us;  // when what is more has lingered long enough; monotonic, real
	bool is_closing;
	int64_t close_at_us;  // monotonic, real

	// The relay's own.
	size_t batch;  // smaller for a while when there was no room for more
	unsigned failed;
	int64_t next_poll_us, not_before_us;
};

struct viva_outbox_options viva_outbox_defaults(void)
{
	return (struct viva_outbox_options){.clock = viva_system_clock(),
					    .random = viva_system_random(),
					    .batch = 256,
					    .max_events = 1000000,
					    .poll_ms = 1000,
					    .claim_ms = 10000};
}

// Waits are real ones, whatever clock the messages are dated by.
static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

static int64_t unix_ms(const struct viva_outbox *outbox)
{
	return outbox->options.clock->unix_ms(outbox->options.clock);
}

// ---- adding

// Unix microseconds, but never the same twice, and never back.
static int64_t next_position(struct viva_outbox *outbox)
{
	int64_t now = unix_ms(outbox) * 1000;
	int64_t last = atomic_load(&outbox->last_position), next;
	do
		next = VIVA_MAX(now, last + 1);
	while (!atomic_compare_exchange_weak(&outbox->last_position, &last, next));
	return next;
}

int viva_outbox_add(struct viva_outbox *outbox, struct viva_store_transaction *transaction,
		    const struct viva_bus_message *message, struct viva_error *error)
{
	struct viva_bus_message complete = *message;
	struct viva_bus_completion texts;
	int status = viva_bus_check_message(&outbox->options.bus->options, message, error);
	if (status)
		return status;
	int64_t waiting = atomic_load(&outbox->known_waiting);
	if (waiting >= outbox->options.max_events) {
		viva_metric_add(outbox->full, 1);
		return viva_fail(error, VIVA_EOVERLOAD, NULL, "the outbox is full: %lld events wait for the bus",
				 (long long)waiting);
	}
	struct viva_bus_options options = outbox->options.bus->options;
	options.clock = outbox->options.clock;
	options.random = outbox->options.random;
	viva_bus_complete_message(&options, &complete, &texts);
	struct viva_value values[] = {
		viva_value_text(complete.message_id),  viva_value_int(next_position(outbox)),
		viva_value_int(outbox->token),         viva_value_int(unix_ms(outbox) + outbox->options.claim_ms),
		viva_value_text(complete.routing_key), viva_value_text(complete.type),
		viva_value_text(complete.session_id),  viva_value_text(complete.traceparent),
		viva_value_int(complete.timestamp_ms), viva_value_bytes(complete.body)};
	// Of a transaction that comes to nothing, or runs again, the next poll knows.
	atomic_fetch_add(&outbox->known_waiting, 1);
	return viva_transaction_execute(transaction, outbox->sql.add, values, VIVA_COUNT(values), NULL, error);
}

static void wake_within(struct viva_outbox *outbox, uint32_t linger_ms)
{
	int64_t due_at_us = now_us() + (int64_t)linger_ms * 1000;
	pthread_mutex_lock(&outbox->lock);
	bool is_sooner = !outbox->may_have_more || due_at_us < outbox->due_at_us;
	outbox->may_have_more = true;
	if (is_sooner) {
		outbox->due_at_us = due_at_us;
		pthread_cond_signal(&outbox->moved);
	}
	pthread_mutex_unlock(&outbox->lock);
}

void viva_outbox_wake(struct viva_outbox *outbox)
{
	wake_within(outbox, outbox->options.linger_ms);
}

int viva_outbox_waiting(struct viva_outbox *outbox, int64_t *ret_count, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the outbox");
	int status = viva_store_query(outbox->options.store, arena, outbox->sql.count, NULL, 0, &rows, error);
	if (!status)
		*ret_count = viva_rows_int(&rows, 0, 0);
	return status;
}

// ---- what is ours

struct portion {
	struct viva_outbox *outbox;
	const struct viva_bus_message *messages;
	size_t count;
	int64_t claimed_until;
};

static struct viva_bus_message message_of(const struct viva_rows *rows, size_t row)
{
	return (struct viva_bus_message){.message_id = viva_rows_text(rows, row, 0),
					 .routing_key = viva_rows_text(rows, row, 2),
					 .type = viva_rows_text(rows, row, 3),
					 .session_id = viva_rows_text(rows, row, 4),
					 .traceparent = viva_rows_text(rows, row, 5),
					 .timestamp_ms = viva_rows_int(rows, row, 6),
					 .body = viva_rows_bytes(rows, row, 7)};
}

// Our oldest messages, at most a batch.
static int read_batch(struct viva_outbox *outbox, struct viva_arena *arena, struct portion *ret_portion,
		      int64_t *ret_claimed_until)
{
	struct viva_value values[] = {viva_value_int(outbox->token), viva_value_int((int64_t)outbox->batch)};
	struct viva_rows rows = {0};
	int status = viva_store_query(outbox->options.store, arena, outbox->sql.read, values, VIVA_COUNT(values), &rows,
				      NULL);
	if (status)
		return status;
	struct viva_bus_message *messages = viva_arena_alloc(arena, (rows.row_count + 1) * sizeof *messages);
	if (!messages)
		return VIVA_ENOMEM;
	*ret_claimed_until = INT64_MAX;
	for (size_t i = 0; i < rows.row_count; i++) {
		messages[i] = message_of(&rows, i);
		*ret_claimed_until = VIVA_MIN(*ret_claimed_until, viva_rows_int(&rows, i, 1));
	}
	*ret_portion = (struct portion){.outbox = outbox, .messages = messages, .count = rows.row_count};
	return 0;
}

static int remove_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct portion *portion = context;
	int status = 0;
	for (size_t i = 0; i < portion->count && !status; i++) {
		struct viva_value id = viva_value_text(portion->messages[i].message_id);
		status = viva_transaction_execute(transaction, portion->outbox->sql.remove, &id, 1, NULL, error);
	}
	return status;
}

// Those that somebody took over meanwhile stay his.
static int renew_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct portion *portion = context;
	int status = 0;
	for (size_t i = 0; i < portion->count && !status; i++) {
		struct viva_value values[] = {viva_value_text(portion->messages[i].message_id),
					      viva_value_int(portion->outbox->token),
					      viva_value_int(portion->claimed_until)};
		status = viva_transaction_execute(transaction, portion->outbox->sql.renew, values, VIVA_COUNT(values),
						  NULL, error);
	}
	return status;
}

static int put_aside_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	const struct portion *portion = context;
	struct viva_value values[] = {viva_value_text(portion->messages[0].message_id),
				      viva_value_int(portion->claimed_until)};
	return viva_transaction_execute(transaction, portion->outbox->sql.put_aside, values, VIVA_COUNT(values), NULL,
					error);
}

// ---- publishing

static int publish_portion(struct portion *portion)
{
	struct viva_outbox *outbox = portion->outbox;
	// Not so long that others might take it over meanwhile.
	const struct viva_clock *bus_clock = outbox->options.bus->options.clock;
	int64_t deadline_us = viva_clock_monotonic_us(bus_clock) + (int64_t)outbox->options.claim_ms * 500;
	struct viva_error error = {0};
	int status = viva_bus_publish(outbox->options.bus, portion->messages, portion->count, deadline_us, &error);
	if (status)
		return status;
	viva_metric_add(outbox->published, (double)portion->count);
	atomic_fetch_sub(&outbox->known_waiting, (int64_t)portion->count);
	// Lost with the power it means a second publication, which consumers bear.
	return viva_store_transact_lazily(outbox->options.store, remove_within, portion, &error);
}

static bool is_final(int status)
{
	return status == VIVA_EINVAL || status == VIVA_ELIMIT;
}

// One that the bus will not take must not hold up the others: it is nobody's until its claim is over.
static int publish_one_by_one(const struct portion *portion)
{
	struct viva_outbox *outbox = portion->outbox;
	int status = 0;
	for (size_t i = 0; i < portion->count && !status; i++) {
		struct portion one = {.outbox = outbox, .messages = &portion->messages[i], .count = 1};
		status = publish_portion(&one);
		if (!is_final(status))
			continue;
		viva_metric_add(outbox->refused, 1);
		one.claimed_until = unix_ms(outbox) + outbox->options.claim_ms;
		status = viva_store_transact_lazily(outbox->options.store, put_aside_within, &one, NULL);
	}
	return status;
}

// Publishes our oldest messages. *ret_count: how many there were. *ret_is_last: there were no more of them then.
static int relay_batch(struct viva_outbox *outbox, size_t *ret_count, bool *ret_is_last)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct portion portion = {0};
	int64_t claimed_until;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	int status = read_batch(outbox, arena, &portion, &claimed_until);
	if (status)
		return status;
	int64_t now_ms = unix_ms(outbox);
	*ret_count = portion.count;
	*ret_is_last = portion.count < outbox->batch;
	if (portion.count > 0 && claimed_until < now_ms + outbox->options.claim_ms / 2) {
		// What is left of them after this is ours for long enough: the next batch.
		*ret_is_last = false;
		portion.claimed_until = now_ms + outbox->options.claim_ms;
		return viva_store_transact_lazily(outbox->options.store, renew_within, &portion, NULL);
	}
	status = portion.count > 0 ? publish_portion(&portion) : 0;
	return is_final(status) ? publish_one_by_one(&portion) : status;
}

// ---- what others left

// Dates that no clock that is right could have given count as past.
static int take_over(struct viva_outbox *outbox, struct viva_arena *arena)
{
	int64_t now_ms = unix_ms(outbox);
	int64_t too_far_ms = now_ms + 10 * (int64_t)outbox->options.claim_ms;
	struct viva_value values[] = {viva_value_int(outbox->token), viva_value_int(now_ms), viva_value_int(too_far_ms),
				      viva_value_int(now_ms + outbox->options.claim_ms),
				      viva_value_int((int64_t)outbox->options.batch)};
	struct viva_rows rows = {0};
	int status = viva_store_query(outbox->options.store, arena, outbox->sql.look, values, 3, &rows, NULL);
	if (status || rows.row_count == 0)
		return status;
	return viva_store_execute(outbox->options.store, outbox->sql.take, values, VIVA_COUNT(values), NULL, NULL);
}

static void poll(struct viva_outbox *outbox)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	int64_t waiting, known = atomic_load(&outbox->known_waiting);
	outbox->next_poll_us = now_us() + (int64_t)outbox->options.poll_ms * 1000;
	if (viva_arena_create(0, &arena))
		return;
	// What fails is done at the next poll.
	(void)!take_over(outbox, arena);
	if (viva_outbox_waiting(outbox, &waiting, NULL) != 0)
		return;
	// What we add and publish meanwhile stays counted.
	atomic_fetch_add(&outbox->known_waiting, waiting - known);
	viva_metric_set(outbox->waiting, (double)waiting);
}

// Others need not wait until our claims are over.
static void leave(struct viva_outbox *outbox)
{
	struct viva_value token = viva_value_int(outbox->token);
	(void)!viva_store_execute(outbox->options.store, outbox->sql.leave, &token, 1, NULL, NULL);
}

// ---- the relay

static void note_outcome(struct viva_outbox *outbox, int status, size_t count)
{
	if (!status) {
		outbox->failed = 0;
		outbox->batch = VIVA_MIN(outbox->batch * 2, outbox->options.batch);
		return;
	}
	// Fewer may fit.
	if (status == VIVA_ENOMEM || status == VIVA_EOVERLOAD)
		outbox->batch = VIVA_MAX((count ? count : outbox->batch) / 2, (size_t)1);
	int64_t backoff_ms = (int64_t)MIN_BACKOFF_MS << VIVA_MIN(outbox->failed, 6u);
	backoff_ms = VIVA_MIN(backoff_ms, (int64_t)MAX_BACKOFF_MS);
	backoff_ms += (int64_t)viva_random_below(outbox->options.random, (uint64_t)backoff_ms / 2);
	outbox->not_before_us = now_us() + backoff_ms * 1000;
	outbox->failed++;
	viva_metric_add(outbox->failures, 1);
}

// Waits for something to do. False: it is time to end.
static bool wait_for_work(struct viva_outbox *outbox)
{
	pthread_mutex_lock(&outbox->lock);
	for (;;) {
		int64_t now = now_us();
		bool is_due = outbox->may_have_more && (outbox->is_closing || now >= outbox->due_at_us);
		bool is_ready = outbox->failed > 0 ? now >= outbox->not_before_us : is_due;
		if ((outbox->is_closing && now >= outbox->close_at_us) || is_ready || now >= outbox->next_poll_us)
			break;
		int64_t until_us = outbox->next_poll_us;
		if (outbox->failed > 0)
			until_us = VIVA_MIN(until_us, outbox->not_before_us);
		else if (outbox->may_have_more)
			until_us = VIVA_MIN(until_us, outbox->due_at_us);
		if (outbox->is_closing)
			until_us = VIVA_MIN(until_us, outbox->close_at_us);
		struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
		pthread_cond_clockwait(&outbox->moved, &outbox->lock, CLOCK_MONOTONIC, &until);
	}
	outbox->may_have_more = false;
	bool is_over = outbox->is_closing && now_us() >= outbox->close_at_us;
	pthread_mutex_unlock(&outbox->lock);
	return !is_over;
}

static bool is_closing(struct viva_outbox *outbox)
{
	pthread_mutex_lock(&outbox->lock);
	bool is = outbox->is_closing;
	pthread_mutex_unlock(&outbox->lock);
	return is;
}

static void *relay_until_closed(void *context)
{
	struct viva_outbox *outbox = context;
	bool is_over = false;
	while (!is_over && wait_for_work(outbox)) {
		if (now_us() >= outbox->next_poll_us)
			poll(outbox);
		if (outbox->failed > 0 && now_us() < outbox->not_before_us)
			continue;
		bool was_closing = is_closing(outbox);
		bool is_last = true;
		size_t count = 0;
		int status = relay_batch(outbox, &count, &is_last);
		note_outcome(outbox, status, count);
		// What was added since has been told of by wake(), but for what a closing one must not leave behind.
		if (count > 0 && (!is_last || was_closing))
			wake_within(outbox, 0);
		is_over = was_closing && count == 0 && outbox->failed == 0;
	}
	leave(outbox);
	return NULL;
}

// ---- the outbox

static void write_statements(struct outbox_statements *sql, const char *service)
{
#define FORMAT(member, ...) snprintf(sql->member, sizeof sql->member, __VA_ARGS__)
	FORMAT(add,
	       "INSERT INTO %s_outbox (message_id, position, owner, claimed_until, routing_key, type, session_id,"
	       " traceparent, created_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	       " ON CONFLICT (message_id) DO NOTHING",
	       service);
	FORMAT(read,
	       "SELECT message_id, claimed_until, routing_key, type, session_id, traceparent, created_at, body"
	       " FROM %s_outbox WHERE owner = $1 ORDER BY position LIMIT $2",
	       service);
	FORMAT(remove, "DELETE FROM %s_outbox WHERE message_id = $1", service);
	FORMAT(renew, "UPDATE %s_outbox SET claimed_until = $3 WHERE message_id = $1 AND owner = $2", service);
	FORMAT(put_aside, "UPDATE %s_outbox SET owner = 0, claimed_until = $2 WHERE message_id = $1", service);
	FORMAT(look,
	       "SELECT 1 FROM %s_outbox WHERE owner <> $1 AND (claimed_until <= $2 OR claimed_until > $3) LIMIT 1",
	       service);
	// Two that take at the same time: the condition is looked at again for what the other has changed.
	FORMAT(take,
	       "UPDATE %s_outbox SET owner = $1, claimed_until = $4 WHERE message_id IN"
	       " (SELECT message_id FROM %s_outbox WHERE owner <> $1 AND (claimed_until <= $2 OR claimed_until > $3)"
	       " ORDER BY position LIMIT $5)"
	       " AND owner <> $1 AND (claimed_until <= $2 OR claimed_until > $3)",
	       service, service);
	FORMAT(leave, "UPDATE %s_outbox SET claimed_until = 0 WHERE owner = $1", service);
	FORMAT(count, "SELECT count(*) FROM %s_outbox", service);
#undef FORMAT
}

static void register_metrics(struct viva_outbox *outbox)
{
	outbox->published =
		viva_counter("viva_outbox_published_total", "", "Messages of the outbox that were published");
	outbox->failures = viva_counter("viva_outbox_failures_total", "", "Batches that failed, to be tried again");
	outbox->refused =
		viva_counter("viva_outbox_refused_total", "", "Messages put aside, as the bus will not take them");
	outbox->full = viva_counter("viva_outbox_full_total", "", "Events refused, as too many waited");
	outbox->waiting = viva_gauge("viva_outbox_waiting", "", "Messages in the outbox, of all instances");
}

int viva_outbox_create(const struct viva_outbox_options *options, struct viva_outbox **ret_outbox)
{
	size_t name_size = options->service ? strlen(options->service) : 0;
	if (!options->store || !options->bus || name_size == 0 || name_size > MAX_SERVICE || options->batch == 0 ||
	    options->batch > MAX_BATCH || options->linger_ms > MAX_LINGER_MS || options->poll_ms == 0 ||
	    options->max_events <= 0 || options->claim_ms <= options->poll_ms)
		return VIVA_EINVAL;
	struct viva_outbox *outbox = calloc(1, sizeof *outbox);
	if (!outbox)
		return VIVA_ENOMEM;
	outbox->options = *options;
	outbox->batch = options->batch;
	outbox->may_have_more = true;
	outbox->close_at_us = INT64_MAX;
	uint64_t token;
	viva_system_random()->fill(viva_system_random(), &token, sizeof token);
	outbox->token = (int64_t)(token >> 1 | 1);
	write_statements(&outbox->sql, options->service);
	register_metrics(outbox);
	pthread_mutex_init(&outbox->lock, NULL);
	pthread_cond_init(&outbox->moved, NULL);
	if (pthread_create(&outbox->thread, NULL, relay_until_closed, outbox)) {
		free(outbox);
		return VIVA_EINTERNAL;
	}
	pthread_setname_np(outbox->thread, "outbox-relay");
	*ret_outbox = outbox;
	return 0;
}

struct viva_outbox *viva_outbox_close(struct viva_outbox *outbox, uint32_t grace_ms)
{
	if (!outbox)
		return NULL;
	pthread_mutex_lock(&outbox->lock);
	outbox->is_closing = true;
	outbox->may_have_more = true;
	outbox->close_at_us = now_us() + (int64_t)grace_ms * 1000;
	pthread_cond_signal(&outbox->moved);
	pthread_mutex_unlock(&outbox->lock);
	pthread_join(outbox->thread, NULL);
	pthread_cond_destroy(&outbox->moved);
	pthread_mutex_destroy(&outbox->lock);
	free(outbox);
	return NULL;
}
