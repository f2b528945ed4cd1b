// SPDX-License-Identifier: Apache-2.0
//
// What every bus backend must do with messages that all goes well with, and what it refuses.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_fixture.h"

// ---- contents

struct received {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool is_there;
	struct viva_bus_message message;
	int64_t age_ms;
	struct viva_arena *arena;
};

static const char *copy_text(struct viva_arena *arena, const char *text)
{
	return viva_arena_text(arena, text, strlen(text));
}

static void keep_message(struct received *received, const struct viva_bus_message *message)
{
	struct viva_arena *arena = received->arena;
	received->message = (struct viva_bus_message){
		.routing_key = copy_text(arena, message->routing_key),
		.type = copy_text(arena, message->type),
		.message_id = copy_text(arena, message->message_id),
		.app_id = copy_text(arena, message->app_id),
		.session_id = copy_text(arena, message->session_id),
		.traceparent = copy_text(arena, message->traceparent),
		.timestamp_ms = message->timestamp_ms,
		.body = viva_bytes_of(viva_arena_text(arena, (const char *)message->body.data, message->body.size),
				      message->body.size),
	};
}

static void receive(struct viva_bus_delivery *delivery, void *context)
{
	struct received *received = context;
	pthread_mutex_lock(&received->lock);
	keep_message(received, viva_bus_delivery_message(delivery));
	received->age_ms = viva_bus_delivery_age_ms(delivery);
	received->is_there = true;
	pthread_cond_signal(&received->moved);
	pthread_mutex_unlock(&received->lock);
	viva_bus_settle(delivery, VIVA_BUS_ACK, NULL);
}

// Publishes the message to scoring.emotions and gives what came out there.
static struct received pass_through(struct bus_fixture *fixture, const struct viva_bus_message *message)
{
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct received received = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .arena = fixture->arena};
	const struct viva_bus_subscription subscription = {
		.queue = VIVA_QUEUE_SCORING_EMOTIONS, .prefetch = 1, .on_delivery = receive, .context = &received};
	assert_ok(viva_bus_publish(bus, message, 1, INT64_MAX, NULL));
	struct viva_bus_consumer *consumer = NULL;
	assert_ok(viva_bus_consume(bus, &subscription, &consumer, NULL));
	pthread_mutex_lock(&received.lock);
	while (!received.is_there)
		pthread_cond_wait(&received.moved, &received.lock);
	pthread_mutex_unlock(&received.lock);
	viva_bus_consumer_destroy(consumer);
	return received;
}

static void test_bus__delivers_a_message_as_it_was_published(void **state)
{
	struct bus_fixture *fixture = *state;
	static const uint8_t body[] = {'{', 0, 0xff, 0x80, '}', 0};
	const struct viva_bus_message sent = {
		.routing_key = VIVA_KEY_EMOTION_ANALYZED,
		.type = "EmotionAnalyzed",
		.message_id = "0190a5d2-ac96-774b-bcce-b302099a8057",
		.app_id = "somebody else",
		.session_id = "na\xc3\xafve session",
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.timestamp_ms = 1767225600000,
		.body = viva_bytes_of(body, sizeof body),
	};
	struct received received = pass_through(fixture, &sent);
	assert_string_equal(received.message.routing_key, sent.routing_key);
	assert_string_equal(received.message.type, sent.type);
	assert_string_equal(received.message.message_id, sent.message_id);
	assert_string_equal(received.message.app_id, "test");
	assert_string_equal(received.message.session_id, sent.session_id);
	assert_string_equal(received.message.traceparent, sent.traceparent);
	assert_int_equal(received.message.timestamp_ms, sent.timestamp_ms);
	assert_int_equal(received.message.body.size, sizeof body);
	assert_memory_equal(received.message.body.data, body, sizeof body);
	assert_true(received.age_ms > 0);
}

static void test_bus__completes_what_a_publisher_leaves_out(void **state)
{
	struct bus_fixture *fixture = *state;
	int64_t before_ms = viva_system_clock()->unix_ms(viva_system_clock());
	const struct viva_bus_message sent = {
		.routing_key = VIVA_KEY_EMOTION_ANALYZED, .type = "EmotionAnalyzed", .session_id = "s"};
	struct received received = pass_through(fixture, &sent);
	assert_true(viva_uuid_is_valid(received.message.message_id));
	assert_int_equal(strlen(received.message.traceparent), 55);
	assert_memory_equal(received.message.traceparent, "00-", 3);
	assert_true(received.message.timestamp_ms >= before_ms / 1000 * 1000);
	assert_int_equal(received.message.body.size, 0);
	assert_true(received.age_ms >= 0);
}

