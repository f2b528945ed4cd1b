// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_topology.h"

#include <stdio.h>
#include <string.h>

#include "bus/rabbitmq_message.h"

#define PARTITIONS "emotion.frames"
#define UNPARTITIONED "emotion.frames.unpartitioned"

// RabbitMQ counts how often a message was given back, the first delivery not included.
enum { MAX_REDELIVERIES = VIVA_BUS_MAX_DELIVERIES - 1 };

// Dead letters may be looked at as often as one likes. RabbitMQ 4 would otherwise drop them after 20 times.
enum { UNLIMITED_DELIVERIES = 1 << 30, MAX_ARGUMENTS = 8 };

size_t viva_rabbitmq_queue_parts(enum viva_bus_queue queue, size_t frame_partitions)
{
	return viva_bus_bindings[queue].is_partitioned ? frame_partitions : 1;
}

void viva_rabbitmq_queue_name(enum viva_bus_queue queue, size_t part, char ret_name[VIVA_RABBITMQ_NAME_SIZE])
{
	const struct viva_bus_binding *binding = &viva_bus_bindings[queue];
	if (binding->is_partitioned)
		snprintf(ret_name, VIVA_RABBITMQ_NAME_SIZE, "%s.%zu", binding->name, part);
	else
		snprintf(ret_name, VIVA_RABBITMQ_NAME_SIZE, "%s", binding->name);
}

void viva_rabbitmq_delay_name(uint32_t step_ms, char ret_name[VIVA_RABBITMQ_NAME_SIZE])
{
	snprintf(ret_name, VIVA_RABBITMQ_NAME_SIZE, "interview.delay.%u", step_ms);
}

uint32_t viva_rabbitmq_retry_step_ms(const struct viva_bus_options *options, int retries)
{
	return options->retry_ms << VIVA_MIN(retries - 1, VIVA_BUS_MAX_RETRIES);
}

// ---- single declarations

static int declare_exchange(struct viva_rabbitmq_link *link, const char *name, const char *type, const char *alternate,
			    struct viva_error *error)
{
	amqp_table_entry_t argument = viva_rabbitmq_text_entry("alternate-exchange", alternate ? alternate : "");
	amqp_table_t arguments = {.num_entries = alternate ? 1 : 0, .entries = &argument};
	amqp_exchange_declare(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(type),
			      false, true, false, false, arguments);
	return viva_rabbitmq_check_reply(link, name, error);
}

static int declare_queue(struct viva_rabbitmq_link *link, const char *name, const amqp_table_entry_t *more,
			 int more_count, struct viva_error *error)
{
	amqp_table_entry_t arguments[MAX_ARGUMENTS] = {viva_rabbitmq_text_entry("x-queue-type", "quorum")};
	memcpy(arguments + 1, more, (size_t)more_count * sizeof *more);
	amqp_queue_declare(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), false, true, false, false,
			   (amqp_table_t){.num_entries = more_count + 1, .entries = arguments});
	return viva_rabbitmq_check_reply(link, name, error);
}

static int bind_queue(struct viva_rabbitmq_link *link, const char *name, const char *exchange, const char *routing_key,
		      amqp_table_t arguments, struct viva_error *error)
{
	amqp_queue_bind(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(exchange),
			amqp_cstring_bytes(routing_key), arguments);
	return viva_rabbitmq_check_reply(link, name, error);
}

// ---- the parts

static int declare_dead_letters(struct viva_rabbitmq_link *link, struct viva_error *error)
{
	amqp_table_entry_t argument = viva_rabbitmq_int_entry("x-delivery-limit", UNLIMITED_DELIVERIES);
	return declare_queue(link, VIVA_BUS_DEAD_LETTERS, &argument, 1, error);
}

// A work queue: what its consumers die of becomes a dead letter, and not before that is safe.
static int declare_work_queue(struct viva_rabbitmq_link *link, enum viva_bus_queue queue, const char *name,
			      struct viva_error *error)
{
	amqp_table_entry_t arguments[] = {
		viva_rabbitmq_int_entry("x-delivery-limit", MAX_REDELIVERIES),
		viva_rabbitmq_text_entry("x-dead-letter-exchange", ""),
		viva_rabbitmq_text_entry("x-dead-letter-routing-key", VIVA_BUS_DEAD_LETTERS),
		viva_rabbitmq_text_entry("x-dead-letter-strategy", "at-least-once"),
		viva_rabbitmq_text_entry("x-overflow", "reject-publish"),  // which the strategy demands
		{.key = amqp_cstring_bytes("x-single-active-consumer"),
		 .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}},
	};
	int count = (int)VIVA_COUNT(arguments) - (viva_bus_bindings[queue].keeps_order ? 0 : 1);
	return declare_queue(link, name, arguments, count, error);
}

