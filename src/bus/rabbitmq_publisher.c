// SPDX-License-Identifier: Apache-2.0
#include "bus/rabbitmq_publisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "bus/rabbitmq_connection.h"
#include "bus/rabbitmq_message.h"
#include "bus/rabbitmq_topology.h"

enum {
	BURST_MESSAGES = 64,  // sent between two looks at what the broker says
	BURST_BYTES = 256 * 1024,
	FIRST_WINDOW = 1024,  // it grows; whoever submits keeps the number of publications in bounds
	STUBBORN_PAUSE_US = 1000000,
	LET_GO_US = 200 * 1000,    // a body that is being sent has so long, when its owner wants it back
	STALLED_US = 2 * 1000000,  // a broker that reads nothing for so long blocks, whether it says so or not
};

// A list of publications in order.
struct queue {
	struct viva_rabbitmq_publication *first;
	struct viva_rabbitmq_publication **end;
};

struct viva_rabbitmq_publisher {
	const struct viva_bus_options *options;
	struct viva_rabbitmq_connection *connection;
	pthread_mutex_t lock;  // of the next three
	pthread_cond_t has_sent;
	struct queue waiting;                       // to be sent
	struct viva_rabbitmq_publication *sending;  // whose body is being read

	// Since when, monotonic; 0 = not.
	_Atomic int64_t blocked_since_us;
	_Atomic int64_t sending_since_us;

	// Of the thread alone. Unconfirmed publications by delivery tag: [tag & (capacity - 1)], NULL = confirmed out
	// of order.
	struct viva_rabbitmq_publication **window;
	size_t capacity;  // a power of two
	uint64_t first_tag, next_tag;
	struct queue later;  // stubborn ones that were refused
	int64_t later_at_us;
	struct viva_rabbitmq_assembler returned;
	bool wants_topology;

	struct viva_metric *confirmed, *returns, *nacks, *republished, *blocked, *unconfirmed;
};

static int64_t now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

// ---- lists

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_append(struct queue *queue, struct viva_rabbitmq_publication *publication)
{
	publication->next = NULL;
	*queue->end = publication;
	queue->end = &publication->next;
}

static struct viva_rabbitmq_publication *queue_take(struct queue *queue)
{
	struct viva_rabbitmq_publication *publication = queue->first;
	if (!publication)
		return NULL;
	queue->first = publication->next;
	if (!queue->first)
		queue->end = &queue->first;
	return publication;
}

// Puts all of `head` before what is in the queue; `head` is empty afterwards.
static void queue_prepend(struct queue *queue, struct queue *head)
{
	if (!head->first)
		return;
	*head->end = queue->first;
	if (!queue->first)
		queue->end = head->end;
	queue->first = head->first;
	queue_init(head);
}

// ---- the window

static struct viva_rabbitmq_publication **slot_of(struct viva_rabbitmq_publisher *publisher, uint64_t tag)
{
	return &publisher->window[tag & (publisher->capacity - 1)];
}

static int make_room(struct viva_rabbitmq_publisher *publisher)
{
	if (publisher->next_tag - publisher->first_tag < publisher->capacity)
		return 0;
	struct viva_rabbitmq_publication **window = calloc(2 * publisher->capacity, sizeof *window);
	if (!window)
		return VIVA_ENOMEM;
	for (uint64_t tag = publisher->first_tag; tag < publisher->next_tag; tag++)
		window[tag & (2 * publisher->capacity - 1)] = *slot_of(publisher, tag);
	free(publisher->window);
	publisher->window = window;
	publisher->capacity *= 2;
	return 0;
}

// The publication of a tag, out of the window; NULL if it is not in it.
static struct viva_rabbitmq_publication *take_from_window(struct viva_rabbitmq_publisher *publisher, uint64_t tag)
{
	if (tag < publisher->first_tag || tag >= publisher->next_tag)
		return NULL;
	struct viva_rabbitmq_publication *publication = *slot_of(publisher, tag);
	*slot_of(publisher, tag) = NULL;
	while (publisher->first_tag < publisher->next_tag && !*slot_of(publisher, publisher->first_tag))
		publisher->first_tag++;
	return publication;
}

