// SPDX-License-Identifier: Apache-2.0
//
// The outbox and the inbox: an event exists exactly when the state it tells of does, whoever dies when.
#include "bus/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/inbox.h"
#include "bus_fixture.h"
#include "store_fixture.h"

enum { CLAIM_MS = 10000 };

static const struct viva_migration migrations[] = {
	{1, "CREATE TABLE test_states (id BIGINT PRIMARY KEY)"},
	{2, VIVA_OUTBOX_SCHEMA("test")},
	{3, VIVA_INBOX_SCHEMA("test")},
};

// Where claims are dated by hand.
static struct fake_clock the_clock;

// Where the service's state is.
static struct store_fixture *the_place;

static struct viva_store *open_store(void)
{
	struct viva_store_options options = store_fixture_options(the_place);
	options.migrations = migrations;
	options.migration_count = VIVA_COUNT(migrations);
	return store_fixture_open_with(&options);
}

static struct viva_outbox_options options_for(struct viva_store *store, struct viva_bus *bus)
{
	struct viva_outbox_options options = viva_outbox_defaults();
	options.store = store;
	options.bus = bus;
	options.service = "test";
	return options;
}

static struct viva_outbox *start_outbox(struct viva_store *store, struct viva_bus *bus)
{
	struct viva_outbox_options options = options_for(store, bus);
	options.clock = &the_clock.clock;
	options.poll_ms = 5;
	options.claim_ms = CLAIM_MS;
	struct viva_outbox *outbox = NULL;
	assert_ok(viva_outbox_create(&options, &outbox));
	return outbox;
}

static int set_up(void **state)
{
	void *place = NULL;
	fake_clock_init(&the_clock);
	if (store_fixture_set_up(&place))
		return -1;
	the_place = place;
	return bus_fixture_set_up(state);
}

static int tear_down(void **state)
{
	void *place = the_place;
	return bus_fixture_tear_down(state) || store_fixture_tear_down(&place);
}
#define WITH_CLOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

// ---- changes of state with their events

struct change {
	struct viva_outbox *outbox;
	struct viva_bus_message messages[4];
	size_t count;
	int64_t id;
	int failure;  // that the transaction ends with
};

static int change_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct change *change = context;
	struct viva_value id = viva_value_int(change->id);
	int status =
		viva_transaction_execute(transaction, "INSERT INTO test_states (id) VALUES ($1)", &id, 1, NULL, error);
	for (size_t i = 0; i < change->count && !status; i++)
		status = viva_outbox_add(change->outbox, transaction, &change->messages[i], error);
	return status ? status : change->failure;
}

// The state `number` and an event with it as body.
static int try_to_change_state(struct viva_store *store, struct viva_outbox *outbox, int number,
			       struct viva_error *error)
{
	struct change change = {.outbox = outbox,
				.messages = {bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", number)},
				.count = 1,
				.id = number};
	int status = viva_store_transact(store, change_within, &change, error);
	if (!status)
		viva_outbox_wake(outbox);
	return status;
}

static void change_state(struct viva_store *store, struct viva_outbox *outbox, int number)
{
	assert_ok(try_to_change_state(store, outbox, number, NULL));
}

static void wait_until_waiting(struct viva_outbox *outbox, int64_t count)
{
	int64_t waiting = -1;
	for (;;) {
		assert_ok(viva_outbox_waiting(outbox, &waiting, NULL));
		if (waiting == count)
			return;
		usleep(1000);
	}
}

// A bus of its own for those that don't get through: full from the start.
static struct viva_bus *open_full_bus(const struct bus_fixture *fixture)
{
	char url[128];
	snprintf(url, sizeof url, "sqlite:%s/full.db", fixture->directory);
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.url = url;
	options.max_message_bytes = 1000;
	options.max_unconfirmed_bytes = 1000;
	options.max_stored_bytes = 1000;
	struct viva_bus *bus = bus_fixture_open_with(&options);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 0);
	assert_error(viva_bus_ping(bus, NULL), VIVA_EOVERLOAD);
	return bus;
}

