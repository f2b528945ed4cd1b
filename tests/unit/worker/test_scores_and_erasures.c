// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "worker/deliveries.h"
#include "worker/erasures.h"
#include "worker/housekeeping.h"
#include "worker/scores.h"
#include "worker_bus.h"

enum { LIFE_MS = 60 * 60 * 1000 };

static struct viva_bus *bus;
static struct worker_service service;

static int set_up(void **state)
{
	if (worker_fixture_set_up(state))
		return 1;
	struct worker_fixture *fixture = *state;
	bus = worker_bus_open(fixture);
	service = (struct worker_service){
		.runtime = {.bus = bus, .clock = &fixture->clock.clock, .random = viva_system_random()},
		.store = fixture->store,
		.webhook_max_age_ms = LIFE_MS,
		.frame_retention_ms = LIFE_MS,
		.delivery_retention_ms = LIFE_MS,
	};
	viva_inbox_init(&service.inbox, "worker");
	assert_ok(worker_webhook_targets_read("https://a.example/,https://b.example/", "sixteen letters!", false,
					      fixture->arena, &service.targets, NULL));
	return 0;
}

static int tear_down(void **state)
{
	service.scores = viva_bus_consumer_destroy(service.scores);
	service.erasures = viva_bus_consumer_destroy(service.erasures);
	bus = viva_bus_destroy(bus);
	return worker_fixture_tear_down(state);
}

static void consume(enum viva_bus_queue queue, void (*on_delivery)(struct viva_bus_delivery *delivery, void *context),
		    struct viva_bus_consumer **ret_consumer)
{
	const struct viva_bus_subscription subscription = {
		.queue = queue, .prefetch = 4, .on_delivery = on_delivery, .context = &service};
	assert_ok(viva_bus_consume(bus, &subscription, ret_consumer, NULL));
}

static void consume_scores(void)
{
	consume(VIVA_QUEUE_WORKER_SCORES, worker_scores_on_delivery, &service.scores);
}

static void consume_erasures(void)
{
	consume(VIVA_QUEUE_WORKER_ERASURES, worker_erasures_on_delivery, &service.erasures);
}

static void publish_score(const char *session_id, const char *message_id)
{
	const struct viva_score_calculated event = {
		.session_id = session_id, .overall_score = 80, .calculated_at_ms = 1700000000123};
	struct viva_buffer body;
	viva_buffer_init(&body, VIVA_EVENT_MAX_SMALL_BYTES);
	assert_ok(viva_event_write_score_calculated(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_SCORE_CALCULATED,
						 .type = VIVA_EVENT_SCORE_CALCULATED,
						 .message_id = message_id,
						 .session_id = session_id,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}

static void publish_erasure(const char *session_id)
{
	const struct viva_interview_erased event = {.session_id = session_id, .erased_at_ms = 1700000000123};
	struct viva_buffer body;
	viva_buffer_init(&body, VIVA_EVENT_MAX_SMALL_BYTES);
	assert_ok(viva_event_write_interview_erased(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_INTERVIEW_ERASED,
						 .type = VIVA_EVENT_INTERVIEW_ERASED,
						 .session_id = session_id,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}

static int64_t count_deliveries(struct worker_fixture *fixture)
{
	return worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_deliveries");
}

static void test_scores__become_a_delivery_for_each_url_once(void **state)
{
	struct worker_fixture *fixture = *state;
	consume_scores();
	publish_score("a", "m1");
	publish_score("a", "m1");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	assert_int_equal(count_deliveries(fixture), 2);
	const char *body =
		worker_fixture_text(fixture, "SELECT body FROM worker_deliveries WHERE url = 'https://b.example/'");
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "id")), "m1");
	assert_string_equal(json_string_value(json_object_get(json, "created_at")), "2023-11-14T22:13:20.123Z");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "data"), "session_id")), "a");
	assert_int_equal(worker_fixture_number(fixture, "SELECT MIN(expires_at) FROM worker_deliveries"),
			 worker_fixture_now_ms(fixture) + LIFE_MS);
}