static int declare_partitions(struct viva_rabbitmq_link *link, enum viva_bus_queue queue, size_t count,
			      struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < count && !status; i++) {
		char name[VIVA_RABBITMQ_NAME_SIZE];
		viva_rabbitmq_queue_name(queue, i, name);
		amqp_table_entry_t arguments[] = {viva_rabbitmq_text_entry("x-match", "all"),
						  viva_rabbitmq_int_entry(VIVA_RABBITMQ_PARTITION, (int64_t)i)};
		status = declare_work_queue(link, queue, name, error);
		if (!status)
			status = bind_queue(link, name, PARTITIONS, "",
					    (amqp_table_t){VIVA_COUNT(arguments), arguments}, error);
	}
	return status;
}

static int declare_work_queues(struct viva_rabbitmq_link *link, const struct viva_bus_options *options,
			       struct viva_error *error)
{
	int status = 0;
	for (enum viva_bus_queue queue = 0; queue < VIVA_QUEUE_COUNT && !status; queue++) {
		const struct viva_bus_binding *binding = &viva_bus_bindings[queue];
		if (binding->is_partitioned) {
			status = declare_partitions(link, queue, options->frame_partitions, error);
			continue;
		}
		status = declare_work_queue(link, queue, binding->name, error);
		if (!status)
			status = bind_queue(link, binding->name, VIVA_BUS_EXCHANGE, binding->routing_key,
					    amqp_empty_table, error);
	}
	return status;
}

static int bind_partitions(struct viva_rabbitmq_link *link, struct viva_error *error)
{
	amqp_exchange_bind(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(PARTITIONS),
			   amqp_cstring_bytes(VIVA_BUS_EXCHANGE), amqp_cstring_bytes(VIVA_KEY_FRAME_ACCEPTED),
			   amqp_empty_table);
	int status = viva_rabbitmq_check_reply(link, PARTITIONS, error);
	return status ? status
		      : bind_queue(link, viva_bus_bindings[VIVA_QUEUE_WORKER_FRAMES].name, UNPARTITIONED, "",
				   amqp_empty_table, error);
}

// Messages carry their own, shorter time to live: the queue's is for what would have none.
static int declare_delay(struct viva_rabbitmq_link *link, uint32_t step_ms, struct viva_error *error)
{
	char name[VIVA_RABBITMQ_NAME_SIZE];
	viva_rabbitmq_delay_name(step_ms, name);
	amqp_table_entry_t arguments[] = {
		viva_rabbitmq_int_entry("x-message-ttl", 2 * (int64_t)step_ms),
		viva_rabbitmq_text_entry("x-dead-letter-exchange", ""),
		viva_rabbitmq_text_entry("x-dead-letter-strategy", "at-least-once"),
		viva_rabbitmq_text_entry("x-overflow", "reject-publish"),
	};
	int status = declare_exchange(link, name, "fanout", NULL, error);
	if (!status)
		status = declare_queue(link, name, arguments, VIVA_COUNT(arguments), error);
	return status ? status : bind_queue(link, name, name, "", amqp_empty_table, error);
}

static int declare_delays(struct viva_rabbitmq_link *link, const struct viva_bus_options *options,
			  struct viva_error *error)
{
	int status = declare_delay(link, options->defer_ms, error);
	for (int retries = 1; retries <= VIVA_BUS_MAX_RETRIES && !status; retries++)
		status = declare_delay(link, viva_rabbitmq_retry_step_ms(options, retries), error);
	return status;
}

int viva_rabbitmq_declare(struct viva_rabbitmq_link *link, const struct viva_bus_options *options,
			  struct viva_error *error)
{
	int status = declare_exchange(link, VIVA_BUS_EXCHANGE, "topic", NULL, error);
	if (!status)
		status = declare_exchange(link, UNPARTITIONED, "fanout", NULL, error);
	if (!status)
		status = declare_exchange(link, PARTITIONS, "headers", UNPARTITIONED, error);
	if (!status)
		status = declare_dead_letters(link, error);
	if (!status)
		status = declare_work_queues(link, options, error);
	if (!status)
		status = bind_partitions(link, error);
	return status ? status : declare_delays(link, options, error);
}
