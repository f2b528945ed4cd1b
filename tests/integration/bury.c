// SPDX-License-Identifier: Apache-2.0
//
// Puts a message on a bus as a service would, for tests in Python:
//   viva-bury publish URL ROUTING_KEY TYPE MESSAGE_ID SESSION_ID < BODY
//   viva-bury bury URL ROUTING_KEY TYPE MESSAGE_ID SESSION_ID REASON < BODY   and lets it die in its queue
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"

enum { MAX_BODY = 24 << 20, STATUS_FAILED = 1, STATUS_USAGE = 2 };

struct burial {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	const char *message_id, *reason;
	bool is_done;
};

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct burial *burial = context;
	if (strcmp(viva_bus_delivery_message(delivery)->message_id, burial->message_id) != 0) {
		viva_bus_settle(delivery, VIVA_BUS_DEFER, NULL);
		return;
	}
	viva_bus_settle(delivery, VIVA_BUS_DEAD, burial->reason);
	pthread_mutex_lock(&burial->lock);
	burial->is_done = true;
	pthread_cond_signal(&burial->moved);
	pthread_mutex_unlock(&burial->lock);
}

static enum viva_bus_queue queue_of(const char *routing_key)
{
	enum viva_bus_queue queue = 0;
	while (queue + 1 < VIVA_QUEUE_COUNT && strcmp(viva_bus_bindings[queue].routing_key, routing_key) != 0)
		queue++;
	return queue;
}

static int bury(struct viva_bus *bus, const struct viva_bus_message *message, const char *reason,
		struct viva_error *error)
{
	struct burial burial = {.lock = PTHREAD_MUTEX_INITIALIZER,
				.moved = PTHREAD_COND_INITIALIZER,
				.message_id = message->message_id,
				.reason = reason};
	const struct viva_bus_subscription subscription = {
		.queue = queue_of(message->routing_key), .prefetch = 4, .on_delivery = on_delivery, .context = &burial};
	struct viva_bus_consumer *consumer = NULL;
	int status = viva_bus_consume(bus, &subscription, &consumer, error);
	if (status)
		return status;
	pthread_mutex_lock(&burial.lock);
	while (!burial.is_done)
		pthread_cond_wait(&burial.moved, &burial.lock);
	pthread_mutex_unlock(&burial.lock);
	viva_bus_consumer_destroy(consumer);
	return 0;
}

int main(int count, char **arguments)
{
	bool buries = count == 8 && strcmp(arguments[1], "bury") == 0;
	if (!buries && !(count == 7 && strcmp(arguments[1], "publish") == 0)) {
		fputs("usage: viva-bury publish|bury URL ROUTING_KEY TYPE MESSAGE_ID SESSION_ID [REASON]\n", stderr);
		return STATUS_USAGE;
	}
	uint8_t *body = malloc(MAX_BODY);
	if (!body)
		return STATUS_FAILED;
	size_t size = fread(body, 1, MAX_BODY, stdin);
	const struct viva_bus_message message = {.routing_key = arguments[3],
						 .type = arguments[4],
						 .message_id = arguments[5],
						 .session_id = arguments[6],
						 .body = viva_bytes_of(body, size)};
	struct viva_bus_options options = viva_bus_defaults();
	options.url = arguments[2];
	options.app_id = "test";
	struct viva_error error = {0};
	struct viva_bus *bus = NULL;
	int status = viva_bus_open(&options, &bus, &error);
	if (!status)
		status = viva_bus_publish(bus, &message, 1, INT64_MAX, &error);
	if (!status && buries)
		status = bury(bus, &message, arguments[7], &error);
	if (status)
		fprintf(stderr, "viva-bury: %s\n", viva_error_message(&error));
	viva_bus_destroy(bus);
	free(body);
	return status ? STATUS_FAILED : 0;
}
