// SPDX-License-Identifier: Apache-2.0
//
// What every bus backend must do with messages that could not be dealt with: retries, deferrals, dead letters.
#include <stdio.h>
#include <string.h>

#include "bus_fixture.h"

// ---- retries

static enum viva_bus_verdict fail_always(const struct collected *item)
{
	(void)item;
	return VIVA_BUS_RETRY;
}

struct letters {
	struct viva_arena *arena;
	size_t count;
	struct viva_bus_dead_letter items[32];
	enum viva_bus_dead_letter_action (*decide)(const struct viva_bus_dead_letter *letter);
};

static const char *copy(struct viva_arena *arena, const char *text)
{
	return viva_arena_text(arena, text, strlen(text));
}

static enum viva_bus_dead_letter_action note_letter(const struct viva_bus_dead_letter *letter, void *context)
{
	struct letters *letters = context;
	struct viva_bus_dead_letter *item = &letters->items[letters->count++];
	*item = *letter;
	item->queue = copy(letters->arena, letter->queue);
	item->reason = copy(letters->arena, letter->reason);
	item->message.type = copy(letters->arena, letter->message.type);
	item->message.message_id = copy(letters->arena, letter->message.message_id);
	item->message.session_id = copy(letters->arena, letter->message.session_id);
	item->message.body.data = (const uint8_t *)viva_arena_text(
		letters->arena, (const char *)letter->message.body.data, letter->message.body.size);
	return letters->decide ? letters->decide(letter) : VIVA_BUS_KEEP;
}

static struct letters list_letters(struct bus_fixture *fixture, struct viva_bus *bus, size_t limit)
{
	struct letters letters = {.arena = fixture->arena};
	size_t count = 0;
	assert_ok(viva_bus_visit_dead_letters(bus, limit, note_letter, &letters, &count, NULL));
	assert_int_equal(count, letters.count);
	return letters;
}

static void test_bus_verdicts__what_fails_is_retried_five_times_and_then_a_dead_letter(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(fail_always);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	collector_wait(collector, VIVA_BUS_MAX_RETRIES + 1);
	bus_fixture_wait_for_dead_letters(bus, 1);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, VIVA_BUS_MAX_RETRIES + 1);
	for (int i = 0; i <= VIVA_BUS_MAX_RETRIES; i++)
		assert_int_equal(collector->items[i].retries, i);

	struct letters letters = list_letters(fixture, bus, 10);
	assert_int_equal(letters.count, 1);
	assert_string_equal(letters.items[0].queue, "worker.scores");
	assert_string_equal(letters.items[0].reason, "the test says so");
	assert_string_equal(letters.items[0].message.type, "Test");
	assert_string_equal(letters.items[0].message.session_id, "s");
	assert_string_equal(letters.items[0].message.message_id, collector->items[0].message_id);
	assert_int_equal(letters.items[0].message.body.size, 1);
	assert_memory_equal(letters.items[0].message.body.data, "4", 1);
	assert_int_equal(letters.items[0].retries, VIVA_BUS_MAX_RETRIES);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	bus_fixture_wait_for_queue(bus, VIVA_BUS_DEAD_LETTERS, 1, 0, 0);
}

static enum viva_bus_verdict fail_once(const struct collected *item)
{
	return item->retries == 0 ? VIVA_BUS_RETRY : VIVA_BUS_ACK;
}

static void test_bus_verdicts__what_works_at_the_second_try_is_done(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(fail_once);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0, 50);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, 100);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 100);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	bus_fixture_wait_for_dead_letters(bus, 0);
}

static enum viva_bus_verdict fail_number_0(const struct collected *item)
{
	return item->number == 0 ? VIVA_BUS_RETRY : VIVA_BUS_ACK;
}

// With a pause that no test waits for.
static void test_bus_verdicts__nothing_waits_behind_what_is_to_be_retried(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.retry_ms = 3600 * 1000;
	VIVA_AUTO(collector) collector = collector_create(fail_number_0);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_ACCEPTED, "s", 0, 10);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 1);
	collector_wait(collector, 10);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i < 10; i++)
		assert_int_equal(collector->items[i].number, i);
}