static void test_scores__of_messages_whose_id_fits_no_header_are_known_by_what_they_tell(void **state)
{
	struct worker_fixture *fixture = *state;
	consume_scores();
	publish_score("a", "m1\r\nX-Mine: 1");
	publish_score("a", "m\xc3\xa9");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	assert_int_equal(count_deliveries(fixture), 2);
	assert_string_equal(worker_fixture_text(fixture, "SELECT MIN(event_id) FROM worker_deliveries"),
			    "score-a-1700000000123");
	assert_string_equal(worker_fixture_text(fixture, "SELECT MAX(event_id) FROM worker_deliveries"),
			    "score-a-1700000000123");
}

static void test_scores__without_webhooks_are_taken_and_nothing_is_kept(void **state)
{
	struct worker_fixture *fixture = *state;
	service.targets.count = 0;
	consume_scores();
	publish_score("a", "m1");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	assert_int_equal(count_deliveries(fixture), 0);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_inbox"), 0);
}

static atomic_int tries;

static void count_try(struct viva_bus_delivery *delivery, void *context)
{
	atomic_fetch_add(&tries, 1);
	worker_scores_on_delivery(delivery, context);
}

static bool was_tried_often(void *context)
{
	(void)context;
	return atomic_load(&tries) > VIVA_BUS_MAX_RETRIES + 1;
}

static void test_scores__wait_in_the_queue_while_the_store_is_away(void **state)
{
	struct worker_fixture *fixture = *state;
	char reason[256];
	assert_ok(viva_store_execute(fixture->store, "ALTER TABLE worker_inbox RENAME TO away", NULL, 0, NULL, NULL));
	atomic_store(&tries, 0);
	consume(VIVA_QUEUE_WORKER_SCORES, count_try, &service.scores);
	publish_score("a", "m1");
	wait_until(was_tried_often, NULL, "it comes again, more often than a message that fails may");
	worker_bus_wait_for_dead_letters(bus, 0, reason);
	assert_ok(viva_store_execute(fixture->store, "ALTER TABLE away RENAME TO worker_inbox", NULL, 0, NULL, NULL));
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	assert_int_equal(count_deliveries(fixture), 2);
}

static void test_scores__that_are_none_are_dead_letters(void **state)
{
	struct worker_fixture *fixture = *state;
	char reason[256];
	consume_scores();
	worker_bus_publish(bus, VIVA_KEY_SCORE_CALCULATED, VIVA_EVENT_SCORE_CALCULATED, "a", "{\"session_id\":\"a\"}");
	worker_bus_publish(bus, VIVA_KEY_SCORE_CALCULATED, VIVA_EVENT_FRAME_CAPTURED, "a", "{}");
	worker_bus_wait_for_dead_letters(bus, 2, reason);
	assert_int_not_equal(reason[0], '\0');
	assert_int_equal(count_deliveries(fixture), 0);
}

