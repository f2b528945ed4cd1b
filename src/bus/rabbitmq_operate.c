// SPDX-License-Identifier: Apache-2.0
//
// Looking at the queues and the dead letters of RabbitMQ, over a connection that lives as long as the look.
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bus/rabbitmq.h"
#include "bus/rabbitmq_link.h"
#include "bus/rabbitmq_message.h"
#include "bus/rabbitmq_topology.h"

static int connect_now(struct viva_bus *bus, struct viva_rabbitmq_link *ret_link, struct viva_error *error)
{
	const struct viva_rabbitmq_url *url = &viva_rabbitmq_of(bus)->url;
	int status = VIVA_EUNAVAILABLE;
	for (size_t attempt = 0; attempt < url->host_count && status == VIVA_EUNAVAILABLE; attempt++)
		status = viva_rabbitmq_link_open(url, attempt, "viva operator", ret_link, error);
	return status;
}

// ---- queues

static int look_at(struct viva_rabbitmq_link *link, const char *name, struct viva_bus_queue_status *ret_status,
		   struct viva_error *error)
{
	const amqp_queue_declare_ok_t *found =
		amqp_queue_declare(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(name), true, false, false,
				   false, amqp_empty_table);
	int status = viva_rabbitmq_check_reply(link, name, error);
	if (status)
		return status;
	// To see how old the first is, it would have to be taken: that counts as a delivery, and the limit of those is
	// there to find what kills consumers.
	*ret_status = (struct viva_bus_queue_status){.name = name,
						     .waiting = found->message_count,
						     .unsettled = -1,
						     .consumers = found->consumer_count,
						     .oldest_age_ms = -1};
	amqp_maybe_release_buffers(link->state);
	return 0;
}

static int look_at_all(struct viva_bus *bus, struct viva_rabbitmq_link *link, struct viva_arena *arena,
		       struct viva_bus_queue_status *list, size_t *ret_count, struct viva_error *error)
{
	size_t count = 0;
	int status = 0;
	for (enum viva_bus_queue queue = 0; queue < VIVA_QUEUE_COUNT; queue++) {
		size_t parts = viva_rabbitmq_queue_parts(queue, bus->options.frame_partitions);
		for (size_t part = 0; part < parts && !status; part++) {
			char name[VIVA_RABBITMQ_NAME_SIZE];
			viva_rabbitmq_queue_name(queue, part, name);
			const char *kept = viva_arena_text(arena, name, strlen(name));
			status = kept ? look_at(link, kept, &list[count++], error)
				      : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the queues");
		}
	}
	if (!status)
		status = look_at(link, VIVA_BUS_DEAD_LETTERS, &list[count++], error);
	*ret_count = count;
	return status;
}

int viva_rabbitmq_queues(struct viva_bus *bus, struct viva_arena *arena,
			 const struct viva_bus_queue_status **ret_queues, size_t *ret_count, struct viva_error *error)
{
	struct viva_rabbitmq_link link;
	size_t most = VIVA_QUEUE_COUNT + bus->options.frame_partitions + 1, count;
	struct viva_bus_queue_status *list = viva_arena_alloc(arena, most * sizeof *list);
	if (!list)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the queues");
	int status = connect_now(bus, &link, error);
	if (status)
		return status;
	status = viva_rabbitmq_declare(&link, &bus->options, error);
	if (!status)
		status = look_at_all(bus, &link, arena, list, &count, error);
	viva_rabbitmq_link_finish(&link);
	if (status)
		return status;
	*ret_queues = list;
	*ret_count = count;
	return 0;
}

// ---- dead letters