static void finish(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_publication *publication, int status)
{
	publication->is_returned = false;
	if (status && publication->class->is_stubborn && status != VIVA_ELIMIT && status != VIVA_ECANCELLED) {
		queue_append(&publisher->later, publication);
		publisher->later_at_us = now_us() + STUBBORN_PAUSE_US;
		return;
	}
	publication->class->on_done(publication, status);
}

// Those of a lost connection come first again, in their order.
static void put_window_back(struct viva_rabbitmq_publisher *publisher)
{
	struct queue unconfirmed;
	size_t count = 0;
	queue_init(&unconfirmed);
	for (uint64_t tag = publisher->first_tag; tag < publisher->next_tag; tag++) {
		struct viva_rabbitmq_publication *publication = *slot_of(publisher, tag);
		*slot_of(publisher, tag) = NULL;
		if (!publication)
			continue;
		publication->is_returned = false;
		queue_append(&unconfirmed, publication);
		count++;
	}
	publisher->first_tag = publisher->next_tag = 1;
	viva_metric_add(publisher->republished, (double)count);
	viva_metric_set(publisher->unconfirmed, 0);
	pthread_mutex_lock(&publisher->lock);
	queue_prepend(&publisher->waiting, &unconfirmed);
	pthread_mutex_unlock(&publisher->lock);
}

// ---- what the broker says

static void set_blocked(struct viva_rabbitmq_publisher *publisher, bool is_blocked)
{
	bool was_blocked = atomic_exchange(&publisher->blocked_since_us, is_blocked ? now_us() : 0) != 0;
	if (was_blocked == is_blocked)
		return;
	viva_metric_set(publisher->blocked, is_blocked);
	if (is_blocked)
		viva_log_warn("bus: RabbitMQ takes no messages now: it is short of memory or disk");
	else
		viva_log_info("bus: RabbitMQ takes messages again");
}

static void settle(struct viva_rabbitmq_publisher *publisher, uint64_t tag, bool is_confirmed)
{
	struct viva_rabbitmq_publication *publication = take_from_window(publisher, tag);
	if (!publication)
		return;
	viva_metric_add(is_confirmed ? publisher->confirmed : publisher->nacks, 1);
	int status = publication->is_returned ? VIVA_EUNAVAILABLE : is_confirmed ? 0 : VIVA_EOVERLOAD;
	finish(publisher, publication, status);
}

static void settle_up_to(struct viva_rabbitmq_publisher *publisher, uint64_t tag, bool is_multiple, bool is_confirmed)
{
	if (!is_multiple)
		settle(publisher, tag, is_confirmed);
	while (is_multiple && publisher->first_tag < publisher->next_tag && publisher->first_tag <= tag)
		settle(publisher, publisher->first_tag, is_confirmed);
	viva_metric_set(publisher->unconfirmed, (double)(publisher->next_tag - publisher->first_tag));
}

// A message that no queue takes is returned before it is confirmed.
static void note_return(struct viva_rabbitmq_publisher *publisher, const struct viva_rabbitmq_parcel *parcel)
{
	viva_metric_add(publisher->returns, 1);
	publisher->wants_topology = true;
	const char *id = parcel->message.message_id;
	for (uint64_t tag = publisher->first_tag; tag < publisher->next_tag; tag++) {
		struct viva_rabbitmq_publication *publication = *slot_of(publisher, tag);
		if (publication && !publication->is_returned && publication->properties.message_id.len == strlen(id) &&
		    memcmp(publication->properties.message_id.bytes, id, strlen(id)) == 0) {
			publication->is_returned = true;
			return;
		}
	}
}

