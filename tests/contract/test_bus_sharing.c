// SPDX-License-Identifier: Apache-2.0
//
// What every bus backend must do for many at a time: threads, consumers, and those that go or die in the middle.
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus_fixture.h"

// ---- publishers

enum { PUBLISHERS = 8, EACH = 100 };

struct publisher {
	struct viva_bus *bus;
	int number;
	int failures;
};

static void *publish_each(void *context)
{
	struct publisher *publisher = context;
	char session[16];
	snprintf(session, sizeof session, "p%d", publisher->number);
	for (int i = 0; i < EACH; i++) {
		struct viva_bus_message message = bus_fixture_message(VIVA_KEY_FRAME_CAPTURED, session, i);
		publisher->failures += viva_bus_publish(publisher->bus, &message, 1, INT64_MAX, NULL) != 0;
	}
	return NULL;
}

static void test_bus_sharing__many_publish_at_once_and_each_keeps_its_order(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_unconfirmed = 3;  // fewer than publish
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_FRAMES, 16);
	pthread_t threads[PUBLISHERS];
	struct publisher publishers[PUBLISHERS];
	for (int i = 0; i < PUBLISHERS; i++) {
		publishers[i] = (struct publisher){.bus = bus, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, publish_each, &publishers[i]), 0);
	}
	for (int i = 0; i < PUBLISHERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(publishers[i].failures, 0);
	}
	collector_wait(collector, (size_t)PUBLISHERS * EACH);
	viva_bus_consumer_destroy(consumer);
	int next[PUBLISHERS] = {0};
	for (size_t i = 0; i < collector->count; i++)
		assert_int_equal(collector->items[i].number, next[collector->items[i].session_id[1] - '0']++);
}

// ---- consumers

static void assert_each_came_once(struct collector *const *collectors, size_t count, int messages)
{
	int seen[COLLECTED_MAX] = {0};
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < collectors[i]->count; j++)
			seen[collectors[i]->items[j].number]++;
	for (int i = 0; i < messages; i++)
		if (seen[i] != 1)
			fail_msg("message %d came %d times", i, seen[i]);
}

static void test_bus_sharing__two_consumers_of_a_queue_share_its_messages(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { MESSAGES = 200, PREFETCH = 2 };
	VIVA_AUTO(collector) first = collector_create(NULL);
	VIVA_AUTO(collector) second = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	VIVA_AUTO(viva_bus) other = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumers[] = {
		collector_consume(first, bus, VIVA_QUEUE_WORKER_SCORES, PREFETCH),
		collector_consume(second, other, VIVA_QUEUE_WORKER_SCORES, PREFETCH),
	};
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 2);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, MESSAGES);
	// Each has its part, as neither may hold more than its prefetch.
	collector_wait(first, PREFETCH);
	collector_wait(second, PREFETCH);
	bus_fixture_wait_for_queue(bus, "worker.scores", MESSAGES - 2 * PREFETCH, 2 * PREFETCH, 2);
	struct collector *const both[] = {first, second};
	for (;;) {
		for (size_t i = 0; i < VIVA_COUNT(both); i++)
			collector_settle_rest(both[i], VIVA_BUS_ACK);
		pthread_mutex_lock(&first->lock);
		pthread_mutex_lock(&second->lock);
		bool is_all = first->count + second->count == MESSAGES && first->unsettled + second->unsettled == 0;
		pthread_mutex_unlock(&second->lock);
		pthread_mutex_unlock(&first->lock);
		if (is_all)
			break;
		usleep(1000);
	}
	for (size_t i = 0; i < VIVA_COUNT(consumers); i++)
		viva_bus_consumer_destroy(consumers[i]);
	assert_each_came_once(both, VIVA_COUNT(both), MESSAGES);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
}

