// SPDX-License-Identifier: Apache-2.0
#include "bus/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bus/bus_backend.h"

static const struct viva_bus_backend *const BACKENDS[] = {&viva_bus_sqlite, &viva_bus_rabbitmq};

enum {
	MAX_MESSAGE_BYTES = 32 << 20,  // with its columns well below what the embedded store takes as a value
	MAX_UNCONFIRMED = 1 << 20,
	MAX_PAUSE_MS = 3600 * 1000,
};

struct viva_bus_options viva_bus_defaults(void)
{
	return (struct viva_bus_options){
		.frame_partitions = 8,
		.max_unconfirmed = 1024,
		.max_unconfirmed_bytes = 64 << 20,
		.max_message_bytes = 16 << 20,
		.max_stored_bytes = (int64_t)4 << 30,
		.retry_ms = 1000,
		.defer_ms = 1000,
		.clock = viva_system_clock(),
		.random = viva_system_random(),
	};
}

// ---- opening

static int check_options(const struct viva_bus_options *options, struct viva_error *error)
{
	if (!options->app_id || options->app_id[0] == '\0' || strlen(options->app_id) > VIVA_BUS_MAX_TEXT)
		return viva_fail(error, VIVA_EINVAL, "app_id", "the bus needs the name of its service");
	if (options->frame_partitions == 0 || options->frame_partitions > VIVA_BUS_MAX_PARTITIONS)
		return viva_fail(error, VIVA_EINVAL, "frame-partitions", "frame partitions must be 1 to %d",
				 VIVA_BUS_MAX_PARTITIONS);
	if (options->max_unconfirmed == 0 || options->max_unconfirmed > MAX_UNCONFIRMED)
		return viva_fail(error, VIVA_EINVAL, "max_unconfirmed", "max_unconfirmed must be 1 to %d",
				 MAX_UNCONFIRMED);
	if (options->max_message_bytes == 0 || options->max_message_bytes > MAX_MESSAGE_BYTES)
		return viva_fail(error, VIVA_EINVAL, "max_message_bytes", "max_message_bytes must be 1 to %d",
				 MAX_MESSAGE_BYTES);
	if (options->max_unconfirmed_bytes < options->max_message_bytes)
		return viva_fail(error, VIVA_EINVAL, "max_unconfirmed_bytes",
				 "max_unconfirmed_bytes must hold a message of max_message_bytes");
	if (options->max_stored_bytes < (int64_t)options->max_message_bytes)
		return viva_fail(error, VIVA_EINVAL, "max_stored_bytes",
				 "max_stored_bytes must hold a message of max_message_bytes");
	if (options->retry_ms == 0 || options->retry_ms > MAX_PAUSE_MS)
		return viva_fail(error, VIVA_EINVAL, "retry_ms", "retry_ms must be 1 to %d", MAX_PAUSE_MS);
	if (options->defer_ms == 0 || options->defer_ms > MAX_PAUSE_MS)
		return viva_fail(error, VIVA_EINVAL, "defer_ms", "defer_ms must be 1 to %d", MAX_PAUSE_MS);
	return 0;
}

static const struct viva_bus_backend *find_backend(const char *url)
{
	const char *colon = url ? strchr(url, ':') : NULL;
	size_t size = colon ? (size_t)(colon - url) : 0;
	for (size_t i = 0; size > 0 && i < VIVA_COUNT(BACKENDS); i++)
		for (const char *const *scheme = BACKENDS[i]->schemes; *scheme; scheme++)
			if (strlen(*scheme) == size && memcmp(*scheme, url, size) == 0)
				return BACKENDS[i];
	return NULL;
}

int viva_bus_open(const struct viva_bus_options *options, struct viva_bus **ret_bus, struct viva_error *error)
{
	int status = check_options(options, error);
	if (status)
		return status;
	const struct viva_bus_backend *backend = find_backend(options->url);
	// The URL may hold a password: nothing of it is told.
	if (!backend)
		return viva_fail(error, VIVA_EUSAGE, "bus-url",
				 "the bus's URL must begin with sqlite:, amqp:// or amqps://");
	return backend->open(options, ret_bus, error);
}

