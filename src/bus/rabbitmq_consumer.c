// SPDX-License-Identifier: Apache-2.0
//
// Consuming from RabbitMQ: a connection of its own, whose thread takes deliveries in and acknowledgements out, and a
// second thread that hands the deliveries to the subscriber, so that one that blocks does not lose the connection.
//
// The state of a delivery:
//
//   waiting ─▶ begun ─▶ moving ─▶ settled ─▶ acknowledged, freed
//      │         │ ACK    │ (being published elsewhere)
//      ▼         └────────┴─▶ lost, with its connection: it comes again, and settling it changes nothing
//   returned, at the end
#include "bus/rabbitmq_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	ACK_PAUSE_MS = 2,  // an acknowledgement waits so long for others to be sent with it
	ACK_SHARE = 4,     // but not when this part of the prefetch waits
	MOVE_PATIENCE_US = 10 * 1000000,
	MAX_OVERSIZE_BYTES = 64 << 20,  // too large deliveries held at a time, until they are dead letters
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// ---- the deliveries of the present connection, in their order

static void append(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_delivery *delivery)
{
	delivery->previous = consumer->last;
	if (consumer->last)
		consumer->last->next = delivery;
	else
		consumer->first = delivery;
	consumer->last = delivery;
}

static void unlink_delivery(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_delivery *delivery)
{
	if (delivery->previous)
		delivery->previous->next = delivery->next;
	else
		consumer->first = delivery->next;
	if (delivery->next)
		delivery->next->previous = delivery->previous;
	else
		consumer->last = delivery->previous;
}

void viva_rabbitmq_delivery_free(struct viva_rabbitmq_delivery *delivery)
{
	viva_rabbitmq_parcel_free(delivery->parcel);
	free(delivery);
}

void viva_rabbitmq_consumer_release(struct viva_rabbitmq_consumer *consumer)
{
	if (atomic_fetch_sub(&consumer->users, 1) != 1)
		return;
	viva_rabbitmq_spares_finish(&consumer->spares);
	pthread_cond_destroy(&consumer->has_changed);
	pthread_mutex_destroy(&consumer->lock);
	free(consumer);
}

// ---- the thread of the connection

static int subscribe(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_link *link, size_t part,
		     struct viva_error *error)
{
	char name[VIVA_RABBITMQ_NAME_SIZE], tag[24];
	viva_rabbitmq_queue_name(consumer->consumer.subscription.queue, part, name);
	snprintf(tag, sizeof tag, "%zu", part);
	amqp_basic_consume(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(tag), false,
			   false, false, amqp_empty_table);
	return viva_rabbitmq_check_reply(link, name, error);
}

static int on_up(void *context, struct viva_rabbitmq_link *link, struct viva_error *error)
{
	struct viva_rabbitmq_consumer *consumer = context;
	const struct viva_bus_options *options = &consumer->consumer.bus->options;
	const struct viva_bus_subscription *subscription = &consumer->consumer.subscription;
	pthread_mutex_lock(&consumer->lock);
	bool is_stopped = consumer->is_stopped;
	pthread_mutex_unlock(&consumer->lock);
	if (is_stopped)
		return 0;
	int status = viva_rabbitmq_declare(link, options, error);
	if (status)
		return status;
	amqp_basic_qos(link->state, VIVA_RABBITMQ_CHANNEL, 0, (uint16_t)subscription->prefetch, false);
	status = viva_rabbitmq_check_reply(link, "setting the prefetch", error);
	size_t parts = viva_rabbitmq_queue_parts(subscription->queue, options->frame_partitions);
	for (size_t part = 0; part < parts && !status; part++)
		status = subscribe(consumer, link, part, error);
	return status;
}

static int acknowledge(struct viva_rabbitmq_link *link, uint64_t tag, bool is_multiple, struct viva_error *error)
{
	return viva_rabbitmq_check_sent(link, amqp_basic_ack(link->state, VIVA_RABBITMQ_CHANNEL, tag, is_multiple),
					"acknowledging", error);
}

static int refuse(struct viva_rabbitmq_link *link, uint64_t tag, bool comes_again, struct viva_error *error)
{
	return viva_rabbitmq_check_sent(link, amqp_basic_reject(link->state, VIVA_RABBITMQ_CHANNEL, tag, comes_again),
					"refusing a message", error);
}