// ---- publishing

static void test_outbox__publishes_what_was_committed_in_its_order(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { CHANGES = 100 };
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	for (int i = 0; i < CHANGES; i++)
		change_state(store, outbox, i);
	collector_wait(collector, CHANGES);
	wait_until_waiting(outbox, 0);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, CHANGES);
	for (int i = 0; i < CHANGES; i++)
		assert_int_equal(collector->items[i].number, i);
}

static void test_outbox__keeps_all_of_a_message(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct change change = {.outbox = outbox, .count = 2};
	change.messages[0] = (struct viva_bus_message){
		.routing_key = VIVA_KEY_SCORE_CALCULATED,
		.type = "ScoreCalculated",
		.message_id = "0190a5d2-ac96-774b-bcce-b302099a8057",
		.session_id = "session 1",
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.timestamp_ms = 1767225600000,
		.body = viva_bytes_of("a\0b", 3),
	};
	change.messages[1] = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 2);
	assert_ok(viva_store_transact(store, change_within, &change, NULL));
	viva_outbox_wake(outbox);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 2);
	collector_wait(collector, 2);
	const struct viva_bus_message *got = viva_bus_delivery_message(collector->items[0].delivery);
	assert_string_equal(got->type, "ScoreCalculated");
	assert_string_equal(got->message_id, change.messages[0].message_id);
	assert_string_equal(got->session_id, "session 1");
	assert_string_equal(got->traceparent, change.messages[0].traceparent);
	assert_string_equal(got->app_id, "test");
	assert_int_equal(got->timestamp_ms, 1767225600000);
	assert_int_equal(got->body.size, 3);
	assert_memory_equal(got->body.data, "a\0b", 3);
	assert_true(viva_uuid_is_valid(collector->items[1].message_id));
	collector_settle_rest(collector, VIVA_BUS_ACK);
	viva_bus_consumer_destroy(consumer);
	viva_outbox_close(outbox, 1000);
}

// With so long a linger and so seldom a poll only its end publishes what it has.
static void test_outbox__one_that_lingers_keeps_messages_together_but_not_beyond_its_end(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { CHANGES = 5, MINUTE_MS = 60 * 1000 };
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	VIVA_AUTO(viva_bus) full = open_full_bus(fixture);
	struct viva_outbox *before = start_outbox(store, full);
	change_state(store, before, 0);
	viva_outbox_close(before, 0);
	struct viva_outbox_options options = options_for(store, bus);
	options.clock = &the_clock.clock;
	options.linger_ms = options.poll_ms = MINUTE_MS;
	options.claim_ms = 10 * MINUTE_MS;
	struct viva_outbox *outbox = NULL;
	assert_ok(viva_outbox_create(&options, &outbox));
	wait_until_waiting(outbox, 0);  // its first look found what the other left
	for (int i = 1; i <= CHANGES; i++)
		change_state(store, outbox, i);
	int64_t waiting = 0;
	assert_ok(viva_outbox_waiting(outbox, &waiting, NULL));
	assert_int_equal(waiting, CHANGES);
	viva_outbox_close(outbox, MINUTE_MS);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, CHANGES + 1);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i <= CHANGES; i++)
		assert_int_equal(collector->items[i].number, i);
}

static void test_outbox__a_linger_ends_by_itself(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox_options options = options_for(store, bus);
	options.linger_ms = 1;
	options.poll_ms = 60 * 1000;
	options.claim_ms = 2 * options.poll_ms;
	struct viva_outbox *outbox = NULL;
	assert_ok(viva_outbox_create(&options, &outbox));
	for (int i = 0; i < 20; i++) {
		change_state(store, outbox, i);
		if (i % 3 == 0)
			wait_until_waiting(outbox, 0);
	}
	wait_until_waiting(outbox, 0);
	viva_outbox_close(outbox, 1000);
}

