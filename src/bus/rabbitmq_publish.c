// SPDX-License-Identifier: Apache-2.0
//
// viva_bus_publish() over RabbitMQ: calls wait, in the order they came, for room among the unconfirmed messages, hand
// theirs to the publisher, and wait for its word. Bodies are not copied: who waits keeps them, and who gives up makes
// sure that nobody reads them any more.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bus/rabbitmq.h"
#include "bus/rabbitmq_connection.h"
#include "bus/rabbitmq_message.h"

enum {
	BLOCKED_PATIENCE_US = 2 * 1000000,  // how long a call waits for a broker that takes nothing
	DOWN_PATIENCE_US = 10 * 1000000,    // and for one that is not there
	LOOK_US = 250 * 1000,               // how often a call looks at how the broker is
	BATCH_MESSAGES = 64,                // handed over together
	BATCH_BYTES = 1 << 20,
};

// One call of publish(), on its caller's stack. `unfinished` and what is below change under the lock.
struct call {
	struct call *next;
	pthread_cond_t has_changed;
	struct batch *batches;
	size_t unfinished;  // handed over, no word yet
	int status;         // the first failure
	bool wants_room;
};

// Some messages of a call, in one block: themselves, then their texts.
struct batch {
	struct batch *next;  // of the call
	struct viva_rabbitmq_calls *calls;
	struct call *call;  // NULL: it went away
	atomic_bool is_abandoned;
	size_t users;  // publications without a word, and the call
	struct item {
		struct viva_rabbitmq_publication publication;
		struct batch *batch;
		amqp_table_entry_t headers[VIVA_RABBITMQ_MAX_HEADERS];
	} items[];
};