void viva_bus_init(struct viva_bus *bus, const struct viva_bus_backend *backend, const struct viva_bus_options *options)
{
	static const char *const verdicts[] = {"ack", "retry", "defer", "dead"};
	bus->backend = backend;
	bus->options = *options;
	bus->options.url = NULL;
	bus->published = viva_counter("viva_bus_published_total", "", "Messages published and confirmed");
	bus->publish_failures =
		viva_counter("viva_bus_publish_failures_total", "", "Publications that failed, each of a batch");
	bus->publish_seconds =
		viva_histogram("viva_bus_publish_seconds", "", "From a publication to its confirmation, per batch");
	for (size_t queue = 0; queue < VIVA_QUEUE_COUNT; queue++) {
		char labels[96];
		snprintf(labels, sizeof labels, "queue=\"%s\"", viva_bus_bindings[queue].name);
		bus->delivered[queue] = viva_counter("viva_bus_delivered_total", labels, "Deliveries to this process");
		for (size_t verdict = 0; verdict < VIVA_COUNT(verdicts); verdict++) {
			snprintf(labels, sizeof labels, "queue=\"%s\",verdict=\"%s\"", viva_bus_bindings[queue].name,
				 verdicts[verdict]);
			bus->settled[queue][verdict] =
				viva_counter("viva_bus_settled_total", labels, "Deliveries by how they ended");
		}
	}
}

struct viva_bus *viva_bus_destroy(struct viva_bus *bus)
{
	if (bus)
		bus->backend->destroy(bus);
	return NULL;
}

// ---- publishing

int viva_bus_publish(struct viva_bus *bus, const struct viva_bus_message *messages, size_t count, int64_t deadline_us,
		     struct viva_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int status = viva_bus_check_message(&bus->options, &messages[i], error);
		if (status)
			return status;
	}
	if (count == 0)
		return 0;
	VIVA_AUTO_FREE struct viva_bus_message *complete = calloc(count, sizeof *complete);
	VIVA_AUTO_FREE struct viva_bus_completion *texts = calloc(count, sizeof *texts);
	if (!complete || !texts)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to publish");
	memcpy(complete, messages, count * sizeof *complete);
	for (size_t i = 0; i < count; i++)
		viva_bus_complete_message(&bus->options, &complete[i], &texts[i]);

	int64_t began_us = viva_clock_monotonic_us(bus->options.clock);
	int status = bus->backend->publish(bus, complete, count, deadline_us, error);
	if (status) {
		viva_metric_add(bus->publish_failures, 1);
		return status;
	}
	viva_metric_add(bus->published, (double)count);
	viva_metric_observe(bus->publish_seconds,
			    (double)(viva_clock_monotonic_us(bus->options.clock) - began_us) / 1e6);
	return 0;
}

// ---- consuming

int viva_bus_consume(struct viva_bus *bus, const struct viva_bus_subscription *subscription,
		     struct viva_bus_consumer **ret_consumer, struct viva_error *error)
{
	if ((unsigned)subscription->queue >= VIVA_QUEUE_COUNT || !subscription->on_delivery)
		return viva_fail(error, VIVA_EINVAL, "queue", "there is no such queue, or nothing to deliver to");
	if (subscription->prefetch == 0 || subscription->prefetch > UINT16_MAX)
		return viva_fail(error, VIVA_EINVAL, "prefetch", "prefetch must be 1 to %d", UINT16_MAX);
	return bus->backend->consume(bus, subscription, ret_consumer, error);
}

void viva_bus_consumer_stop(struct viva_bus_consumer *consumer)
{
	consumer->bus->backend->consumer_stop(consumer);
}

struct viva_bus_consumer *viva_bus_consumer_destroy(struct viva_bus_consumer *consumer)
{
	if (consumer)
		consumer->bus->backend->consumer_destroy(consumer);
	return NULL;
}