static int on_frame(void *context, struct viva_rabbitmq_link *link, const amqp_frame_t *frame, struct viva_error *error)
{
	(void)link;
	struct viva_rabbitmq_publisher *publisher = context;
	struct viva_rabbitmq_parcel *parcel;
	bool is_taken;
	int status = viva_rabbitmq_assemble(&publisher->returned, frame, &is_taken, &parcel);
	if (status)
		return viva_fail(error, status, NULL, "a message that came back is not as AMQP has it");
	if (parcel) {
		note_return(publisher, parcel);
		viva_rabbitmq_parcel_free(parcel);
	}
	if (is_taken || frame->frame_type != AMQP_FRAME_METHOD)
		return 0;
	const amqp_basic_ack_t *ack = frame->payload.method.decoded;
	const amqp_basic_nack_t *nack = frame->payload.method.decoded;
	switch (frame->payload.method.id) {
	case AMQP_BASIC_ACK_METHOD:
		settle_up_to(publisher, ack->delivery_tag, ack->multiple, true);
		break;
	case AMQP_BASIC_NACK_METHOD:
		settle_up_to(publisher, nack->delivery_tag, nack->multiple, false);
		break;
	case AMQP_CONNECTION_BLOCKED_METHOD:
		set_blocked(publisher, true);
		break;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		set_blocked(publisher, false);
		break;
	default:
		break;
	}
	return 0;
}

// ---- sending

static int on_up(void *context, struct viva_rabbitmq_link *link, struct viva_error *error)
{
	struct viva_rabbitmq_publisher *publisher = context;
	int status = viva_rabbitmq_declare(link, publisher->options, error);
	if (status)
		return status;
	amqp_confirm_select(link->state, VIVA_RABBITMQ_CHANNEL);
	status = viva_rabbitmq_check_reply(link, "asking for confirms", error);
	publisher->wants_topology = false;
	return status;
}

static int send_publication(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_link *link,
			    struct viva_rabbitmq_publication *publication, struct viva_error *error)
{
	*slot_of(publisher, publisher->next_tag++) = publication;
	int sent = amqp_basic_publish(link->state, VIVA_RABBITMQ_CHANNEL, amqp_cstring_bytes(publication->exchange),
				      amqp_cstring_bytes(publication->routing_key), !publication->may_be_lost, false,
				      &publication->properties,
				      viva_rabbitmq_bytes(publication->body.data, publication->body.size));
	return viva_rabbitmq_check_sent(link, sent, "publishing", error);
}

static bool has_waiting(struct viva_rabbitmq_publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	bool answer = publisher->waiting.first != NULL;
	pthread_mutex_unlock(&publisher->lock);
	return answer;
}

static struct viva_rabbitmq_publication *take_wanted(struct viva_rabbitmq_publisher *publisher)
{
	while (true) {
		pthread_mutex_lock(&publisher->lock);
		struct viva_rabbitmq_publication *publication = queue_take(&publisher->waiting);
		bool is_wanted = publication && publication->class->is_wanted(publication);
		publisher->sending = is_wanted ? publication : NULL;
		pthread_mutex_unlock(&publisher->lock);
		if (!publication || is_wanted)
			return publication;
		publication->class->on_done(publication, VIVA_ECANCELLED);
	}
}

static void note_sent(struct viva_rabbitmq_publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->sending = NULL;
	pthread_cond_broadcast(&publisher->has_sent);
	pthread_mutex_unlock(&publisher->lock);
}

// Sends a burst. *ret_has_more when the queue was not empty afterwards.
static int send_waiting(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_link *link, bool *ret_has_more,
			struct viva_error *error)
{
	int status = 0;
	size_t bytes = 0;
	struct viva_rabbitmq_publication *publication = NULL;
	*ret_has_more = true;
	viva_rabbitmq_cork(link);
	atomic_store(&publisher->sending_since_us, now_us());
	for (int i = 0; i < BURST_MESSAGES && bytes < BURST_BYTES && !status; i++) {
		status = make_room(publisher);
		if (status)
			break;
		publication = take_wanted(publisher);
		*ret_has_more = publication != NULL;
		if (!publication)
			break;
		bytes += publication->body.size;
		status = send_publication(publisher, link, publication, error);
	}
	note_sent(publisher);
	atomic_store(&publisher->sending_since_us, 0);
	viva_rabbitmq_uncork(link);
	viva_metric_set(publisher->unconfirmed, (double)(publisher->next_tag - publisher->first_tag));
	return status;
}