static int send_one(struct viva_rabbitmq_link *link, const struct viva_rabbitmq_delivery *delivery,
		    struct viva_error *error)
{
	uint64_t tag = delivery->parcel->delivery_tag;
	switch (delivery->state) {
	case VIVA_RABBITMQ_SETTLED:
		return acknowledge(link, tag, false, error);
	case VIVA_RABBITMQ_RETURNED:
		return refuse(link, tag, true, error);
	case VIVA_RABBITMQ_REFUSED:
		return refuse(link, tag, false, error);
	default:
		return 0;
	}
}

// The subscriber never sees a message that is larger than the bus takes: it is a dead letter at once, made by us as
// long as there is room to hold it, else by the broker.
static int take_oversize(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_link *link,
			 struct viva_rabbitmq_delivery *delivery, struct viva_error *error)
{
	const struct viva_rabbitmq_parcel *parcel = delivery->parcel;
	pthread_mutex_lock(&consumer->lock);
	bool fits = parcel->has_body && consumer->oversize_bytes + parcel->body_size <= MAX_OVERSIZE_BYTES;
	if (fits) {
		delivery->state = VIVA_RABBITMQ_BEGUN;
		delivery->is_oversize = true;
		consumer->oversize_bytes += parcel->body_size;
		consumer->begun++;
		append(consumer, delivery);
	}
	pthread_mutex_unlock(&consumer->lock);
	if (fits) {
		char reason[128];
		snprintf(reason, sizeof reason, "its body of %llu bytes is larger than the %zu allowed",
			 (unsigned long long)parcel->body_size, consumer->consumer.bus->options.max_message_bytes);
		viva_bus_settle(&delivery->delivery, VIVA_BUS_DEAD, reason);
		return 0;
	}
	uint64_t tag = parcel->delivery_tag;
	viva_rabbitmq_delivery_free(delivery);
	return refuse(link, tag, false, error);
}

static int take_parcel(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_link *link,
		       struct viva_rabbitmq_parcel *parcel, struct viva_error *error)
{
	const struct viva_bus *bus = consumer->consumer.bus;
	struct viva_rabbitmq_delivery *delivery = calloc(1, sizeof *delivery);
	size_t parts = viva_rabbitmq_queue_parts(consumer->consumer.subscription.queue, bus->options.frame_partitions);
	if (!delivery || parcel->subscription < 0 || (size_t)parcel->subscription >= parts) {
		int status = delivery ? VIVA_EPROTOCOL : VIVA_ENOMEM;
		free(delivery);
		viva_rabbitmq_parcel_free(parcel);
		return viva_fail(error, status, NULL, "a delivery could not be taken");
	}
	struct viva_bus_message *message = &delivery->delivery.message;
	*message = parcel->message;
	message->routing_key = viva_bus_bindings[consumer->consumer.subscription.queue].routing_key;
	if (message->timestamp_ms == 0)
		message->timestamp_ms = viva_clock_unix_ms(bus->options.clock);
	delivery->delivery.consumer = &consumer->consumer;
	delivery->delivery.retries = parcel->retries;
	delivery->delivery.is_redelivered = parcel->is_redelivered;
	delivery->parcel = parcel;
	delivery->epoch = consumer->epoch;
	if (!parcel->has_body || parcel->body_size > bus->options.max_message_bytes)
		return take_oversize(consumer, link, delivery, error);
	pthread_mutex_lock(&consumer->lock);
	append(consumer, delivery);
	if (!consumer->first_waiting) {
		consumer->first_waiting = delivery;
		pthread_cond_broadcast(&consumer->has_changed);
	}
	pthread_mutex_unlock(&consumer->lock);
	return 0;
}

static int on_frame(void *context, struct viva_rabbitmq_link *link, const amqp_frame_t *frame, struct viva_error *error)
{
	struct viva_rabbitmq_consumer *consumer = context;
	struct viva_rabbitmq_parcel *parcel;
	bool is_taken;
	int status = viva_rabbitmq_assemble(&consumer->assembler, frame, &is_taken, &parcel);
	if (status)
		return viva_fail(error, status, NULL, "a delivery is not as AMQP has it, or there is no memory for it");
	if (parcel)
		return take_parcel(consumer, link, parcel, error);
	// The queue was deleted, or moved to another node.
	if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_CANCEL_METHOD)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "RabbitMQ ended the subscription");
	return 0;
}