struct visit {
	struct viva_bus *bus;
	struct viva_rabbitmq_link link;
	struct viva_rabbitmq_assembler assembler;
	enum viva_bus_dead_letter_action (*show)(const struct viva_bus_dead_letter *letter, void *context);
	void *context;
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// The next frame, waiting for it as long as for any answer.
static int wait_for_frame(struct visit *visit, int64_t until_us, amqp_frame_t *ret_frame, struct viva_error *error)
{
	while (true) {
		bool has_frame;
		int status = viva_rabbitmq_next_frame(&visit->link, ret_frame, &has_frame, error);
		if (status || has_frame)
			return status;
		int64_t left_ms = (until_us - now_us()) / 1000;
		if (left_ms <= 0)
			return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "RabbitMQ does not answer");
		struct pollfd fd = {.fd = visit->link.fd, .events = POLLIN};
		(void)!poll(&fd, 1, (int)VIVA_MIN(left_ms, (int64_t)1000));
	}
}

static int64_t answer_until_us(const struct visit *visit)
{
	return now_us() + (int64_t)viva_rabbitmq_of(visit->bus)->url.connection_timeout_ms * 1000;
}

// *ret_parcel = NULL when there are no more.
static int get_letter(struct visit *visit, struct viva_rabbitmq_parcel **ret_parcel, struct viva_error *error)
{
	amqp_basic_get_t get = {.queue = amqp_cstring_bytes(VIVA_BUS_DEAD_LETTERS)};
	int status = viva_rabbitmq_check_sent(
		&visit->link, amqp_send_method(visit->link.state, VIVA_RABBITMQ_CHANNEL, AMQP_BASIC_GET_METHOD, &get),
		"asking for a dead letter", error);
	int64_t until_us = answer_until_us(visit);
	*ret_parcel = NULL;
	while (!status && !*ret_parcel) {
		amqp_frame_t frame;
		bool is_taken;
		status = wait_for_frame(visit, until_us, &frame, error);
		if (status)
			break;
		status = viva_rabbitmq_assemble(&visit->assembler, &frame, &is_taken, ret_parcel);
		if (status)
			status = viva_fail(error, status, NULL, "a dead letter is not as AMQP has it");
		bool is_empty =
			frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_GET_EMPTY_METHOD;
		viva_rabbitmq_release(&visit->link, &frame);
		if (is_empty)
			break;
	}
	return status;
}

// The confirm of the one message that was published. A return before it means that its queue is gone.
static int wait_for_confirm(struct visit *visit, struct viva_error *error)
{
	bool is_returned = false;
	int64_t until_us = answer_until_us(visit);
	while (true) {
		amqp_frame_t frame;
		struct viva_rabbitmq_parcel *parcel = NULL;
		bool is_taken = false;
		int status = wait_for_frame(visit, until_us, &frame, error);
		if (!status)
			status = viva_rabbitmq_assemble(&visit->assembler, &frame, &is_taken, &parcel);
		if (status)
			return status;
		is_returned |= parcel != NULL;
		viva_rabbitmq_parcel_free(parcel);
		amqp_method_number_t method =
			frame.frame_type == AMQP_FRAME_METHOD && frame.channel != 0 ? frame.payload.method.id : 0;
		viva_rabbitmq_release(&visit->link, &frame);
		if (method == AMQP_BASIC_NACK_METHOD)
			return viva_fail(error, VIVA_EOVERLOAD, NULL, "RabbitMQ refused to take the dead letter back");
		if (method == AMQP_BASIC_ACK_METHOD && is_returned)
			return viva_fail(error, VIVA_ENOTFOUND, NULL, "the queue that the letter died in is gone");
		if (method == AMQP_BASIC_ACK_METHOD)
			return 0;
	}
}