static void resume_stubborn(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_turn *turn)
{
	if (!publisher->later.first)
		return;
	int64_t pause_us = publisher->later_at_us - now_us();
	if (pause_us > 0) {
		turn->pause_ms = (uint32_t)(pause_us / 1000) + 1;
		return;
	}
	pthread_mutex_lock(&publisher->lock);
	queue_prepend(&publisher->waiting, &publisher->later);
	pthread_mutex_unlock(&publisher->lock);
}

static int on_turn(void *context, struct viva_rabbitmq_link *link, struct viva_rabbitmq_turn *turn,
		   struct viva_error *error)
{
	struct viva_rabbitmq_publisher *publisher = context;
	// Something of the topology was removed: connecting anew puts it back.
	if (publisher->wants_topology)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "a message was returned: no queue takes it");
	resume_stubborn(publisher, turn);
	bool is_blocked = atomic_load(&publisher->blocked_since_us) != 0, has_more = false;
	int status = is_blocked || !has_waiting(publisher) ? 0 : send_waiting(publisher, link, &has_more, error);
	if (has_more)
		turn->pause_ms = 0;
	turn->is_done = true;
	// A blocked broker would not hear a goodbye.
	if (turn->is_ending && is_blocked)
		link->is_lost = true;
	return status;
}

// The broker closes the channel on a message over its own limit, without saying which: no other is larger than the
// largest, and each time it closes one fewer is left.
static void give_largest_up(struct viva_rabbitmq_publisher *publisher)
{
	uint64_t largest = publisher->first_tag;
	for (uint64_t tag = publisher->first_tag; tag < publisher->next_tag; tag++) {
		const struct viva_rabbitmq_publication *publication = *slot_of(publisher, tag);
		if (publication && publication->body.size > (*slot_of(publisher, largest))->body.size)
			largest = tag;
	}
	struct viva_rabbitmq_publication *publication = take_from_window(publisher, largest);
	if (publication)
		finish(publisher, publication, VIVA_ELIMIT);
}

static void on_down(void *context, int status)
{
	struct viva_rabbitmq_publisher *publisher = context;
	viva_rabbitmq_assembler_reset(&publisher->returned);
	if (status == VIVA_ECONFLICT)
		give_largest_up(publisher);
	put_window_back(publisher);
	set_blocked(publisher, false);
}

// ---- from outside

static const struct viva_rabbitmq_user publisher_user = {
	.role = "publisher", .on_up = on_up, .on_frame = on_frame, .on_turn = on_turn, .on_down = on_down};

static void init_metrics(struct viva_rabbitmq_publisher *publisher)
{
	const char *labels = "backend=\"rabbitmq\"";
	publisher->confirmed = viva_counter("viva_bus_confirmed_total", labels, "Publications confirmed by the broker");
	publisher->returns = viva_counter("viva_bus_returned_total", labels, "Publications that no queue took");
	publisher->nacks = viva_counter("viva_bus_nacked_total", labels, "Publications that the broker refused");
	publisher->republished = viva_counter("viva_bus_republished_total", labels,
					      "Publications sent again after their connection was lost");
	publisher->blocked = viva_gauge("viva_bus_blocked", labels, "1 while the broker takes no messages");
	publisher->unconfirmed = viva_gauge("viva_bus_unconfirmed", labels, "Publications sent and not confirmed yet");
}