struct viva_rabbitmq_calls {
	struct viva_rabbitmq_spares spares;  // of batches
	pthread_mutex_t lock;                // of all below
	struct call *first;                  // that are inside
	size_t count, bytes;                 // unconfirmed, of all calls
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

int viva_rabbitmq_calls_create(struct viva_rabbitmq_calls **ret_calls)
{
	struct viva_rabbitmq_calls *calls = calloc(1, sizeof *calls);
	if (!calls)
		return VIVA_ENOMEM;
	pthread_mutex_init(&calls->lock, NULL);
	viva_rabbitmq_spares_init(&calls->spares);
	*ret_calls = calls;
	return 0;
}

struct viva_rabbitmq_calls *viva_rabbitmq_calls_destroy(struct viva_rabbitmq_calls *calls)
{
	if (!calls)
		return NULL;
	viva_rabbitmq_spares_finish(&calls->spares);
	pthread_mutex_destroy(&calls->lock);
	free(calls);
	return NULL;
}

// ---- the publications' side

static struct item *item_of(struct viva_rabbitmq_publication *publication)
{
	return (struct item *)publication;  // its first member
}

static bool is_wanted(struct viva_rabbitmq_publication *publication)
{
	return !atomic_load(&item_of(publication)->batch->is_abandoned);
}

// The first that waits for room; only it may take some, so that large ones come to their turn.
static struct call *first_wanting(struct viva_rabbitmq_calls *calls)
{
	struct call *call = calls->first;
	while (call && !call->wants_room)
		call = call->next;
	return call;
}

static void give_room_back(struct viva_rabbitmq_calls *calls, size_t count, size_t bytes)
{
	calls->count -= count;
	calls->bytes -= bytes;
	struct call *wanting = first_wanting(calls);
	if (wanting)
		pthread_cond_signal(&wanting->has_changed);
}

static void leave_batch(struct batch *batch)
{
	if (--batch->users == 0)
		viva_rabbitmq_spares_give(batch);
}

static void on_done(struct viva_rabbitmq_publication *publication, int status)
{
	struct batch *batch = item_of(publication)->batch;
	struct viva_rabbitmq_calls *calls = batch->calls;
	pthread_mutex_lock(&calls->lock);
	struct call *call = batch->call;
	if (call) {
		if (status && !call->status)
			call->status = status;
		if (--call->unfinished == 0)
			pthread_cond_signal(&call->has_changed);
	}
	give_room_back(calls, 1, publication->body.size);
	leave_batch(batch);
	pthread_mutex_unlock(&calls->lock);
}

static const struct viva_rabbitmq_publication_class item_class = {.is_wanted = is_wanted, .on_done = on_done};

// ---- handing over

static size_t texts_size(const struct viva_bus_message *message)
{
	return strlen(message->type) + strlen(message->message_id) + strlen(message->session_id) +
	       strlen(message->traceparent) + 4;
}

static const char *keep(char **cursor, const char *text)
{
	size_t size = strlen(text) + 1;
	char *kept = memcpy(*cursor, text, size);
	*cursor += size;
	return kept;
}

static int partition_of(const struct viva_bus *bus, const struct viva_bus_message *message)
{
	if (strcmp(message->routing_key, VIVA_KEY_FRAME_ACCEPTED) != 0)
		return -1;
	return (int)viva_bus_partition(message->session_id, bus->options.frame_partitions);
}

static void fill_item(const struct viva_bus *bus, const struct viva_bus_message *message, struct item *item,
		      char **cursor)
{
	struct viva_bus_message kept = *message;
	kept.type = keep(cursor, message->type);
	kept.message_id = keep(cursor, message->message_id);
	kept.session_id = keep(cursor, message->session_id);
	kept.traceparent = keep(cursor, message->traceparent);
	size_t key = viva_bus_key(message->routing_key);
	item->publication = (struct viva_rabbitmq_publication){.class = &item_class,
							       .exchange = VIVA_BUS_EXCHANGE,
							       .routing_key = viva_bus_key_name(key),
							       .may_be_lost = !viva_bus_key_has_queue(key),
							       .body = kept.body};
	viva_rabbitmq_set_properties(&kept, partition_of(bus, message), item->headers, &item->publication.properties);
}

static struct batch *make_batch(struct viva_rabbitmq_bus *rabbitmq, const struct viva_bus_message *messages,
				size_t count)
{
	size_t size = sizeof(struct batch) + count * sizeof(struct item);
	for (size_t i = 0; i < count; i++)
		size += texts_size(&messages[i]);
	struct batch *batch = viva_rabbitmq_spares_take(&rabbitmq->calls->spares, size);
	if (!batch)
		return NULL;
	batch->calls = rabbitmq->calls;
	atomic_init(&batch->is_abandoned, false);
	batch->users = count + 1;
	char *cursor = (char *)(batch->items + count);
	for (size_t i = 0; i < count; i++) {
		fill_item(&rabbitmq->bus, &messages[i], &batch->items[i], &cursor);
		batch->items[i].batch = batch;
		batch->items[i].publication.next = i + 1 < count ? &batch->items[i + 1].publication : NULL;
	}
	return batch;
}

// ---- the call's side

// How many of the messages make the next batch, and their bodies' size; at least one.
static size_t choose_batch(const struct viva_bus_options *options, const struct viva_bus_message *messages,
			   size_t count, size_t *ret_bytes)
{
	size_t limit = VIVA_MIN((size_t)BATCH_MESSAGES, options->max_unconfirmed);
	size_t max_bytes = VIVA_MIN((size_t)BATCH_BYTES, options->max_unconfirmed_bytes), chosen = 1;
	*ret_bytes = messages[0].body.size;
	while (chosen < VIVA_MIN(count, limit) && *ret_bytes + messages[chosen].body.size <= max_bytes)
		*ret_bytes += messages[chosen++].body.size;
	return chosen;
}

// Until when the call waits as things are now; its reason if that is over.
static int64_t patience_until(struct viva_rabbitmq_bus *rabbitmq, int64_t deadline_us, int *ret_status,
			      struct viva_error *error)
{
	int64_t since_us = 0;
	struct viva_error why = {0};
	int status = viva_rabbitmq_publisher_check(rabbitmq->publisher, &since_us, &why);
	int64_t until_us = deadline_us;
	if (status == VIVA_EOVERLOAD)
		until_us = VIVA_MIN(deadline_us, since_us + BLOCKED_PATIENCE_US);
	else if (status)
		until_us = VIVA_MIN(deadline_us, since_us + DOWN_PATIENCE_US);
	else
		status = viva_fail(&why, VIVA_EDEADLINE, NULL, "RabbitMQ did not confirm in time");
	*ret_status = status;
	if (error)
		*error = why;
	return until_us;
}

// Waits, with the lock held, for a change of the call. 0, or why there is no more patience.
static int wait_for_change(struct viva_rabbitmq_bus *rabbitmq, struct call *call, int64_t deadline_us,
			   struct viva_error *error)
{
	int status = 0;
	struct viva_error why = {0};
	int64_t until_us = patience_until(rabbitmq, deadline_us, &status, &why), now = now_us();
	if (now >= until_us) {
		if (error)
			*error = why;
		return status;
	}
	// Nobody tells the calls that the broker went away or blocks: they look from time to time.
	int64_t look_us = VIVA_MIN(until_us, now + LOOK_US);
	struct timespec look = {.tv_sec = look_us / 1000000, .tv_nsec = look_us % 1000000 * 1000};
	pthread_cond_timedwait(&call->has_changed, &rabbitmq->calls->lock, &look);
	return 0;
}

static bool has_room(const struct viva_rabbitmq_bus *rabbitmq, size_t count, size_t bytes)
{
	const struct viva_rabbitmq_calls *calls = rabbitmq->calls;
	const struct viva_bus_options *options = &rabbitmq->bus.options;
	return calls->count + count <= options->max_unconfirmed &&
	       (calls->bytes + bytes <= options->max_unconfirmed_bytes || calls->count == 0);
}

// With the lock held: takes room, waiting for it if need be.
static int take_room(struct viva_rabbitmq_bus *rabbitmq, struct call *call, size_t count, size_t bytes,
		     int64_t deadline_us, struct viva_error *error)
{
	struct viva_rabbitmq_calls *calls = rabbitmq->calls;
	int status = now_us() < deadline_us
			     ? 0
			     : viva_fail(error, VIVA_EDEADLINE, NULL, "the deadline was over before publishing began");
	call->wants_room = true;
	while (!status && !(first_wanting(calls) == call && has_room(rabbitmq, count, bytes)))
		status = wait_for_change(rabbitmq, call, deadline_us, error);
	call->wants_room = false;
	if (!status) {
		calls->count += count;
		calls->bytes += bytes;
	}
	// Whoever is next may find room as well.
	give_room_back(calls, 0, 0);
	return status;
}

static int hand_over(struct viva_rabbitmq_bus *rabbitmq, struct call *call, const struct viva_bus_message *messages,
		     size_t count, size_t bytes, struct viva_error *error)
{
	struct viva_rabbitmq_calls *calls = rabbitmq->calls;
	struct batch *batch = make_batch(rabbitmq, messages, count);
	pthread_mutex_lock(&calls->lock);
	if (batch) {
		batch->call = call;
		batch->next = call->batches;
		call->batches = batch;
		call->unfinished += count;
	} else {
		give_room_back(calls, count, bytes);
	}
	pthread_mutex_unlock(&calls->lock);
	if (!batch)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to publish");
	viva_rabbitmq_publisher_submit(rabbitmq->publisher, &batch->items[0].publication);
	return 0;
}

static void enter(struct viva_rabbitmq_calls *calls, struct call *call)
{
	viva_rabbitmq_monotonic_cond_init(&call->has_changed);
	pthread_mutex_lock(&calls->lock);
	struct call **end = &calls->first;
	while (*end)
		end = &(*end)->next;
	*end = call;
	pthread_mutex_unlock(&calls->lock);
}

static void leave(struct viva_rabbitmq_bus *rabbitmq, struct call *call)
{
	struct viva_rabbitmq_calls *calls = rabbitmq->calls;
	pthread_mutex_lock(&calls->lock);
	bool gives_up = call->unfinished > 0;
	struct call **at = &calls->first;
	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	for (struct batch *batch = call->batches, *next; batch; batch = next) {
		next = batch->next;
		batch->call = NULL;
		atomic_store(&batch->is_abandoned, true);
		leave_batch(batch);
	}
	pthread_mutex_unlock(&calls->lock);
	pthread_cond_destroy(&call->has_changed);
	if (gives_up)
		viva_rabbitmq_publisher_let_go(rabbitmq->publisher);
}

static int explain(int status, struct viva_error *error)
{
	switch (status) {
	case 0:
		return 0;
	case VIVA_EOVERLOAD:
		return viva_fail(error, status, NULL, "RabbitMQ refused a message");
	case VIVA_EUNAVAILABLE:
		return viva_fail(error, status, NULL, "RabbitMQ has no queue for a message");
	case VIVA_ELIMIT:
		return viva_fail(error, status, NULL, "a message is larger than RabbitMQ takes");
	default:
		return viva_fail(error, VIVA_ECLOSED, NULL, "the bus was closed");
	}
}

int viva_rabbitmq_publish(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count,
			  int64_t deadline_us, struct viva_error *error)
{
	struct viva_rabbitmq_bus *rabbitmq = viva_rabbitmq_of(bus);
	struct viva_rabbitmq_calls *calls = rabbitmq->calls;
	struct call call = {0};
	int status = 0;
	enter(calls, &call);
	for (size_t done = 0, chosen; done < count && !status; done += chosen) {
		size_t bytes;
		chosen = choose_batch(&bus->options, messages + done, count - done, &bytes);
		pthread_mutex_lock(&calls->lock);
		status = take_room(rabbitmq, &call, chosen, bytes, deadline_us, error);
		pthread_mutex_unlock(&calls->lock);
		if (!status)
			status = hand_over(rabbitmq, &call, messages + done, chosen, bytes, error);
	}
	pthread_mutex_lock(&calls->lock);
	while (!status && call.unfinished > 0)
		status = wait_for_change(rabbitmq, &call, deadline_us, error);
	if (!status)
		status = explain(call.status, error);
	pthread_mutex_unlock(&calls->lock);
	leave(rabbitmq, &call);
	return status;
}