// Takes what is settled out of the list: from its front as far as that goes, to be acknowledged by one frame, and the
// others behind it one by one.
static struct viva_rabbitmq_delivery *take_settled(struct viva_rabbitmq_consumer *consumer, uint64_t *ret_front_tag)
{
	struct viva_rabbitmq_delivery *settled = consumer->settled;
	consumer->settled = NULL;
	consumer->settled_count = 0;
	*ret_front_tag = 0;
	while (consumer->first && consumer->first->state == VIVA_RABBITMQ_SETTLED) {
		*ret_front_tag = consumer->first->parcel->delivery_tag;
		consumer->first->state = VIVA_RABBITMQ_IN_FRONT;
		unlink_delivery(consumer, consumer->first);
	}
	for (struct viva_rabbitmq_delivery *delivery = settled; delivery; delivery = delivery->next_settled)
		if (delivery->state != VIVA_RABBITMQ_IN_FRONT)
			unlink_delivery(consumer, delivery);
	return settled;
}

static int send_settled(struct viva_rabbitmq_link *link, struct viva_rabbitmq_delivery *settled, uint64_t front_tag,
			struct viva_error *error)
{
	viva_rabbitmq_cork(link);
	int status = front_tag ? acknowledge(link, front_tag, true, error) : 0;
	for (struct viva_rabbitmq_delivery *delivery = settled, *next; delivery; delivery = next) {
		next = delivery->next_settled;
		if (!status)
			status = send_one(link, delivery, error);
		viva_rabbitmq_delivery_free(delivery);
	}
	viva_rabbitmq_uncork(link);
	return status;
}

static int on_turn(void *context, struct viva_rabbitmq_link *link, struct viva_rabbitmq_turn *turn,
		   struct viva_error *error)
{
	struct viva_rabbitmq_consumer *consumer = context;
	pthread_mutex_lock(&consumer->lock);
	turn->is_done = true;  // its end is asked for when everything was waited for
	bool is_time = consumer->settled_count >= consumer->ack_batch || turn->is_ending || consumer->is_stopped ||
		       now_us() >= consumer->settled_since_us + ACK_PAUSE_MS * 1000;
	struct viva_rabbitmq_delivery *settled = NULL;
	uint64_t front_tag = 0;
	if (consumer->settled && is_time)
		settled = take_settled(consumer, &front_tag);
	else if (consumer->settled)
		turn->pause_ms = ACK_PAUSE_MS;
	pthread_mutex_unlock(&consumer->lock);
	return settled ? send_settled(link, settled, front_tag, error) : 0;
}

// All that was delivered comes again. What nobody has begun or what is over goes now; the rest when it is settled.
static void on_down(void *context, int status)
{
	(void)status;
	struct viva_rabbitmq_consumer *consumer = context;
	viva_rabbitmq_assembler_reset(&consumer->assembler);
	pthread_mutex_lock(&consumer->lock);
	struct viva_rabbitmq_delivery *first = consumer->first;
	consumer->first = consumer->last = consumer->first_waiting = consumer->settled = NULL;
	consumer->settled_count = 0;
	consumer->moving = 0;
	consumer->epoch++;
	for (struct viva_rabbitmq_delivery *delivery = first, *next; delivery; delivery = next) {
		next = delivery->next;
		delivery->previous = delivery->next = NULL;
		if (delivery->state == VIVA_RABBITMQ_WAITING || delivery->state >= VIVA_RABBITMQ_SETTLED)
			viva_rabbitmq_delivery_free(delivery);
	}
	pthread_cond_broadcast(&consumer->has_changed);
	pthread_mutex_unlock(&consumer->lock);
}

static const struct viva_rabbitmq_user consumer_user = {
	.role = "consumer", .on_up = on_up, .on_frame = on_frame, .on_turn = on_turn, .on_down = on_down};

// ---- the thread of the subscriber

// The next delivery, begun; NULL when no more may begin. The one before it, if any, is out of the subscriber's hands.
static struct viva_rabbitmq_delivery *begin_next(struct viva_rabbitmq_consumer *consumer)
{
	pthread_mutex_lock(&consumer->lock);
	if (consumer->is_delivering) {
		consumer->is_delivering = false;
		pthread_cond_broadcast(&consumer->has_changed);
	}
	while (!consumer->is_stopped && !consumer->first_waiting)
		pthread_cond_wait(&consumer->has_changed, &consumer->lock);
	struct viva_rabbitmq_delivery *delivery = consumer->is_stopped ? NULL : consumer->first_waiting;
	if (delivery) {
		delivery->state = VIVA_RABBITMQ_BEGUN;
		consumer->begun++;
		consumer->is_delivering = true;
		struct viva_rabbitmq_delivery *next = delivery->next;
		while (next && next->state != VIVA_RABBITMQ_WAITING)
			next = next->next;
		consumer->first_waiting = next;
	}
	pthread_mutex_unlock(&consumer->lock);
	return delivery;
}