int viva_rabbitmq_publisher_create(const struct viva_rabbitmq_url *url, const struct viva_bus_options *options,
				   struct viva_rabbitmq_publisher **ret_publisher, struct viva_error *error)
{
	struct viva_rabbitmq_publisher *publisher = calloc(1, sizeof *publisher);
	struct viva_rabbitmq_publication **window = calloc(FIRST_WINDOW, sizeof *window);
	if (!publisher || !window) {
		free(publisher);
		free(window);
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bus");
	}
	publisher->options = options;
	publisher->window = window;
	publisher->capacity = FIRST_WINDOW;
	publisher->first_tag = publisher->next_tag = 1;
	queue_init(&publisher->waiting);
	queue_init(&publisher->later);
	pthread_mutex_init(&publisher->lock, NULL);
	viva_rabbitmq_monotonic_cond_init(&publisher->has_sent);
	init_metrics(publisher);
	*ret_publisher = publisher;
	int status = viva_rabbitmq_connection_create(url, options, &publisher_user, publisher, &publisher->connection,
						     error);
	if (status) {
		*ret_publisher = NULL;
		viva_rabbitmq_publisher_destroy(publisher);
	}
	return status;
}

struct viva_rabbitmq_publisher *viva_rabbitmq_publisher_destroy(struct viva_rabbitmq_publisher *publisher)
{
	if (!publisher)
		return NULL;
	viva_rabbitmq_connection_destroy(publisher->connection);
	queue_prepend(&publisher->waiting, &publisher->later);
	for (struct viva_rabbitmq_publication *rest; (rest = queue_take(&publisher->waiting));)
		rest->class->on_done(rest, VIVA_ECANCELLED);
	viva_rabbitmq_assembler_reset(&publisher->returned);
	pthread_cond_destroy(&publisher->has_sent);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher->window);
	free(publisher);
	return NULL;
}

void viva_rabbitmq_publisher_wait_for_attempt(struct viva_rabbitmq_publisher *publisher)
{
	viva_rabbitmq_connection_wait_for_attempt(publisher->connection);
}

void viva_rabbitmq_publisher_submit(struct viva_rabbitmq_publisher *publisher, struct viva_rabbitmq_publication *first)
{
	pthread_mutex_lock(&publisher->lock);
	for (struct viva_rabbitmq_publication *next; first; first = next) {
		next = first->next;
		queue_append(&publisher->waiting, first);
	}
	pthread_mutex_unlock(&publisher->lock);
	viva_rabbitmq_connection_wake(publisher->connection);
}

static bool sends_unwanted(const struct viva_rabbitmq_publisher *publisher)
{
	return publisher->sending && !publisher->sending->class->is_wanted(publisher->sending);
}

void viva_rabbitmq_publisher_let_go(struct viva_rabbitmq_publisher *publisher)
{
	int64_t until_us = now_us() + LET_GO_US;
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	pthread_mutex_lock(&publisher->lock);
	while (sends_unwanted(publisher) && now_us() < until_us)
		pthread_cond_timedwait(&publisher->has_sent, &publisher->lock, &until);
	if (sends_unwanted(publisher))
		viva_rabbitmq_connection_interrupt(publisher->connection);
	while (sends_unwanted(publisher))
		pthread_cond_wait(&publisher->has_sent, &publisher->lock);
	pthread_mutex_unlock(&publisher->lock);
}

int viva_rabbitmq_publisher_check(struct viva_rabbitmq_publisher *publisher, int64_t *ret_since_us,
				  struct viva_error *error)
{
	int status = viva_rabbitmq_connection_check(publisher->connection, ret_since_us, error);
	if (status)
		return status;
	int64_t blocked_since_us = atomic_load(&publisher->blocked_since_us);
	int64_t sending_since_us = atomic_load(&publisher->sending_since_us);
	bool is_stalled = sending_since_us != 0 && now_us() - sending_since_us > STALLED_US;
	if (blocked_since_us == 0 && !is_stalled)
		return 0;
	*ret_since_us = blocked_since_us != 0 ? blocked_since_us : sending_since_us;
	return viva_fail(error, VIVA_EOVERLOAD, NULL, "RabbitMQ takes no messages now: it is short of memory or disk");
}