static void test_bus__passes_a_large_body_on(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { SIZE = 12 << 20 };
	uint8_t *body = malloc(SIZE);
	assert_non_null(body);
	for (size_t i = 0; i < SIZE; i++)
		body[i] = (uint8_t)(i * 2654435761u >> 24);
	const struct viva_bus_message sent = {.routing_key = VIVA_KEY_EMOTION_ANALYZED,
					      .type = "EmotionAnalyzed",
					      .session_id = "s",
					      .body = viva_bytes_of(body, SIZE)};
	struct received received = pass_through(fixture, &sent);
	assert_int_equal(received.message.body.size, SIZE);
	assert_memory_equal(received.message.body.data, body, SIZE);
	free(body);
}

// ---- queues

static void test_bus__a_message_reaches_each_queue_that_is_bound_to_its_key(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_INTERVIEW_ERASED, "s", 7);
	const enum viva_bus_queue queues[] = {VIVA_QUEUE_EMOTION_ERASURES, VIVA_QUEUE_SCORING_ERASURES,
					      VIVA_QUEUE_WORKER_ERASURES};
	for (size_t i = 0; i < VIVA_COUNT(queues); i++) {
		VIVA_AUTO(collector) collector = collector_create(collector_ack);
		struct viva_bus_consumer *consumer = collector_consume(collector, bus, queues[i], 4);
		collector_wait(collector, 1);
		viva_bus_consumer_destroy(consumer);
		assert_int_equal(collector->count, 1);
		assert_int_equal(collector->items[0].number, 7);
	}
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
}

static void test_bus__what_was_confirmed_is_there_after_a_restart(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	struct viva_bus *bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, 20);
	viva_bus_destroy(bus);
	bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	collector_wait(collector, 20);
	viva_bus_consumer_destroy(consumer);
	viva_bus_destroy(bus);
	assert_int_equal(collector->count, 20);
}

static void test_bus__what_was_acknowledged_does_not_come_again(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) first = collector_create(collector_ack);
	VIVA_AUTO(collector) second = collector_create(collector_ack);
	struct viva_bus *bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, 20);
	struct viva_bus_consumer *consumer = collector_consume(first, bus, VIVA_QUEUE_WORKER_SCORES, 7);
	collector_wait(first, 20);
	viva_bus_consumer_destroy(consumer);
	viva_bus_destroy(bus);

	bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 99);
	consumer = collector_consume(second, bus, VIVA_QUEUE_WORKER_SCORES, 7);
	collector_wait(second, 1);
	viva_bus_consumer_destroy(consumer);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	viva_bus_destroy(bus);
	assert_int_equal(second->count, 1);
	assert_int_equal(second->items[0].number, 99);
}

static void test_bus__a_sessions_frames_come_in_the_order_they_were_published(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { SESSIONS = 5, FRAMES = 60 };
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 8);
	for (int frame = 0; frame < FRAMES; frame++)
		for (int session = 0; session < SESSIONS; session++) {
			char name[8];
			snprintf(name, sizeof name, "s%d", session);
			bus_fixture_publish(bus, VIVA_KEY_FRAME_ACCEPTED, name, frame);
		}
	collector_wait(collector, SESSIONS * FRAMES);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, SESSIONS * FRAMES);
	int next[SESSIONS] = {0};
	for (size_t i = 0; i < collector->count; i++) {
		int session = collector->items[i].session_id[1] - '0';
		assert_int_equal(collector->items[i].number, next[session]++);
	}
}

static void test_bus__no_more_than_the_prefetch_are_unsettled(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { PREFETCH = 3, MESSAGES = 30 };
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_CAPTURED, "s", 0, MESSAGES);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_FRAMES, PREFETCH);
	for (size_t i = 0; i < MESSAGES; i++) {
		collector_wait(collector, VIVA_MIN(i + PREFETCH, (size_t)MESSAGES));
		collector_settle(collector, i, VIVA_BUS_ACK, NULL);
	}
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, MESSAGES);
	assert_int_equal(collector->most_unsettled, PREFETCH);
}

