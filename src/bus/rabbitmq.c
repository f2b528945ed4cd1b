// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq.h"

#include <stdlib.h>
#include <string.h>

static void destroy(struct viva_bus *bus)
{
	struct viva_rabbitmq_bus *rabbitmq = viva_rabbitmq_of(bus);
	viva_rabbitmq_publisher_destroy(rabbitmq->publisher);
	viva_rabbitmq_calls_destroy(rabbitmq->calls);
	explicit_bzero(&rabbitmq->url, sizeof rabbitmq->url);
	free(rabbitmq);
}

static int start(struct viva_rabbitmq_bus *rabbitmq, struct viva_error *error)
{
	if (viva_rabbitmq_calls_create(&rabbitmq->calls))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	int status =
		viva_rabbitmq_publisher_create(&rabbitmq->url, &rabbitmq->bus.options, &rabbitmq->publisher, error);
	// So that the bus can be used at once, if the broker is there.
	if (!status)
		viva_rabbitmq_publisher_wait_for_attempt(rabbitmq->publisher);
	return status;
}

static int open_bus(const struct viva_bus_options *options, struct viva_bus **ret_bus, struct viva_error *error)
{
	struct viva_rabbitmq_bus *rabbitmq = calloc(1, sizeof *rabbitmq);
	if (!rabbitmq)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	viva_bus_init(&rabbitmq->bus, &viva_bus_rabbitmq, options);
	int status = viva_rabbitmq_url_parse(options->url, &rabbitmq->url, error);
	if (!status)
		status = start(rabbitmq, error);
	if (status) {
		destroy(&rabbitmq->bus);
		return status;
	}
	*ret_bus = &rabbitmq->bus;
	return 0;
}

static int ping(struct viva_bus *bus, struct viva_error *error)
{
	int64_t since_us;
	return viva_rabbitmq_publisher_check(viva_rabbitmq_of(bus)->publisher, &since_us, error);
}

const struct viva_bus_backend viva_bus_rabbitmq = {
	.schemes = {"amqp", "amqps"},
	.open = open_bus,
	.destroy = destroy,
	.publish = viva_rabbitmq_publish,
	.consume = viva_rabbitmq_consume,
	.consumer_stop = viva_rabbitmq_consumer_stop,
	.consumer_destroy = viva_rabbitmq_consumer_destroy,
	.settle = viva_rabbitmq_settle,
	.listen = viva_rabbitmq_listen,
	.listener_destroy = viva_rabbitmq_listener_destroy,
	.ping = ping,
	.queues = viva_rabbitmq_queues,
	.visit_dead_letters = viva_rabbitmq_visit_dead_letters,
};
