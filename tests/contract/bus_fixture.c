// SPDX-License-Identifier: Apache-2.0
#include "bus_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "amqp_fixture.h"
#include "base/text.h"

// Far more than anything takes: only so that a failing test ends.
enum { PATIENCE_S = 60, TEXTS = 64 };

struct viva_bus_options bus_fixture_options(const struct bus_fixture *fixture)
{
	struct viva_bus_options options = viva_bus_defaults();
	options.url = fixture->url;
	options.app_id = "test";
	options.frame_partitions = 2;
	options.retry_ms = 10;
	options.defer_ms = 10;
	return options;
}

struct viva_bus *bus_fixture_open_with(const struct viva_bus_options *options)
{
	struct viva_bus *bus = NULL;
	assert_ok(viva_bus_open(options, &bus, NULL));
	return bus;
}

struct viva_bus *bus_fixture_open(const struct bus_fixture *fixture)
{
	struct viva_bus_options options = bus_fixture_options(fixture);
	return bus_fixture_open_with(&options);
}

struct viva_bus_message bus_fixture_message(const char *routing_key, const char *session_id, int number)
{
	static _Thread_local char texts[TEXTS][16];
	static _Thread_local size_t used;
	char *text = texts[used++ % TEXTS];
	snprintf(text, sizeof texts[0], "%d", number);
	return (struct viva_bus_message){
		.routing_key = routing_key, .type = "Test", .session_id = session_id, .body = viva_bytes_of_text(text)};
}

void bus_fixture_publish(struct viva_bus *bus, const char *routing_key, const char *session_id, int number)
{
	struct viva_bus_message message = bus_fixture_message(routing_key, session_id, number);
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
}

void bus_fixture_publish_many(struct viva_bus *bus, const char *routing_key, const char *session_id, int first,
			      int count)
{
	while (count > 0) {
		struct viva_bus_message messages[TEXTS];
		int part = VIVA_MIN(count, (int)TEXTS);
		for (int i = 0; i < part; i++)
			messages[i] = bus_fixture_message(routing_key, session_id, first + i);
		assert_ok(viva_bus_publish(bus, messages, (size_t)part, INT64_MAX, NULL));
		first += part;
		count -= part;
	}
}

// ---- collecting

struct collector *collector_create(enum viva_bus_verdict (*decide)(const struct collected *item))
{
	struct collector *collector = calloc(1, sizeof *collector);
	assert_non_null(collector);
	pthread_mutex_init(&collector->lock, NULL);
	pthread_cond_init(&collector->moved, NULL);
	collector->decide = decide;
	return collector;
}

struct collector *collector_destroy(struct collector *collector)
{
	if (!collector)
		return NULL;
	pthread_cond_destroy(&collector->moved);
	pthread_mutex_destroy(&collector->lock);
	free(collector);
	return NULL;
}

enum viva_bus_verdict collector_ack(const struct collected *item)
{
	(void)item;
	return VIVA_BUS_ACK;
}

static void note(struct collected *item, struct viva_bus_delivery *delivery)
{
	const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
	int64_t number = -1;
	snprintf(item->message_id, sizeof item->message_id, "%s", message->message_id);
	snprintf(item->session_id, sizeof item->session_id, "%s", message->session_id);
	snprintf(item->body, sizeof item->body, "%.*s", (int)VIVA_MIN(message->body.size, (size_t)COLLECTED_BODY - 1),
		 (const char *)message->body.data);
	if (viva_parse_int64(item->body, 0, INT32_MAX, &number))
		number = -1;
	item->number = (int)number;
	item->retries = viva_bus_delivery_retries(delivery);
	item->is_repeated = viva_bus_delivery_is_repeated(delivery);
	item->delivery = delivery;
}

static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct collector *collector = context;
	pthread_mutex_lock(&collector->lock);
	// A full one keeps its last place busy: no test comes near.
	struct collected *item = &collector->items[VIVA_MIN(collector->count, (size_t)COLLECTED_MAX - 1)];
	note(item, delivery);
	bool is_kept = !collector->decide;
	enum viva_bus_verdict verdict = is_kept ? VIVA_BUS_ACK : collector->decide(item);
	if (is_kept)
		collector->unsettled++;
	else
		item->delivery = NULL;
	collector->most_unsettled = VIVA_MAX(collector->most_unsettled, collector->unsettled);
	collector->count++;
	pthread_cond_broadcast(&collector->moved);
	pthread_mutex_unlock(&collector->lock);
	if (!is_kept)
		viva_bus_settle(delivery, verdict, verdict == VIVA_BUS_ACK ? NULL : "the test says so");
}

struct viva_bus_consumer *collector_consume(struct collector *collector, struct viva_bus *bus,
					    enum viva_bus_queue queue, size_t prefetch)
{
	const struct viva_bus_subscription subscription = {
		.queue = queue, .prefetch = prefetch, .on_delivery = on_delivery, .context = collector};
	struct viva_bus_consumer *consumer = NULL;
	assert_ok(viva_bus_consume(bus, &subscription, &consumer, NULL));
	return consumer;
}