static void *deliver(void *context)
{
	struct viva_rabbitmq_consumer *consumer = context;
	for (struct viva_rabbitmq_delivery *delivery; (delivery = begin_next(consumer));)
		viva_bus_deliver(&delivery->delivery);
	return NULL;
}

// ---- from outside

static void init(struct viva_rabbitmq_consumer *consumer, struct viva_bus *bus,
		 const struct viva_bus_subscription *subscription)
{
	consumer->consumer = (struct viva_bus_consumer){.bus = bus, .subscription = *subscription};
	consumer->publisher = viva_rabbitmq_of(bus)->publisher;
	viva_rabbitmq_spares_init(&consumer->spares);
	consumer->assembler.max_bytes = VIVA_RABBITMQ_MAX_BODY_BYTES;
	consumer->assembler.spares = &consumer->spares;
	consumer->ack_batch = VIVA_MAX(subscription->prefetch / ACK_SHARE, (size_t)1);
	atomic_init(&consumer->users, 1);
	pthread_mutex_init(&consumer->lock, NULL);
	viva_rabbitmq_monotonic_cond_init(&consumer->has_changed);
}

int viva_rabbitmq_consume(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
			  struct viva_bus_consumer **ret_consumer, struct viva_error *error)
{
	struct viva_rabbitmq_consumer *consumer = calloc(1, sizeof *consumer);
	if (!consumer)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a consumer");
	init(consumer, bus, subscription);
	if (pthread_create(&consumer->thread, NULL, deliver, consumer)) {
		viva_rabbitmq_consumer_release(consumer);
		return viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for a consumer");
	}
	pthread_setname_np(consumer->thread, "bus-deliver");
	int status = viva_rabbitmq_connection_create(&viva_rabbitmq_of(bus)->url, &bus->options, &consumer_user,
						     consumer, &consumer->connection, error);
	if (status) {
		viva_rabbitmq_consumer_destroy(&consumer->consumer);
		return status;
	}
	*ret_consumer = &consumer->consumer;
	return 0;
}

void viva_rabbitmq_consumer_stop(struct viva_bus_consumer *base)
{
	struct viva_rabbitmq_consumer *consumer = (struct viva_rabbitmq_consumer *)base;
	pthread_mutex_lock(&consumer->lock);
	consumer->is_stopped = true;
	pthread_cond_broadcast(&consumer->has_changed);
	// One that was taken off the list has begun, though its handler may not have been entered yet.
	while (consumer->is_delivering && !pthread_equal(pthread_self(), consumer->thread))
		pthread_cond_wait(&consumer->has_changed, &consumer->lock);
	pthread_mutex_unlock(&consumer->lock);
}

// Until the subscriber has settled everything, and what it wants elsewhere is there; the latter, if the broker takes
// nothing, not for ever: those come again.
static void wait_for_settlements(struct viva_rabbitmq_consumer *consumer)
{
	int64_t until_us = INT64_MAX;
	pthread_mutex_lock(&consumer->lock);
	while (consumer->begun > 0 || (consumer->moving > 0 && now_us() < until_us)) {
		if (consumer->begun > 0) {
			pthread_cond_wait(&consumer->has_changed, &consumer->lock);
			continue;
		}
		if (until_us == INT64_MAX)
			until_us = now_us() + MOVE_PATIENCE_US;
		struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
		pthread_cond_timedwait(&consumer->has_changed, &consumer->lock, &until);
	}
	pthread_mutex_unlock(&consumer->lock);
}

void viva_rabbitmq_consumer_destroy(struct viva_bus_consumer *base)
{
	struct viva_rabbitmq_consumer *consumer = (struct viva_rabbitmq_consumer *)base;
	viva_rabbitmq_consumer_stop(base);
	pthread_join(consumer->thread, NULL);
	wait_for_settlements(consumer);
	viva_rabbitmq_connection_destroy(consumer->connection);
	viva_rabbitmq_consumer_release(consumer);
}