static void test_bus_sharing__a_partition_has_one_consumer_and_goes_to_the_next_when_that_leaves(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { MESSAGES = 40, DONE = 10 };
	VIVA_AUTO(collector) first = collector_create(NULL);
	VIVA_AUTO(collector) second = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	VIVA_AUTO(viva_bus) other = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_ACCEPTED, "s", 0, MESSAGES);
	struct viva_bus_consumer *leaving = collector_consume(first, bus, VIVA_QUEUE_EMOTION_FRAMES, 4);
	collector_wait(first, 4);
	struct viva_bus_consumer *next = collector_consume(second, other, VIVA_QUEUE_EMOTION_FRAMES, 4);
	for (size_t i = 0; i < DONE; i++) {
		collector_wait(first, i + 1);
		collector_settle(first, i, VIVA_BUS_ACK, NULL);
	}
	assert_int_equal(collector_count(second), 0);
	// What had begun is still settled by whom it was given to, and nothing comes before that.
	viva_bus_consumer_stop(leaving);
	size_t given = collector_count(first);
	assert_in_range(given, DONE, DONE + 4);
	collector_settle_rest(first, VIVA_BUS_ACK);
	viva_bus_consumer_destroy(leaving);
	assert_int_equal(first->count, given);
	collector_wait(second, MESSAGES - given);
	viva_bus_consumer_destroy(next);
	assert_int_equal(second->count, MESSAGES - given);
	for (size_t i = 0; i < second->count; i++)
		assert_int_equal(second->items[i].number, given + i);
}

static void test_bus_sharing__two_consumers_of_one_process_take_partitions_from_each_other(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) first = collector_create(collector_ack);
	VIVA_AUTO(collector) second = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *leaving = collector_consume(first, bus, VIVA_QUEUE_WORKER_FRAMES, 4);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_CAPTURED, "s", 0, 20);
	collector_wait(first, 20);
	struct viva_bus_consumer *next = collector_consume(second, bus, VIVA_QUEUE_WORKER_FRAMES, 4);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_CAPTURED, "s", 20, 20);
	collector_wait(first, 40);
	viva_bus_consumer_destroy(leaving);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_CAPTURED, "s", 40, 20);
	collector_wait(second, 20);
	viva_bus_consumer_destroy(next);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(second->items[i].number, 40 + i);
}

// ---- leaving

static void test_bus_sharing__after_stop_nothing_begins_and_the_rest_goes_to_others(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { MESSAGES = 100 };
	VIVA_AUTO(collector) first = collector_create(NULL);
	VIVA_AUTO(collector) second = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, MESSAGES);
	struct viva_bus_consumer *stopping = collector_consume(first, bus, VIVA_QUEUE_WORKER_SCORES, 50);
	collector_wait(first, 1);
	viva_bus_consumer_stop(stopping);
	size_t begun = collector_count(first);
	viva_bus_consumer_stop(stopping);
	collector_settle(first, 0, VIVA_BUS_RETRY, "for somebody else");
	collector_settle_rest(first, VIVA_BUS_ACK);
	viva_bus_consumer_destroy(stopping);
	assert_int_equal(first->count, begun);
	struct viva_bus_consumer *consumer = collector_consume(second, bus, VIVA_QUEUE_WORKER_SCORES, 50);
	collector_wait(second, MESSAGES - begun + 1);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(second->count, MESSAGES - begun + 1);
	// What was given back unopened counts for nothing.
	for (size_t i = 0; i < second->count; i++)
		assert_int_equal(second->items[i].retries, second->items[i].number == 0 ? 1 : 0);
}

static void *settle_later(void *context)
{
	struct collector *collector = context;
	collector_settle_rest(collector, VIVA_BUS_ACK);
	return NULL;
}

static void test_bus_sharing__destroying_waits_for_what_is_in_flight(void **state)
{
	struct bus_fixture *fixture = *state;
	for (int round = 0; round < 20; round++) {
		VIVA_AUTO(collector) collector = collector_create(NULL);
		VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
		bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, 5);
		struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 5);
		collector_wait(collector, 5);
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, settle_later, collector), 0);
		viva_bus_consumer_destroy(consumer);
		assert_int_equal(collector->unsettled, 0);
		pthread_join(thread, NULL);
		bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	}
}

static void test_bus_sharing__a_consumer_of_an_empty_queue_leaves_at_once(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumers[VIVA_QUEUE_COUNT];
	for (int i = 0; i < VIVA_QUEUE_COUNT; i++)
		consumers[i] = collector_consume(collector, bus, (enum viva_bus_queue)i, 5);
	for (int i = 0; i < VIVA_QUEUE_COUNT; i++)
		viva_bus_consumer_destroy(consumers[i]);
	assert_int_equal(collector->count, 0);
}

// ---- dying

// In a child process: consumes, holds what it gets, and tells each through the pipe, until it is killed.
static int told;

static void tell_and_hold(struct viva_bus_delivery *delivery, void *context)
{
	(void)context;
	char number = (char)viva_bus_delivery_message(delivery)->body.data[0];
	if (write(told, &number, 1) != 1)
		_exit(1);
}