static int replay(struct visit *visit, const struct viva_rabbitmq_parcel *parcel, const char *queue,
		  struct viva_error *error)
{
	if (!parcel->has_body || queue[0] == '\0')
		return viva_fail(error, VIVA_ELIMIT, NULL, "%s",
				 parcel->has_body ? "a dead letter does not say where it died"
						  : "a dead letter is too large to be replayed");
	amqp_pool_t pool;
	amqp_basic_properties_t properties;
	init_amqp_pool(&pool, 0);
	int status = viva_rabbitmq_renew_properties(parcel, NULL, NULL, 0, &pool, &properties);
	if (!status)
		status = viva_rabbitmq_check_sent(
			&visit->link,
			amqp_basic_publish(visit->link.state, VIVA_RABBITMQ_CHANNEL, amqp_empty_bytes,
					   amqp_cstring_bytes(queue), true, false, &properties,
					   viva_rabbitmq_bytes(parcel->message.body.data, parcel->message.body.size)),
			"replaying a dead letter", error);
	empty_amqp_pool(&pool);
	return status ? status : wait_for_confirm(visit, error);
}

// What the queue is for; "" when it is none of the topology.
static const char *routing_key_of(const char *queue)
{
	for (size_t i = 0; i < VIVA_QUEUE_COUNT; i++) {
		const struct viva_bus_binding *binding = &viva_bus_bindings[i];
		size_t size = strlen(binding->name);
		if (strncmp(queue, binding->name, size) == 0 &&
		    (binding->is_partitioned ? queue[size] == '.' : queue[size] == '\0'))
			return binding->routing_key;
	}
	return "";
}

static int show(struct visit *visit, const struct viva_rabbitmq_parcel *parcel, struct viva_error *error)
{
	struct viva_rabbitmq_death death;
	int status = viva_rabbitmq_read_death(parcel, &death);
	if (status)
		return viva_fail(error, status, NULL, "a dead letter can't be read");
	struct viva_bus_dead_letter letter = {.message = parcel->message,
					      .queue = death.queue,
					      .reason = death.reason,
					      .died_at_ms = death.died_at_ms,
					      .retries = parcel->retries};
	letter.message.routing_key = routing_key_of(death.queue);
	enum viva_bus_dead_letter_action action = visit->show(&letter, visit->context);
	// What is kept stays unacknowledged, and goes back to its place when the channel ends.
	if (action == VIVA_BUS_KEEP)
		return 0;
	if (action == VIVA_BUS_REPLAY)
		status = replay(visit, parcel, death.queue, error);
	if (status)
		return status;
	return viva_rabbitmq_check_sent(
		&visit->link, amqp_basic_ack(visit->link.state, VIVA_RABBITMQ_CHANNEL, parcel->delivery_tag, false),
		"acknowledging a dead letter", error);
}

static int visit_all(struct visit *visit, size_t limit, size_t *ret_count, struct viva_error *error)
{
	int status = viva_rabbitmq_declare(&visit->link, &visit->bus->options, error);
	if (status)
		return status;
	amqp_confirm_select(visit->link.state, VIVA_RABBITMQ_CHANNEL);
	status = viva_rabbitmq_check_reply(&visit->link, "asking for confirms", error);
	for (*ret_count = 0; !status && *ret_count < limit; ++*ret_count) {
		struct viva_rabbitmq_parcel *parcel;
		status = get_letter(visit, &parcel, error);
		if (status || !parcel)
			return status;
		status = show(visit, parcel, error);
		viva_rabbitmq_parcel_free(parcel);
	}
	return status;
}

int viva_rabbitmq_visit_dead_letters(
	struct viva_bus *bus, size_t limit,
	enum viva_bus_dead_letter_action (*visit)(const struct viva_bus_dead_letter *letter, void *context),
	void *context, size_t *ret_count, struct viva_error *error)
{
	struct visit all = {.bus = bus,
			    .assembler = {.max_bytes = VIVA_RABBITMQ_MAX_BODY_BYTES},
			    .show = visit,
			    .context = context};
	size_t count = 0;
	int status = connect_now(bus, &all.link, error);
	if (status)
		return status;
	status = visit_all(&all, limit, &count, error);
	viva_rabbitmq_assembler_reset(&all.assembler);
	viva_rabbitmq_link_finish(&all.link);
	if (!status)
		*ret_count = count;
	return status;
}