static void test_outbox__what_was_rolled_back_is_never_published(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	struct change change = {.outbox = outbox,
				.messages = {bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 1)},
				.count = 1,
				.failure = VIVA_ECONFLICT};
	assert_error(viva_store_transact(store, change_within, &change, NULL), VIVA_ECONFLICT);
	viva_outbox_wake(outbox);
	change_state(store, outbox, 2);
	collector_wait(collector, 1);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 1);
	assert_int_equal(collector->items[0].number, 2);
}

static void test_outbox__refuses_what_could_not_be_published(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 4;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct change change = {
		.outbox = outbox, .messages = {bus_fixture_message("nobody.knows", "s", 1)}, .count = 1};
	assert_error(viva_store_transact(store, change_within, &change, NULL), VIVA_EINVAL);
	change.messages[0] = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 12345);
	assert_error(viva_store_transact(store, change_within, &change, NULL), VIVA_ELIMIT);
	wait_until_waiting(outbox, 0);
	viva_outbox_close(outbox, 0);
}

static void test_outbox__one_message_id_is_one_message(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(viva_bus) full = open_full_bus(fixture);
	struct viva_outbox *outbox = start_outbox(store, full);
	struct change change = {.outbox = outbox, .count = 2};
	change.messages[0] = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 1);
	change.messages[0].message_id = "the same";
	change.messages[1] = change.messages[0];
	assert_ok(viva_store_transact(store, change_within, &change, NULL));
	wait_until_waiting(outbox, 1);
	viva_outbox_close(outbox, 0);
}

// ---- when it does not get through

static void test_outbox__one_that_is_full_refuses_more_and_loses_nothing(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { MAX_EVENTS = 3, FAR_TOO_MANY = 100 };
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = open_full_bus(fixture);
	struct viva_outbox_options options = options_for(store, bus);
	options.max_events = MAX_EVENTS;
	struct viva_outbox *outbox = NULL;
	assert_ok(viva_outbox_create(&options, &outbox));
	struct viva_error error = {0};
	int count = 0, status = 0;
	while (count < FAR_TOO_MANY && !(status = try_to_change_state(store, outbox, count + 1, &error)))
		count++;
	assert_error(status, VIVA_EOVERLOAD);
	assert_non_null(strstr(viva_error_message(&error), "the outbox is full"));
	assert_in_range(count, 1, FAR_TOO_MANY - 1);  // between two polls it knows about how many wait
	wait_until_waiting(outbox, count);

	// What fills the bus, number 0, goes, and then one after another has room; the next poll knows of it at the
	// latest.
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 1);
	collector_wait(collector, (size_t)count + 1);
	wait_until_waiting(outbox, 0);
	while (try_to_change_state(store, outbox, count + 1, NULL) == VIVA_EOVERLOAD)
		usleep(1000);
	collector_wait(collector, (size_t)count + 2);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i < count + 2; i++)
		assert_int_equal(collector->items[i].number, i);
}

static void test_outbox__goes_on_when_the_bus_can_take_more(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = open_full_bus(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	change_state(store, outbox, 1);
	change_state(store, outbox, 2);
	// What fills it, number 0, goes; then one at a time has room.
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 1);
	collector_wait(collector, 3);
	wait_until_waiting(outbox, 0);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	for (int i = 0; i < 3; i++)
		assert_int_equal(collector->items[i].number, i);
}

static void test_outbox__one_that_closes_leaves_the_rest_to_others_at_once(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) full = open_full_bus(fixture);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *closing = start_outbox(store, full);
	struct viva_outbox *other = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	change_state(store, closing, 1);
	change_state(store, closing, 2);
	change_state(store, other, 3);
	collector_wait(collector, 1);
	viva_outbox_close(closing, 0);
	collector_wait(collector, 3);
	wait_until_waiting(other, 0);
	viva_outbox_close(other, 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(collector->items[i].number, i == 0 ? 3 : i);
}

