// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a delivery over RabbitMQ. ACK is an acknowledgement. Anything else is moved first: published where it
// has to go, and acknowledged when that is confirmed, so that at each moment at least one queue has it.
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "bus/rabbitmq_consumer.h"

enum { MAX_ADDED_HEADERS = 4 };

// A delivery on its way to another queue.
struct move {
	struct viva_rabbitmq_publication publication;
	struct viva_rabbitmq_consumer *consumer;
	struct viva_rabbitmq_delivery *delivery;
	amqp_pool_t pool;  // of the properties
	char exchange[VIVA_RABBITMQ_NAME_SIZE];
	char queue[VIVA_RABBITMQ_NAME_SIZE];  // it was delivered from
	char expiration[24];
	char reason[VIVA_BUS_MAX_REASON + 1];
	char died_at[32];
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// With the lock held: the connection's thread is to tell the broker. A delivery of a lost connection is over.
static void end_locked(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_delivery *delivery,
		       enum viva_rabbitmq_state state)
{
	if (delivery->is_oversize)
		consumer->oversize_bytes -= delivery->parcel->body_size;
	if (delivery->epoch != consumer->epoch) {
		viva_rabbitmq_delivery_free(delivery);
		return;
	}
	delivery->state = state;
	delivery->next_settled = consumer->settled;
	consumer->settled = delivery;
	consumer->settled_count++;
	if (consumer->settled_count == 1)
		consumer->settled_since_us = now_us();
	if (consumer->settled_count == 1 || consumer->settled_count == consumer->ack_batch)
		viva_rabbitmq_connection_wake(consumer->connection);
}

// The subscriber is done with it.
static void note_settled_locked(struct viva_rabbitmq_consumer *consumer)
{
	if (--consumer->begun == 0)
		pthread_cond_broadcast(&consumer->has_changed);
}

// ---- moving

static struct move *move_of(struct viva_rabbitmq_publication *publication)
{
	return (struct move *)publication;  // its first member
}

static bool is_wanted(struct viva_rabbitmq_publication *publication)
{
	struct move *move = move_of(publication);
	pthread_mutex_lock(&move->consumer->lock);
	bool answer = move->delivery->epoch == move->consumer->epoch;
	pthread_mutex_unlock(&move->consumer->lock);
	return answer;
}

static void on_done(struct viva_rabbitmq_publication *publication, int status)
{
	struct move *move = move_of(publication);
	struct viva_rabbitmq_consumer *consumer = move->consumer;
	// Only a message that the broker finds too large fails for good: then it may keep what it has.
	enum viva_rabbitmq_state state = status == 0             ? VIVA_RABBITMQ_SETTLED
					 : status == VIVA_ELIMIT ? VIVA_RABBITMQ_REFUSED
								 : VIVA_RABBITMQ_RETURNED;
	pthread_mutex_lock(&consumer->lock);
	if (move->delivery->epoch == consumer->epoch && --consumer->moving == 0)
		pthread_cond_broadcast(&consumer->has_changed);
	end_locked(consumer, move->delivery, state);
	pthread_mutex_unlock(&consumer->lock);
	viva_rabbitmq_consumer_release(consumer);
	empty_amqp_pool(&move->pool);
	free(move);
}

static const struct viva_rabbitmq_publication_class move_class = {
	.is_wanted = is_wanted, .on_done = on_done, .is_stubborn = true};

// Where it goes, and with which headers.
static void plan_delay(struct move *move, uint32_t step_ms, int64_t pause_ms, int retries,
		       amqp_table_entry_t added[MAX_ADDED_HEADERS], size_t *ret_count)
{
	viva_rabbitmq_delay_name(step_ms, move->exchange);
	snprintf(move->expiration, sizeof move->expiration, "%lld", (long long)pause_ms);
	move->publication.routing_key = move->queue;
	added[0] = viva_rabbitmq_int_entry(VIVA_RABBITMQ_RETRIES, retries);
	*ret_count = 1;
}

static void plan_death(struct move *move, int retries, amqp_table_entry_t added[MAX_ADDED_HEADERS], size_t *ret_count)
{
	const struct viva_clock *clock = move->consumer->consumer.bus->options.clock;
	viva_rfc3339_from_unix_ms(viva_clock_unix_ms(clock), move->died_at);
	move->publication.routing_key = VIVA_BUS_DEAD_LETTERS;
	added[0] = viva_rabbitmq_text_entry(VIVA_RABBITMQ_ERROR, move->reason);
	added[1] = viva_rabbitmq_text_entry(VIVA_RABBITMQ_QUEUE, move->queue);
	added[2] = viva_rabbitmq_text_entry(VIVA_RABBITMQ_DIED_AT, move->died_at);
	added[3] = viva_rabbitmq_int_entry(VIVA_RABBITMQ_RETRIES, retries);
	*ret_count = 4;
}

static int plan(struct move *move, enum viva_bus_verdict verdict)
{
	const struct viva_bus *bus = move->consumer->consumer.bus;
	amqp_table_entry_t added[MAX_ADDED_HEADERS];
	size_t added_count;
	int retries = move->delivery->delivery.retries;
	if (verdict == VIVA_BUS_RETRY && retries < VIVA_BUS_MAX_RETRIES)
		plan_delay(move, viva_rabbitmq_retry_step_ms(&bus->options, retries + 1),
			   viva_bus_retry_pause_ms(bus, retries + 1), retries + 1, added, &added_count);
	else if (verdict == VIVA_BUS_DEFER)
		plan_delay(move, bus->options.defer_ms, bus->options.defer_ms, retries, added, &added_count);
	else
		plan_death(move, retries, added, &added_count);
	move->publication.exchange = move->exchange;
	const char *expiration = move->expiration[0] != '\0' ? move->expiration : NULL;
	return viva_rabbitmq_renew_properties(move->delivery->parcel, expiration, added, added_count, &move->pool,
					      &move->publication.properties);
}

// NULL: no memory.
static struct move *make_move(struct viva_rabbitmq_consumer *consumer, struct viva_rabbitmq_delivery *delivery,
			      enum viva_bus_verdict verdict, const char *reason)
{
	struct move *move = calloc(1, sizeof *move);
	if (!move)
		return NULL;
	move->consumer = consumer;
	move->delivery = delivery;
	move->publication.class = &move_class;
	move->publication.body = delivery->delivery.message.body;
	viva_rabbitmq_queue_name(consumer->consumer.subscription.queue, (size_t)delivery->parcel->subscription,
				 move->queue);
	snprintf(move->reason, sizeof move->reason, "%s", reason);
	init_amqp_pool(&move->pool, 0);
	if (plan(move, verdict)) {
		empty_amqp_pool(&move->pool);
		free(move);
		return NULL;
	}
	return move;
}

void viva_rabbitmq_settle(struct viva_bus_delivery *base, enum viva_bus_verdict verdict, const char *reason)
{
	struct viva_rabbitmq_delivery *delivery = (struct viva_rabbitmq_delivery *)base;
	struct viva_rabbitmq_consumer *consumer = (struct viva_rabbitmq_consumer *)base->consumer;
	struct move *move = verdict == VIVA_BUS_ACK ? NULL : make_move(consumer, delivery, verdict, reason);
	pthread_mutex_lock(&consumer->lock);
	bool is_moving = move && delivery->epoch == consumer->epoch;
	if (is_moving) {
		delivery->state = VIVA_RABBITMQ_MOVING;
		consumer->moving++;
		atomic_fetch_add(&consumer->users, 1);
	} else {
		// Without memory to move it, it comes again.
		end_locked(consumer, delivery,
			   verdict == VIVA_BUS_ACK ? VIVA_RABBITMQ_SETTLED : VIVA_RABBITMQ_RETURNED);
	}
	note_settled_locked(consumer);
	pthread_mutex_unlock(&consumer->lock);
	if (is_moving) {
		viva_rabbitmq_publisher_submit(consumer->publisher, &move->publication);
	} else if (move) {
		empty_amqp_pool(&move->pool);
		free(move);
	}
}