static void test_bus__tells_how_long_its_queues_are_and_who_consumes_them(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, 10);
	bus_fixture_wait_for_queue(bus, "worker.scores", 10, 0, 0);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	collector_wait(collector, 4);
	bus_fixture_wait_for_queue(bus, "worker.scores", 6, 4, 1);
	bus_fixture_wait_for_queue(bus, "emotion.frames.1", 0, 0, 0);
	bus_fixture_wait_for_queue(bus, VIVA_BUS_DEAD_LETTERS, 0, 0, 0);
	collector_settle_rest(collector, VIVA_BUS_ACK);
	collector_wait(collector, 8);
	collector_settle_rest(collector, VIVA_BUS_ACK);
	collector_wait(collector, 10);
	collector_settle_rest(collector, VIVA_BUS_ACK);
	viva_bus_consumer_destroy(consumer);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
}

// ---- listening

struct heard {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t count;
	int numbers[64];
	char keys[64][32];
};

static void hear(const struct viva_bus_message *message, void *context)
{
	struct heard *heard = context;
	char text[16];
	pthread_mutex_lock(&heard->lock);
	snprintf(text, sizeof text, "%.*s", (int)message->body.size, (const char *)message->body.data);
	heard->numbers[heard->count % 64] = atoi(text);
	snprintf(heard->keys[heard->count % 64], sizeof heard->keys[0], "%s", message->routing_key);
	heard->count++;
	pthread_cond_signal(&heard->moved);
	pthread_mutex_unlock(&heard->lock);
}

static void wait_for_heard(struct heard *heard, size_t count)
{
	pthread_mutex_lock(&heard->lock);
	while (heard->count < count)
		pthread_cond_wait(&heard->moved, &heard->lock);
	pthread_mutex_unlock(&heard->lock);
}

static void test_bus__each_listener_hears_what_it_asked_for_from_then_on(void **state)
{
	struct bus_fixture *fixture = *state;
	struct heard both = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	struct heard scores = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	const char *const keys[] = {VIVA_KEY_SCORE_CALCULATED, VIVA_KEY_EMOTION_ANALYZED};
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	VIVA_AUTO(viva_bus) other = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 1);
	VIVA_AUTO(viva_bus_listener) first = NULL;
	VIVA_AUTO(viva_bus_listener) second = NULL;
	assert_ok(viva_bus_listen(bus, keys, 2, hear, &both, &first, NULL));
	assert_ok(viva_bus_listen(other, keys, 1, hear, &scores, &second, NULL));
	bus_fixture_publish(bus, VIVA_KEY_EMOTION_ANALYZED, "s", 2);
	bus_fixture_publish(bus, VIVA_KEY_FRAME_CAPTURED, "s", 3);
	bus_fixture_publish(other, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	wait_for_heard(&both, 2);
	wait_for_heard(&scores, 1);
	second = viva_bus_listener_destroy(second);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 5);
	wait_for_heard(&both, 3);
	first = viva_bus_listener_destroy(first);
	assert_int_equal(both.count, 3);
	assert_int_equal(both.numbers[0], 2);
	assert_string_equal(both.keys[0], VIVA_KEY_EMOTION_ANALYZED);
	assert_int_equal(both.numbers[1], 4);
	assert_int_equal(both.numbers[2], 5);
	assert_int_equal(scores.count, 1);
	assert_int_equal(scores.numbers[0], 4);
	// Listening takes nothing away.
	bus_fixture_wait_for_queue(bus, "worker.scores", 3, 0, 0);
	bus_fixture_wait_for_queue(bus, "scoring.emotions", 1, 0, 0);
}

static void test_bus__a_key_without_a_queue_is_heard_by_listeners_and_waits_for_nobody(void **state)
{
	struct bus_fixture *fixture = *state;
	struct heard heard = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	const char *const key = VIVA_KEY_INTERVIEW_CHANGED;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	VIVA_AUTO(viva_bus) other = bus_fixture_open(fixture);
	bool can_tell = viva_bus_listeners(bus, key) == 0;
	assert_true(can_tell || viva_bus_listeners(bus, key) == -1);
	bus_fixture_publish(bus, key, "s", 1);
	VIVA_AUTO(viva_bus_listener) first = NULL;
	VIVA_AUTO(viva_bus_listener) second = NULL;
	assert_ok(viva_bus_listen(bus, &key, 1, hear, &heard, &first, NULL));
	assert_ok(viva_bus_listen(other, &key, 1, hear, &heard, &second, NULL));
	assert_int_equal(viva_bus_listeners(bus, key), can_tell ? 2 : -1);
	bus_fixture_publish(other, key, "s", 2);
	wait_for_heard(&heard, 2);
	second = viva_bus_listener_destroy(second);
	assert_int_equal(viva_bus_listeners(other, key), can_tell ? 1 : -1);
	bus_fixture_publish(other, key, "s", 3);
	wait_for_heard(&heard, 3);
	first = viva_bus_listener_destroy(first);
	assert_int_equal(heard.numbers[0], 2);
	assert_int_equal(heard.numbers[1], 2);
	assert_int_equal(heard.numbers[2], 3);
	assert_string_equal(heard.keys[2], key);
	assert_int_equal(viva_bus_listeners(bus, "no.such.key"), -1);
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	assert_ok(viva_bus_queues(bus, fixture->arena, &queues, &count, NULL));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(queues[i].waiting, 0);
}