// In a child process, so that nothing of it lives on: adds two messages that it can't publish, and dies.
static void add_and_die(const struct bus_fixture *fixture)
{
	viva_store_destroy(open_store());  // skips where there is none
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct viva_store *store = open_store();
		struct viva_outbox *outbox = start_outbox(store, open_full_bus(fixture));
		change_state(store, outbox, 1);
		change_state(store, outbox, 2);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_outbox__others_take_over_from_the_dead_when_the_claim_is_over(void **state)
{
	struct bus_fixture *fixture = *state;
	add_and_die(fixture);
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	fake_clock_advance_ms(&the_clock, CLAIM_MS - 1);
	change_state(store, outbox, 3);
	collector_wait(collector, 1);
	wait_until_waiting(outbox, 2);
	assert_int_equal(collector->items[0].number, 3);
	fake_clock_advance_ms(&the_clock, 1);
	collector_wait(collector, 3);
	wait_until_waiting(outbox, 0);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->items[1].number, 1);
	assert_int_equal(collector->items[2].number, 2);
}

static void test_outbox__claims_dated_by_a_clock_that_was_wrong_end_too(void **state)
{
	struct bus_fixture *fixture = *state;
	fake_clock_advance_ms(&the_clock, (int64_t)365 * 24 * 3600 * 1000);
	add_and_die(fixture);
	fake_clock_init(&the_clock);
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outbox = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, 2);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
}

static void test_outbox__what_the_bus_will_not_take_holds_up_nothing(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 4;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) full = open_full_bus(fixture);
	VIVA_AUTO(viva_bus) narrow = bus_fixture_open_with(&options);
	struct viva_outbox *wide = start_outbox(store, full);
	change_state(store, wide, 1);
	change_state(store, wide, 12345);
	change_state(store, wide, 2);
	viva_outbox_close(wide, 0);
	struct viva_outbox *outbox = start_outbox(store, narrow);
	struct viva_bus_consumer *consumer = collector_consume(collector, narrow, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, 2);
	wait_until_waiting(outbox, 1);
	viva_outbox_close(outbox, 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->items[0].number, 1);
	assert_int_equal(collector->items[1].number, 2);
}

static void test_outbox__several_instances_share_it(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { INSTANCES = 3, CHANGES = 90 };
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox *outboxes[INSTANCES];
	for (int i = 0; i < INSTANCES; i++)
		outboxes[i] = start_outbox(store, bus);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	for (int i = 0; i < CHANGES; i++)
		change_state(store, outboxes[i % INSTANCES], i);
	collector_wait(collector, CHANGES);
	for (int i = 0; i < INSTANCES; i++)
		viva_outbox_close(outboxes[i], 1000);
	viva_bus_consumer_destroy(consumer);
	assert_int_equal(collector->count, CHANGES);
	int next[INSTANCES] = {0, 1, 2};
	for (size_t i = 0; i < CHANGES; i++) {
		int instance = collector->items[i].number % INSTANCES;
		assert_int_equal(collector->items[i].number, next[instance]);
		next[instance] += INSTANCES;
	}
}

// ---- limits

static void test_outbox__refuses_options_that_make_no_sense(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = open_store();
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_outbox_options good = options_for(store, bus);
	struct viva_outbox *outbox = NULL;
	struct viva_outbox_options bad = good;
	bad.batch = 0;
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	bad = good, bad.linger_ms = UINT32_MAX;
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	bad = good, bad.max_events = 0;
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	bad = good, bad.poll_ms = 0;
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	bad = good, bad.claim_ms = bad.poll_ms;
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	bad = good, bad.service = "a name that is much longer than 32 characters";
	assert_error(viva_outbox_create(&bad, &outbox), VIVA_EINVAL);
	fail_next_allocation(0);
	assert_error(viva_outbox_create(&good, &outbox), VIVA_ENOMEM);
	assert_null(outbox);
}