enum { DEFERRALS = 3 * VIVA_BUS_MAX_RETRIES };

static void test_bus_verdicts__deferring_is_not_counted(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	for (size_t i = 0; i < DEFERRALS; i++) {
		collector_wait(collector, i + 1);
		assert_int_equal(collector->items[i].retries, 0);
		collector_settle(collector, i, VIVA_BUS_DEFER, NULL);
	}
	collector_wait(collector, DEFERRALS + 1);
	collector_settle(collector, DEFERRALS, VIVA_BUS_ACK, NULL);
	viva_bus_consumer_destroy(consumer);
	bus_fixture_wait_for_dead_letters(bus, 0);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
}

static void test_bus_verdicts__deferring_keeps_the_count_of_retries(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	collector_wait(collector, 1);
	collector_settle(collector, 0, VIVA_BUS_RETRY, "the first time");
	collector_wait(collector, 2);
	collector_settle(collector, 1, VIVA_BUS_DEFER, NULL);
	collector_wait(collector, 3);
	collector_settle(collector, 2, VIVA_BUS_ACK, NULL);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->items[1].retries, 1);
	assert_int_equal(collector->items[2].retries, 1);
}

// ---- dead letters

static enum viva_bus_verdict bury_odd_ones(const struct collected *item)
{
	return item->number % 2 ? VIVA_BUS_DEAD : VIVA_BUS_ACK;
}

// Ten messages of which 1, 3, 5, 7, 9 die, in this order.
static struct viva_bus *bus_with_dead_letters(struct bus_fixture *fixture)
{
	VIVA_AUTO(collector) collector = collector_create(bury_odd_ones);
	struct viva_bus *bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_ACCEPTED, "s", 0, 10);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 1);
	collector_wait(collector, 10);
	viva_bus_consumer_destroy(consumer);
	bus_fixture_wait_for_dead_letters(bus, 5);
	return bus;
}

static int number_of(const struct viva_bus_dead_letter *letter)
{
	return letter->message.body.data[0] - '0';
}

static void test_bus_verdicts__dead_letters_are_shown_in_order_with_their_reasons_and_stay(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_with_dead_letters(fixture);
	for (int look = 0; look < 2; look++) {
		struct letters letters = list_letters(fixture, bus, 10);
		assert_int_equal(letters.count, 5);
		for (int i = 0; i < 5; i++) {
			assert_int_equal(number_of(&letters.items[i]), 2 * i + 1);
			assert_string_equal(letters.items[i].reason, "the test says so");
			assert_memory_equal(letters.items[i].queue, "emotion.frames.", 15);
			assert_int_equal(letters.items[i].retries, 0);
		}
	}
	struct letters first = list_letters(fixture, bus, 2);
	assert_int_equal(first.count, 2);
	assert_int_equal(number_of(&first.items[0]), 1);
	assert_int_equal(list_letters(fixture, bus, 0).count, 0);
}

static enum viva_bus_dead_letter_action sort_out(const struct viva_bus_dead_letter *letter)
{
	switch (number_of(letter)) {
	case 3:
		return VIVA_BUS_REPLAY;
	case 5:
		return VIVA_BUS_DROP;
	default:
		return VIVA_BUS_KEEP;
	}
}

static void test_bus_verdicts__dead_letters_can_be_replayed_and_dropped(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_with_dead_letters(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 1);
	struct letters sorted = {.arena = fixture->arena, .decide = sort_out};
	size_t count = 0;
	assert_ok(viva_bus_visit_dead_letters(bus, 10, note_letter, &sorted, &count, NULL));
	assert_int_equal(count, 5);
	collector_wait(collector, 1);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 1);
	assert_int_equal(collector->items[0].number, 3);
	assert_int_equal(collector->items[0].retries, 0);
	struct letters rest = list_letters(fixture, bus, 10);
	assert_int_equal(rest.count, 3);
	assert_int_equal(number_of(&rest.items[0]), 1);
	assert_int_equal(number_of(&rest.items[1]), 7);
	assert_int_equal(number_of(&rest.items[2]), 9);
}