static void test_erasures__take_deliveries_and_let_no_later_score_in(void **state)
{
	struct worker_fixture *fixture = *state;
	consume_scores();
	publish_score("a", "m1");
	publish_score("b", "m2");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	consume_erasures();
	publish_erasure("a");
	publish_erasure("a");
	worker_bus_wait_for_queue(bus, "worker.erasures", 0, 0);
	publish_score("a", "m3");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	assert_int_equal(count_deliveries(fixture), 4);
	assert_int_equal(worker_fixture_number(fixture,
					       "SELECT COUNT(*) FROM worker_deliveries"
					       " WHERE session_id = 'a' AND body IS NULL AND state = 'erased'"),
			 2);
	assert_int_equal(
		worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_deliveries WHERE state = 'pending'"), 2);
	assert_int_equal(worker_fixture_number(fixture, "SELECT erased_at FROM worker_sessions WHERE session_id = 'a'"),
			 worker_fixture_now_ms(fixture));
}

static void test_erasures__take_dead_letters_of_the_session_but_no_erasure(void **state)
{
	(void)state;
	char reason[256];
	consume_scores();
	consume_erasures();
	worker_bus_publish(bus, VIVA_KEY_SCORE_CALCULATED, VIVA_EVENT_SCORE_CALCULATED, "a", "said by a");
	worker_bus_publish(bus, VIVA_KEY_SCORE_CALCULATED, VIVA_EVENT_SCORE_CALCULATED, "b", "said by b");
	worker_bus_publish(bus, VIVA_KEY_INTERVIEW_ERASED, VIVA_EVENT_INTERVIEW_ERASED, "a", "{}");
	worker_bus_wait_for_dead_letters(bus, 3, reason);
	publish_erasure("a");
	worker_bus_wait_for_dead_letters(bus, 2, reason);
	worker_bus_wait_for_queue(bus, "worker.erasures", 0, 0);
	publish_erasure("b");
	worker_bus_wait_for_dead_letters(bus, 1, reason);
}

static void test_erasures__that_are_none_are_dead_letters(void **state)
{
	(void)state;
	char reason[256];
	consume_erasures();
	worker_bus_publish(bus, VIVA_KEY_INTERVIEW_ERASED, VIVA_EVENT_INTERVIEW_ERASED, "a", "{}");
	// It dies in this queue; those of the other services have no consumer here.
	worker_bus_wait_for_dead_letters(bus, 1, reason);
	assert_int_not_equal(reason[0], '\0');
}

static void test_housekeeping__measures_and_forgets(void **state)
{
	struct worker_fixture *fixture = *state;
	consume_scores();
	publish_score("a", "m1");
	worker_bus_wait_for_queue(bus, "worker.scores", 0, 0);
	fake_clock_advance_ms(&fixture->clock, 2000);
	worker_housekeeping_round(&service);
	struct viva_buffer text;
	viva_buffer_init(&text, 1 << 20);
	assert_ok(viva_metrics_write(&text));
	assert_ok(viva_buffer_append(&text, "", 1));
	assert_non_null(strstr((char *)text.data, "\nviva_worker_webhook_pending 2\n"));
	assert_non_null(strstr((char *)text.data, "\nviva_worker_webhook_oldest_undelivered_seconds 2\n"));
	assert_non_null(strstr((char *)text.data, "\nviva_bus_queue_waiting{queue=\"worker.scores\"} 0\n"));
	viva_buffer_finish(&text);

	// Once their time is over they expire, and after the retention nothing is left.
	fake_clock_advance_ms(&fixture->clock, LIFE_MS);
	worker_housekeeping_round(&service);
	assert_string_equal(worker_fixture_text(fixture, "SELECT MAX(state) FROM worker_deliveries"), "expired");
	fake_clock_advance_ms(&fixture->clock, LIFE_MS + 1);
	worker_housekeeping_round(&service);
	assert_int_equal(count_deliveries(fixture), 0);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_inbox"), 1);
	fake_clock_advance_ms(&fixture->clock, INT64_C(32) * 24 * 60 * 60 * 1000);
	worker_housekeeping_round(&service);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_inbox"), 0);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_sessions"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scores__become_a_delivery_for_each_url_once),
		TEST(test_scores__of_messages_whose_id_fits_no_header_are_known_by_what_they_tell),
		TEST(test_scores__without_webhooks_are_taken_and_nothing_is_kept),
		TEST(test_scores__wait_in_the_queue_while_the_store_is_away),
		TEST(test_scores__that_are_none_are_dead_letters),
		TEST(test_erasures__take_deliveries_and_let_no_later_score_in),
		TEST(test_erasures__take_dead_letters_of_the_session_but_no_erasure),
		TEST(test_erasures__that_are_none_are_dead_letters),
		TEST(test_housekeeping__measures_and_forgets),
	};
	return cmocka_run_group_tests_name("scores_and_erasures", tests, NULL, NULL);
}