static struct timespec patience(void)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	return until;
}

size_t collector_count(struct collector *collector)
{
	pthread_mutex_lock(&collector->lock);
	size_t count = collector->count;
	pthread_mutex_unlock(&collector->lock);
	return count;
}

void collector_wait(struct collector *collector, size_t count)
{
	int status = 0;
	pthread_mutex_lock(&collector->lock);
	struct timespec until = patience();
	size_t seen = collector->count;
	while (collector->count < count && !status) {
		status = pthread_cond_clockwait(&collector->moved, &collector->lock, CLOCK_MONOTONIC, &until);
		if (collector->count > seen)
			until = patience();
		seen = collector->count;
	}
	pthread_mutex_unlock(&collector->lock);
	if (seen < count)
		fail_msg("%zu deliveries came, not %zu", seen, count);
}

void collector_settle(struct collector *collector, size_t index, enum viva_bus_verdict verdict, const char *reason)
{
	pthread_mutex_lock(&collector->lock);
	struct viva_bus_delivery *delivery = collector->items[index].delivery;
	collector->items[index].delivery = NULL;
	collector->unsettled -= delivery != NULL;
	pthread_mutex_unlock(&collector->lock);
	if (delivery)
		viva_bus_settle(delivery, verdict, reason);
}

void collector_settle_rest(struct collector *collector, enum viva_bus_verdict verdict)
{
	size_t count = collector_count(collector);
	for (size_t i = 0; i < count; i++)
		collector_settle(collector, i, verdict, verdict == VIVA_BUS_ACK ? NULL : "the test says so");
}

// ---- looking

// A look now and then is all there is: nobody tells of it.
static void look_again(int64_t *left_ms)
{
	enum { STEP_MS = 5 };
	usleep(STEP_MS * 1000);
	*left_ms -= STEP_MS;
	if (*left_ms <= 0)
		fail_msg("it did not come to be in %d s", PATIENCE_S);
}

static struct viva_bus_queue_status status_of(struct viva_bus *bus, const char *name)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_bus_queues(bus, arena, &queues, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strcmp(queues[i].name, name) == 0) {
			struct viva_bus_queue_status status = queues[i];
			status.name = name;
			return status;
		}
	fail_msg("there is no queue %s", name);
	return (struct viva_bus_queue_status){0};
}

static bool fits(int64_t is, int64_t wanted)
{
	return wanted == -1 || is == -1 || is == wanted;
}

void bus_fixture_wait_for_queue(struct viva_bus *bus, const char *name, int64_t waiting, int64_t unsettled,
				int64_t consumers)
{
	int64_t left_ms = PATIENCE_S * 1000;
	for (;;) {
		struct viva_bus_queue_status status = status_of(bus, name);
		if (fits(status.waiting, waiting) && fits(status.unsettled, unsettled) &&
		    fits(status.consumers, consumers))
			return;
		look_again(&left_ms);
	}
}

static enum viva_bus_dead_letter_action keep(const struct viva_bus_dead_letter *letter, void *context)
{
	(void)letter, (void)context;
	return VIVA_BUS_KEEP;
}

void bus_fixture_wait_for_dead_letters(struct viva_bus *bus, size_t count)
{
	int64_t left_ms = PATIENCE_S * 1000;
	for (;;) {
		size_t there = 0;
		assert_ok(viva_bus_visit_dead_letters(bus, count + 1, keep, NULL, &there, NULL));
		if (there == count)
			return;
		look_again(&left_ms);
	}
}

// ---- backends

static bool find_url(struct bus_fixture *fixture)
{
#ifdef VIVA_TEST_ON_RABBITMQ
	return amqp_fixture_claim(fixture->url, sizeof fixture->url);
#else
	// One level that is not there yet: opening makes it.
	snprintf(fixture->url, sizeof fixture->url, "sqlite:%s/data/bus.db", fixture->directory);
	return true;
#endif
}

bool bus_fixture_is_there(void)
{
#ifdef VIVA_TEST_ON_RABBITMQ
	if (!amqp_fixture_is_there()) {
		printf("1..0 # SKIP there is no RabbitMQ: VIVA_TEST_AMQP_URL is not set\n");
		return false;
	}
#endif
	return true;
}

int bus_fixture_set_up(void **state)
{
	struct bus_fixture *fixture = calloc(1, sizeof *fixture);
	if (!fixture)
		return -1;
	make_test_directory(fixture->directory, sizeof fixture->directory);
	if (viva_arena_create(0, &fixture->arena)) {
		free(fixture);
		return -1;
	}
	*state = fixture;
	return find_url(fixture) ? 0 : -1;
}

int bus_fixture_tear_down(void **state)
{
	struct bus_fixture *fixture = *state;
	remove_test_directory(fixture->directory);
	viva_arena_destroy(fixture->arena);
	free(fixture);
	return 0;
}