static pid_t start_holder(const struct bus_fixture *fixture, enum viva_bus_queue queue, size_t prefetch, int *ret_told)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child > 0) {
		close(ends[1]);
		*ret_told = ends[0];
		return child;
	}
	told = ends[1];
	const struct viva_bus_options options = bus_fixture_options(fixture);
	const struct viva_bus_subscription subscription = {
		.queue = queue, .prefetch = prefetch, .on_delivery = tell_and_hold};
	struct viva_bus *bus = NULL;
	struct viva_bus_consumer *consumer = NULL;
	if (viva_bus_open(&options, &bus, NULL) || viva_bus_consume(bus, &subscription, &consumer, NULL))
		_exit(1);
	for (;;)
		pause();
}

// Waits until the child has told of `count` deliveries, and kills it.
static void kill_holder(pid_t child, int its_told, size_t count)
{
	char number;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(read(its_told, &number, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(its_told);
}

static void publish_in_child(const struct bus_fixture *fixture, const char *routing_key, int count)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct viva_bus_options options = bus_fixture_options(fixture);
		struct viva_bus *bus = NULL;
		if (viva_bus_open(&options, &bus, NULL))
			_exit(1);
		for (int i = 0; i < count; i++) {
			struct viva_bus_message message = bus_fixture_message(routing_key, "s", i);
			if (viva_bus_publish(bus, &message, 1, INT64_MAX, NULL))
				_exit(1);
		}
		viva_bus_destroy(bus);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_bus_sharing__what_a_killed_consumer_held_comes_again_in_order(void **state)
{
	struct bus_fixture *fixture = *state;
	const enum viva_bus_queue queues[] = {VIVA_QUEUE_EMOTION_FRAMES, VIVA_QUEUE_WORKER_SCORES};
	const char *const keys[] = {VIVA_KEY_FRAME_ACCEPTED, VIVA_KEY_SCORE_CALCULATED};
	for (size_t round = 0; round < VIVA_COUNT(queues); round++) {
		int its_told = -1;
		publish_in_child(fixture, keys[round], 9);
		pid_t child = start_holder(fixture, queues[round], 4, &its_told);
		kill_holder(child, its_told, 4);

		VIVA_AUTO(collector) collector = collector_create(collector_ack);
		VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
		struct viva_bus_consumer *consumer = collector_consume(collector, bus, queues[round], 4);
		collector_wait(collector, 9);
		viva_bus_consumer_destroy(consumer);
		assert_int_equal(collector->count, 9);
		for (int i = 0; i < 9; i++) {
			assert_int_equal(collector->items[i].number, i);
			assert_int_equal(collector->items[i].retries, 0);
			assert_int_equal(collector->items[i].is_repeated, i < 4);
		}
	}
}

static void test_bus_sharing__somebody_who_waits_takes_over_from_a_killed_consumer(void **state)
{
	struct bus_fixture *fixture = *state;
	int its_told = -1;
	publish_in_child(fixture, VIVA_KEY_FRAME_ACCEPTED, 6);
	pid_t child = start_holder(fixture, VIVA_QUEUE_EMOTION_FRAMES, 2, &its_told);
	char number;
	assert_int_equal(read(its_told, &number, 1), 1);
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 2);
	assert_int_equal(collector_count(collector), 0);
	kill_holder(child, its_told, 1);
	collector_wait(collector, 6);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i < 6; i++)
		assert_int_equal(collector->items[i].number, i);
}

static void test_bus_sharing__what_kills_its_consumers_becomes_a_dead_letter(void **state)
{
	struct bus_fixture *fixture = *state;
	publish_in_child(fixture, VIVA_KEY_SCORE_CALCULATED, 2);
	for (int i = 0; i < VIVA_BUS_MAX_DELIVERIES; i++) {
		int its_told = -1;
		pid_t child = start_holder(fixture, VIVA_QUEUE_WORKER_SCORES, 1, &its_told);
		kill_holder(child, its_told, 1);
	}
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 1);
	bus_fixture_wait_for_dead_letters(bus, 1);
	collector_wait(collector, 1);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 1);
	assert_int_equal(collector->items[0].number, 1);
}

// In a child process: publishes one after the other until it is killed; each confirmed one is told through `pipe`.
static void publish_until_killed(const struct bus_fixture *fixture, int pipe)
{
	struct viva_bus_options options = bus_fixture_options(fixture);
	struct viva_bus *bus = NULL;
	if (viva_bus_open(&options, &bus, NULL))
		_exit(1);
	for (int i = 0;; i++) {
		struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", i);
		if (viva_bus_publish(bus, &message, 1, INT64_MAX, NULL) || write(pipe, &i, sizeof i) != sizeof i)
			_exit(1);
	}
}