// ---- refusals

static void refuses(struct viva_bus *bus, const struct viva_bus_message *message, int code)
{
	const struct viva_bus_message both[] = {
		bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 1),
		*message,
	};
	assert_error(viva_bus_publish(bus, both, 2, INT64_MAX, NULL), code);
}

static void test_bus__refuses_messages_that_it_could_not_pass_on_and_publishes_none(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 1000;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	char long_text[130];
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	char body[1001] = "";
	const struct viva_bus_message good = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	struct viva_bus_message bad = good;
	bad.body = viva_bytes_of(body, sizeof body);
	refuses(bus, &bad, VIVA_ELIMIT);
	bad = good, bad.routing_key = "nobody.knows";
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.routing_key = NULL;
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.session_id = NULL;
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.session_id = long_text;
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.type = NULL;
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.message_id = long_text;
	refuses(bus, &bad, VIVA_EINVAL);
	bad = good, bad.traceparent = long_text;
	refuses(bus, &bad, VIVA_EINVAL);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	assert_ok(viva_bus_publish(bus, &good, 0, INT64_MAX, NULL));
}

static void test_bus__does_not_publish_after_the_deadline(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	int64_t now_us = viva_clock_monotonic_us(viva_system_clock());
	assert_error(viva_bus_publish(bus, &message, 1, now_us - 1, NULL), VIVA_EDEADLINE);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
}

static void test_bus__refuses_subscriptions_that_make_no_sense(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = NULL;
	struct viva_bus_listener *listener = NULL;
	struct viva_bus_subscription subscription = {
		.queue = VIVA_QUEUE_WORKER_SCORES, .prefetch = 0, .on_delivery = receive};
	assert_error(viva_bus_consume(bus, &subscription, &consumer, NULL), VIVA_EINVAL);
	subscription.prefetch = 1;
	subscription.on_delivery = NULL;
	assert_error(viva_bus_consume(bus, &subscription, &consumer, NULL), VIVA_EINVAL);
	subscription.on_delivery = receive;
	subscription.queue = VIVA_QUEUE_COUNT;
	assert_error(viva_bus_consume(bus, &subscription, &consumer, NULL), VIVA_EINVAL);
	const char *const key = "nobody.knows";
	assert_error(viva_bus_listen(bus, &key, 1, hear, NULL, &listener, NULL), VIVA_EINVAL);
	assert_error(viva_bus_listen(bus, &key, 0, hear, NULL, &listener, NULL), VIVA_EINVAL);
	assert_null(consumer);
	assert_null(listener);
}

static void test_bus__answers_a_ping(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0);
	assert_ok(viva_bus_ping(bus, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BUS(test_bus__delivers_a_message_as_it_was_published),
		ON_BUS(test_bus__completes_what_a_publisher_leaves_out),
		ON_BUS(test_bus__passes_a_large_body_on),
		ON_BUS(test_bus__a_message_reaches_each_queue_that_is_bound_to_its_key),
		ON_BUS(test_bus__what_was_confirmed_is_there_after_a_restart),
		ON_BUS(test_bus__what_was_acknowledged_does_not_come_again),
		ON_BUS(test_bus__a_sessions_frames_come_in_the_order_they_were_published),
		ON_BUS(test_bus__no_more_than_the_prefetch_are_unsettled),
		ON_BUS(test_bus__tells_how_long_its_queues_are_and_who_consumes_them),
		ON_BUS(test_bus__each_listener_hears_what_it_asked_for_from_then_on),
		ON_BUS(test_bus__a_key_without_a_queue_is_heard_by_listeners_and_waits_for_nobody),
		ON_BUS(test_bus__refuses_messages_that_it_could_not_pass_on_and_publishes_none),
		ON_BUS(test_bus__does_not_publish_after_the_deadline),
		ON_BUS(test_bus__refuses_subscriptions_that_make_no_sense),
		ON_BUS(test_bus__answers_a_ping),
	};
	return RUN_ON_BUS(tests);
}