static enum viva_bus_dead_letter_action replay(const struct viva_bus_dead_letter *letter)
{
	(void)letter;
	return VIVA_BUS_REPLAY;
}

static void test_bus_verdicts__a_replayed_message_has_all_its_retries_again(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(fail_always);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	bus_fixture_wait_for_dead_letters(bus, 1);
	struct letters letters = {.arena = fixture->arena, .decide = replay};
	size_t count = 0;
	assert_ok(viva_bus_visit_dead_letters(bus, 1, note_letter, &letters, &count, NULL));
	collector_wait(collector, 2 * (VIVA_BUS_MAX_RETRIES + 1));
	bus_fixture_wait_for_dead_letters(bus, 1);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 2 * (VIVA_BUS_MAX_RETRIES + 1));
	assert_int_equal(collector->items[VIVA_BUS_MAX_RETRIES + 1].retries, 0);
}

static enum viva_bus_verdict bury(const struct collected *item)
{
	(void)item;
	return VIVA_BUS_DEAD;
}

static void bury_with_long_reason(struct viva_bus_delivery *delivery, void *context)
{
	(void)context;
	char reason[400];
	for (size_t i = 0; i + 2 < sizeof reason; i += 2)
		memcpy(reason + i, "\xc3\xa4", 3);
	viva_bus_settle(delivery, VIVA_BUS_DEAD, reason);
}

static void test_bus_verdicts__a_long_reason_is_cut_between_characters(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 4);
	const struct viva_bus_subscription subscription = {
		.queue = VIVA_QUEUE_WORKER_SCORES, .prefetch = 1, .on_delivery = bury_with_long_reason};
	struct viva_bus_consumer *consumer = NULL;
	assert_ok(viva_bus_consume(bus, &subscription, &consumer, NULL));
	bus_fixture_wait_for_dead_letters(bus, 1);
	viva_bus_consumer_destroy(consumer);
	struct letters letters = list_letters(fixture, bus, 1);
	assert_int_equal(strlen(letters.items[0].reason), 254);
}

static void test_bus_verdicts__a_message_of_several_queues_dies_in_one_of_them_only(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) killer = collector_create(bury);
	VIVA_AUTO(collector) other = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_INTERVIEW_ERASED, "s", 1);
	struct viva_bus_consumer *first = collector_consume(killer, bus, VIVA_QUEUE_WORKER_ERASURES, 1);
	bus_fixture_wait_for_dead_letters(bus, 1);
	struct viva_bus_consumer *second = collector_consume(other, bus, VIVA_QUEUE_SCORING_ERASURES, 1);
	collector_wait(other, 1);
	viva_bus_consumer_destroy(first);
	viva_bus_consumer_destroy(second);
	struct letters letters = list_letters(fixture, bus, 10);
	assert_int_equal(letters.count, 1);
	assert_string_equal(letters.items[0].queue, "worker.erasures");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BUS(test_bus_verdicts__what_fails_is_retried_five_times_and_then_a_dead_letter),
		ON_BUS(test_bus_verdicts__what_works_at_the_second_try_is_done),
		ON_BUS(test_bus_verdicts__nothing_waits_behind_what_is_to_be_retried),
		ON_BUS(test_bus_verdicts__deferring_is_not_counted),
		ON_BUS(test_bus_verdicts__deferring_keeps_the_count_of_retries),
		ON_BUS(test_bus_verdicts__dead_letters_are_shown_in_order_with_their_reasons_and_stay),
		ON_BUS(test_bus_verdicts__dead_letters_can_be_replayed_and_dropped),
		ON_BUS(test_bus_verdicts__a_replayed_message_has_all_its_retries_again),
		ON_BUS(test_bus_verdicts__a_long_reason_is_cut_between_characters),
		ON_BUS(test_bus_verdicts__a_message_of_several_queues_dies_in_one_of_them_only),
	};
	return RUN_ON_BUS(tests);
}