static void test_bus_sharing__a_killed_publisher_loses_nothing_that_was_confirmed(void **state)
{
	struct bus_fixture *fixture = *state;
	int ends[2], confirmed = -1;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		publish_until_killed(fixture, ends[1]);
	close(ends[1]);
	while (confirmed < 50 && read(ends[0], &confirmed, sizeof confirmed) == sizeof confirmed)
		;
	kill(child, SIGKILL);
	while (read(ends[0], &confirmed, sizeof confirmed) == sizeof confirmed)
		;
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(confirmed >= 50);

	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 16);
	collector_wait(collector, (size_t)confirmed + 1);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i <= confirmed; i++)
		assert_int_equal(collector->items[i].number, i);
}

// ---- want of memory

static void ignore(const struct viva_bus_message *message, void *context)
{
	(void)message, (void)context;
}

static void test_bus_sharing__want_of_memory_is_told_and_nothing_else(void **state)
{
	struct bus_fixture *fixture = *state;
	const struct viva_bus_options options = bus_fixture_options(fixture);
	const char *const key = VIVA_KEY_SCORE_CALCULATED;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	size_t published = 0;
	for (unsigned skipped = 0; skipped < 60; skipped++) {
		struct viva_bus *bus = NULL;
		fail_next_allocation(skipped);
		int status = viva_bus_open(&options, &bus, NULL);
		assert_true(status == 0 || status == VIVA_ENOMEM);
		if (status)
			bus = bus_fixture_open(fixture);

		struct viva_bus_message message = bus_fixture_message(key, "s", (int)skipped);
		fail_next_allocation(skipped);
		status = viva_bus_publish(bus, &message, 1, INT64_MAX, NULL);
		assert_true(status == 0 || status == VIVA_ENOMEM);
		published += status == 0;

		struct viva_bus_listener *listener = NULL;
		fail_next_allocation(skipped);
		status = viva_bus_listen(bus, &key, 1, ignore, NULL, &listener, NULL);
		assert_true(status == 0 || status == VIVA_ENOMEM);
		viva_bus_listener_destroy(listener);

		struct viva_bus_consumer *consumer = NULL;
		const struct viva_bus_subscription subscription = {
			.queue = VIVA_QUEUE_WORKER_COMPLETIONS, .prefetch = 1, .on_delivery = tell_and_hold};
		fail_next_allocation(skipped);
		status = viva_bus_consume(bus, &subscription, &consumer, NULL);
		assert_true(status == 0 || status == VIVA_ENOMEM);
		viva_bus_consumer_destroy(consumer);
		viva_bus_destroy(bus);
	}
	fail_next_allocation(UINT32_MAX - 1);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 16);
	collector_wait(collector, published);
	viva_bus_consumer_destroy(consumer);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	assert_true(published > 30);
}

int main(void)
{
	// Those that fork come first: no thread of an earlier test may live on in a child.
	const struct CMUnitTest tests[] = {
		ON_BUS(test_bus_sharing__what_a_killed_consumer_held_comes_again_in_order),
		ON_BUS(test_bus_sharing__somebody_who_waits_takes_over_from_a_killed_consumer),
		ON_BUS(test_bus_sharing__what_kills_its_consumers_becomes_a_dead_letter),
		ON_BUS(test_bus_sharing__a_killed_publisher_loses_nothing_that_was_confirmed),
		ON_BUS(test_bus_sharing__many_publish_at_once_and_each_keeps_its_order),
		ON_BUS(test_bus_sharing__two_consumers_of_a_queue_share_its_messages),
		ON_BUS(test_bus_sharing__a_partition_has_one_consumer_and_goes_to_the_next_when_that_leaves),
		ON_BUS(test_bus_sharing__two_consumers_of_one_process_take_partitions_from_each_other),
		ON_BUS(test_bus_sharing__after_stop_nothing_begins_and_the_rest_goes_to_others),
		ON_BUS(test_bus_sharing__destroying_waits_for_what_is_in_flight),
		ON_BUS(test_bus_sharing__a_consumer_of_an_empty_queue_leaves_at_once),
		ON_BUS(test_bus_sharing__want_of_memory_is_told_and_nothing_else),
	};
	return RUN_ON_BUS(tests);
}