void viva_bus_deliver(struct viva_bus_delivery *delivery)
{
	const struct viva_bus_subscription *subscription = &delivery->consumer->subscription;
	viva_metric_add(delivery->consumer->bus->delivered[subscription->queue], 1);
	subscription->on_delivery(delivery, subscription->context);
}

const struct viva_bus_message *viva_bus_delivery_message(const struct viva_bus_delivery *delivery)
{
	return &delivery->message;
}

int viva_bus_delivery_retries(const struct viva_bus_delivery *delivery)
{
	return delivery->retries;
}

bool viva_bus_delivery_is_repeated(const struct viva_bus_delivery *delivery)
{
	return delivery->is_redelivered || delivery->retries > 0;
}

int64_t viva_bus_delivery_age_ms(const struct viva_bus_delivery *delivery)
{
	const struct viva_clock *clock = delivery->consumer->bus->options.clock;
	int64_t age_ms = clock->unix_ms(clock) - delivery->message.timestamp_ms;
	return VIVA_MAX(age_ms, (int64_t)0);
}

void viva_bus_settle(struct viva_bus_delivery *delivery, enum viva_bus_verdict verdict, const char *reason)
{
	struct viva_bus *bus = delivery->consumer->bus;
	char cut[VIVA_BUS_MAX_REASON + 1] = "";
	if (reason) {
		size_t size = viva_utf8_cut(reason, strlen(reason), VIVA_BUS_MAX_REASON);
		memcpy(cut, reason, size);
		cut[size] = '\0';
	}
	viva_metric_add(bus->settled[delivery->consumer->subscription.queue][verdict], 1);
	bus->backend->settle(delivery, verdict, cut);
}

int64_t viva_bus_retry_pause_ms(const struct viva_bus *bus, int retries)
{
	int64_t pause_ms = (int64_t)bus->options.retry_ms << VIVA_MIN(retries - 1, VIVA_BUS_MAX_RETRIES);
	return pause_ms + (int64_t)viva_random_below(bus->options.random, (uint64_t)pause_ms);
}

// ---- listening and operating

int viva_bus_listen(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
		    void (*on_message)(const struct viva_bus_message *message, void *context), void *context,
		    struct viva_bus_listener **ret_listener, struct viva_error *error)
{
	if (key_count == 0 || !on_message)
		return viva_fail(error, VIVA_EINVAL, "routing_key", "a listener needs routing keys and a function");
	for (size_t i = 0; i < key_count; i++)
		if (viva_bus_key(routing_keys[i]) == VIVA_BUS_KEY_COUNT)
			return viva_fail(error, VIVA_EINVAL, "routing_key", "there is no such routing key");
	return bus->backend->listen(bus, routing_keys, key_count, on_message, context, ret_listener, error);
}

struct viva_bus_listener *viva_bus_listener_destroy(struct viva_bus_listener *listener)
{
	if (listener)
		listener->bus->backend->listener_destroy(listener);
	return NULL;
}

int64_t viva_bus_listeners(struct viva_bus *bus, const char *routing_key)
{
	size_t key = viva_bus_key(routing_key);
	return bus->backend->listeners && key < VIVA_BUS_KEY_COUNT ? bus->backend->listeners(bus, key) : -1;
}

int viva_bus_ping(struct viva_bus *bus, struct viva_error *error)
{
	return bus->backend->ping(bus, error);
}

int viva_bus_queues(struct viva_bus *bus, struct viva_arena *arena, const struct viva_bus_queue_status **ret_queues,
		    size_t *ret_count, struct viva_error *error)
{
	return bus->backend->queues(bus, arena, ret_queues, ret_count, error);
}

int viva_bus_visit_dead_letters(struct viva_bus *bus, size_t limit,
				enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter,
									  void *context),
				void *context, size_t *ret_count, struct viva_error *error)
{
	return bus->backend->visit_dead_letters(bus, limit, visit, context, ret_count, error);
}
