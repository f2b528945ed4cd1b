// SPDX-License-Identifier: Apache-2.0
//
// Listening over RabbitMQ: a queue of the process's own, which lives as long as its connection and drops the oldest
// messages when the process does not keep up.
#include <stdlib.h>
#include <string.h>

#include "bus/rabbitmq.h"
#include "bus/rabbitmq_connection.h"
#include "bus/rabbitmq_message.h"
#include "bus/rabbitmq_topology.h"

enum { MAX_WAITING = 10000, MAX_WAITING_BYTES = 64 << 20, MAX_KEYS = 16 };

struct listener {
	struct viva_bus_listener listener;
	struct viva_rabbitmq_connection *connection;
	void (*on_message)(const struct viva_bus_message *message, void *context);
	void *context;
	struct viva_rabbitmq_assembler assembler;
	size_t key_count;
	const char *keys[MAX_KEYS];  // the topology's own
};

static int bind_keys(struct listener *listener, struct viva_rabbitmq_link *link, amqp_bytes_t queue,
		     struct viva_error *error)
{
	int status = 0;
	for (size_t i = 0; i < listener->key_count && !status; i++) {
		amqp_queue_bind(link->state, VIVA_RABBITMQ_CHANNEL, queue, amqp_cstring_bytes(VIVA_BUS_EXCHANGE),
				amqp_cstring_bytes(listener->keys[i]), amqp_empty_table);
		status = viva_rabbitmq_check_reply(link, "binding a listener's queue", error);
	}
	return status;
}

static int declare_own_queue(struct viva_rabbitmq_link *link, char *ret_name, size_t size, struct viva_error *error)
{
	amqp_table_entry_t arguments[] = {
		viva_rabbitmq_int_entry("x-max-length", MAX_WAITING),
		viva_rabbitmq_int_entry("x-max-length-bytes", MAX_WAITING_BYTES),
		viva_rabbitmq_text_entry("x-overflow", "drop-head"),
	};
	const amqp_queue_declare_ok_t *declared =
		amqp_queue_declare(link->state, VIVA_RABBITMQ_CHANNEL, amqp_empty_bytes, false, false, true, true,
				   (amqp_table_t){VIVA_COUNT(arguments), arguments});
	int status = viva_rabbitmq_check_reply(link, "making a listener's queue", error);
	if (status)
		return status;
	if (!declared || declared->queue.len >= size)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "RabbitMQ named a listener's queue strangely");
	memcpy(ret_name, declared->queue.bytes, declared->queue.len);
	ret_name[declared->queue.len] = '\0';
	return 0;
}

static int on_up(void *context, struct viva_rabbitmq_link *link, struct viva_error *error)
{
	struct listener *listener = context;
	char name[256];
	int status = viva_rabbitmq_declare(link, &listener->listener.bus->options, error);
	if (!status)
		status = declare_own_queue(link, name, sizeof name, error);
	if (!status)
		status = bind_keys(listener, link, amqp_cstring_bytes(name), error);
	if (status)
		return status;
	amqp_basic_consume(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), amqp_empty_bytes, false, true,
			   true, amqp_empty_table);
	return viva_rabbitmq_check_reply(link, "listening", error);
}

static int on_frame(void *context, struct viva_rabbitmq_link *link, const amqp_frame_t *frame, struct viva_error *error)
{
	(void)link;
	struct listener *listener = context;
	const struct viva_bus_options *options = &listener->listener.bus->options;
	struct viva_rabbitmq_parcel *parcel;
	bool is_taken;
	int status = viva_rabbitmq_assemble(&listener->assembler, frame, &is_taken, &parcel);
	if (status)
		return viva_fail(error, status, NULL, "a message is not as AMQP has it, or there is no memory for it");
	if (parcel && parcel->has_body) {
		if (parcel->message.timestamp_ms == 0)
			parcel->message.timestamp_ms = viva_clock_unix_ms(options->clock);
		listener->on_message(&parcel->message, listener->context);
	}
	viva_rabbitmq_parcel_free(parcel);
	if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_CANCEL_METHOD)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "RabbitMQ ended the subscription");
	return 0;
}

static int on_turn(void *context, struct viva_rabbitmq_link *link, struct viva_rabbitmq_turn *turn,
		   struct viva_error *error)
{
	(void)context;
	(void)link;
	(void)error;
	turn->is_done = true;
	return 0;
}

static void on_down(void *context, int status)
{
	(void)status;
	struct listener *listener = context;
	viva_rabbitmq_assembler_reset(&listener->assembler);
}

static const struct viva_rabbitmq_user listener_user = {
	.role = "listener", .on_up = on_up, .on_frame = on_frame, .on_turn = on_turn, .on_down = on_down};

int viva_rabbitmq_listen(struct viva_bus *bus, const char *const *routing_keys, size_t key_count,
			 void (*on_message)(const struct viva_bus_message *message, void *context), void *context,
			 struct viva_bus_listener **ret_listener, struct viva_error *error)
{
	if (key_count > MAX_KEYS)
		return viva_fail(error, VIVA_EINVAL, "routing_key", "a listener has at most %d routing keys", MAX_KEYS);
	struct listener *listener = calloc(1, sizeof *listener);
	if (!listener)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a listener");
	*listener = (struct listener){.listener = {.bus = bus},
				      .on_message = on_message,
				      .context = context,
				      .assembler = {.max_bytes = bus->options.max_message_bytes},
				      .key_count = key_count};
	for (size_t i = 0; i < key_count; i++)
		listener->keys[i] = viva_bus_key_name(viva_bus_key(routing_keys[i]));
	int status = viva_rabbitmq_connection_create(&viva_rabbitmq_of(bus)->url, &bus->options, &listener_user,
						     listener, &listener->connection, error);
	if (status) {
		free(listener);
		return status;
	}
	// So that what is published after this returned is heard, if the broker is there.
	viva_rabbitmq_connection_wait_for_attempt(listener->connection);
	*ret_listener = &listener->listener;
	return 0;
}

void viva_rabbitmq_listener_destroy(struct viva_bus_listener *base)
{
	struct listener *listener = (struct listener *)base;
	viva_rabbitmq_connection_destroy(listener->connection);
	viva_rabbitmq_assembler_reset(&listener->assembler);
	free(listener);
}