// ---- inbox

struct receipt {
	const struct viva_inbox *inbox;
	const char *message_id;
	int64_t at_ms;
	bool is_new;
};

static int receive_within(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct receipt *receipt = context;
	return viva_inbox_accept(receipt->inbox, transaction, receipt->message_id, receipt->at_ms, &receipt->is_new,
				 error);
}

static bool is_new(struct viva_store *store, const struct viva_inbox *inbox, const char *message_id, int64_t at_ms)
{
	struct receipt receipt = {.inbox = inbox, .message_id = message_id, .at_ms = at_ms};
	assert_ok(viva_store_transact(store, receive_within, &receipt, NULL));
	return receipt.is_new;
}

static void test_inbox__tells_a_message_from_its_repetition(void **state)
{
	(void)state;
	VIVA_AUTO(viva_store) store = open_store();
	struct viva_inbox inbox;
	viva_inbox_init(&inbox, "test");
	assert_true(is_new(store, &inbox, "a", 1000));
	assert_false(is_new(store, &inbox, "a", 2000));
	assert_true(is_new(store, &inbox, "b", 2000));
	assert_true(is_new(store, &inbox, "A", 2000));
}

static void test_inbox__forgets_what_is_old_enough(void **state)
{
	(void)state;
	VIVA_AUTO(viva_store) store = open_store();
	struct viva_inbox inbox;
	viva_inbox_init(&inbox, "test");
	// More than one portion of them.
	assert_ok(viva_store_execute(
		store,
		"WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 2500)"
		" INSERT INTO test_inbox (message_id, received_at)"
		" SELECT 'old ' || CAST(n AS TEXT), n FROM many",
		NULL, 0, NULL, NULL));
	assert_true(is_new(store, &inbox, "young", 5000));
	assert_ok(viva_inbox_expire(&inbox, store, 5000, NULL));
	assert_false(is_new(store, &inbox, "young", 6000));
	assert_true(is_new(store, &inbox, "old 1", 6000));
	assert_true(is_new(store, &inbox, "old 2500", 6000));
}

int main(void)
{
	// Those that fork come first.
	const struct CMUnitTest tests[] = {
		WITH_CLOCK(test_outbox__others_take_over_from_the_dead_when_the_claim_is_over),
		WITH_CLOCK(test_outbox__claims_dated_by_a_clock_that_was_wrong_end_too),
		WITH_CLOCK(test_outbox__publishes_what_was_committed_in_its_order),
		WITH_CLOCK(test_outbox__keeps_all_of_a_message),
		WITH_CLOCK(test_outbox__one_that_lingers_keeps_messages_together_but_not_beyond_its_end),
		WITH_CLOCK(test_outbox__a_linger_ends_by_itself),
		WITH_CLOCK(test_outbox__what_was_rolled_back_is_never_published),
		WITH_CLOCK(test_outbox__refuses_what_could_not_be_published),
		WITH_CLOCK(test_outbox__one_message_id_is_one_message),
		WITH_CLOCK(test_outbox__one_that_is_full_refuses_more_and_loses_nothing),
		WITH_CLOCK(test_outbox__goes_on_when_the_bus_can_take_more),
		WITH_CLOCK(test_outbox__one_that_closes_leaves_the_rest_to_others_at_once),
		WITH_CLOCK(test_outbox__what_the_bus_will_not_take_holds_up_nothing),
		WITH_CLOCK(test_outbox__several_instances_share_it),
		WITH_CLOCK(test_outbox__refuses_options_that_make_no_sense),
		WITH_CLOCK(test_inbox__tells_a_message_from_its_repetition),
		WITH_CLOCK(test_inbox__forgets_what_is_old_enough),
	};
	return RUN_ON_STORE(tests);
}
