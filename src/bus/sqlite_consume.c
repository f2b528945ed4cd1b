// SPDX-License-Identifier: Apache-2.0
//
// Consumers of the embedded bus: a thread each, fed by the engine.
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite_engine.h"

static struct sqlite_bus_consumer *of_consumer(struct viva_bus_consumer *consumer)
{
	return (struct sqlite_bus_consumer *)consumer;
}

static struct sqlite_bus *bus_of(struct sqlite_bus_consumer *consumer)
{
	return sqlite_bus_of(consumer->consumer.bus);
}

static void *deliver_until_stopped(void *context)
{
	struct sqlite_bus_consumer *consumer = context;
	struct sqlite_bus *bus = bus_of(consumer);
	pthread_mutex_lock(&bus->lock);
	while (!consumer->is_stopped) {
		struct sqlite_bus_delivery *delivery = sqlite_bus_deliveries_take(&consumer->waiting);
		if (!delivery) {
			pthread_cond_wait(&consumer->moved, &bus->lock);
			continue;
		}
		consumer->is_delivering = true;
		pthread_mutex_unlock(&bus->lock);
		viva_bus_deliver(&delivery->delivery);
		pthread_mutex_lock(&bus->lock);
		consumer->is_delivering = false;
		pthread_cond_broadcast(&consumer->moved);
	}
	pthread_mutex_unlock(&bus->lock);
	return NULL;
}

static struct sqlite_bus_consumer *make_consumer(struct sqlite_bus *bus,
						 const struct viva_bus_subscription *subscription)
{
	size_t lanes = 0;
	for (size_t i = 0; i < bus->queue_count; i++)
		lanes += bus->queues[i].kind == subscription->queue;
	struct sqlite_bus_consumer *consumer = calloc(1, sizeof *consumer + lanes * sizeof consumer->lanes[0]);
	if (!consumer)
		return NULL;
	consumer->consumer = (struct viva_bus_consumer){.bus = &bus->bus, .subscription = *subscription};
	for (size_t i = 0; i < bus->queue_count; i++)
		if (bus->queues[i].kind == subscription->queue)
			consumer->lanes[consumer->lane_count++] = (struct sqlite_bus_lane){
				.consumer = consumer, .queue = &bus->queues[i], .may_have_more = true};
	sqlite_bus_deliveries_init(&consumer->waiting);
	pthread_cond_init(&consumer->moved, NULL);
	return consumer;
}

static void free_consumer(struct sqlite_bus_consumer *consumer)
{
	pthread_cond_destroy(&consumer->moved);
	free(consumer);
}

// With the lock held.
static int start_consumer(struct sqlite_bus *bus, struct sqlite_bus_consumer *consumer, struct viva_error *error)
{
	int status = sqlite_bus_engine_start(bus, error);
	if (!status && pthread_create(&consumer->thread, NULL, deliver_until_stopped, consumer))
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "no thread for the consumer");
	if (status)
		return status;
	pthread_setname_np(consumer->thread, "bus-consumer");
	consumer->next = bus->consumers;
	bus->consumers = consumer;
	viva_peers_consume(bus->peers, consumer->consumer.subscription.queue, 1);
	return 0;
}

int sqlite_bus_consume(struct viva_bus *base, const struct viva_bus_subscription *subscription,
		       struct viva_bus_consumer **ret_consumer, struct viva_error *error)
{
	struct sqlite_bus *bus = sqlite_bus_of(base);
	struct sqlite_bus_consumer *consumer = make_consumer(bus, subscription);
	if (!consumer)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the consumer");
	pthread_mutex_lock(&bus->lock);
	int status = start_consumer(bus, consumer, error);
	pthread_mutex_unlock(&bus->lock);
	if (status) {
		free_consumer(consumer);
		return status;
	}
	viva_peers_wake(bus->peers);
	*ret_consumer = &consumer->consumer;
	return 0;
}

// With the lock held: the bytes of a delivery are freed by the caller.
static void end_delivery(struct sqlite_bus *bus, struct sqlite_bus_delivery *delivery)
{
	delivery->lane->unsettled--;
	delivery->lane->unsettled_bytes -= delivery->size;
	sqlite_bus_deliveries_add(&bus->engine->settled, delivery);
}

void sqlite_bus_settle(struct viva_bus_delivery *base, enum viva_bus_verdict verdict, const char *reason)
{
	struct sqlite_bus_delivery *delivery = (struct sqlite_bus_delivery *)base;
	struct sqlite_bus *bus = sqlite_bus_of(base->consumer->bus);
	delivery->arena = viva_arena_destroy(delivery->arena);
	delivery->verdict = verdict;
	memcpy(delivery->reason, reason, strlen(reason) + 1);
	pthread_mutex_lock(&bus->lock);
	end_delivery(bus, delivery);
	// Without the lock the delivery, the consumer and the bus may be gone.
	viva_peers_wake(bus->peers);
	pthread_mutex_unlock(&bus->lock);
}

void sqlite_bus_consumer_stop(struct viva_bus_consumer *base)
{
	struct sqlite_bus_consumer *consumer = of_consumer(base);
	struct sqlite_bus *bus = bus_of(consumer);
	pthread_mutex_lock(&bus->lock);
	if (!consumer->is_stopped)
		viva_peers_consume(bus->peers, base->subscription.queue, -1);
	consumer->is_stopped = true;
	struct sqlite_bus_delivery *delivery;
	while ((delivery = sqlite_bus_deliveries_take(&consumer->waiting))) {
		delivery->arena = viva_arena_destroy(delivery->arena);
		delivery->is_unwanted = true;
		end_delivery(bus, delivery);
	}
	pthread_cond_broadcast(&consumer->moved);
	// One that was taken off the list has begun, though its handler may not have been entered yet.
	while (consumer->is_delivering && !pthread_equal(pthread_self(), consumer->thread))
		pthread_cond_wait(&consumer->moved, &bus->lock);
	pthread_mutex_unlock(&bus->lock);
	viva_peers_wake(bus->peers);
}

void sqlite_bus_consumer_destroy(struct viva_bus_consumer *base)
{
	struct sqlite_bus_consumer *consumer = of_consumer(base);
	struct sqlite_bus *bus = bus_of(consumer);
	sqlite_bus_consumer_stop(base);
	pthread_join(consumer->thread, NULL);
	pthread_mutex_lock(&bus->lock);
	while (!consumer->has_left)
		pthread_cond_wait(&consumer->moved, &bus->lock);
	struct sqlite_bus_consumer **place = &bus->consumers;
	while (*place != consumer)
		place = &(*place)->next;
	*place = consumer->next;
	pthread_mutex_unlock(&bus->lock);
	free_consumer(consumer);
}
