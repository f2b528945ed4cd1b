// SPDX-License-Identifier: Apache-2.0
#include "worker/webhooks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net_fixture.h"
#include "worker/deliveries.h"
#include "worker/webhook_message.h"
#include "worker_fixture.h"

enum { LIFE_MS = 60 * 60 * 1000, WAIT_STEPS = 12000, WAIT_STEP_US = 5000 };
static const char SECRET[] = "a secret of tests only";
static const char BODY[] = "{\"id\":\"event\"}";

// What the receiver has seen, and answers.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char seen_signature[128], seen_event[64], seen_key[64], seen_body[64], seen_type[64];
static atomic_int calls, moved_calls;
static atomic_int answer;

static void keep(char *place, size_t size, const char *text)
{
	snprintf(place, size, "%s", text ? text : "");
}

static int handle_hook(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	struct viva_bytes body = viva_blob_bytes(request->body);
	pthread_mutex_lock(&lock);
	keep(seen_signature, sizeof seen_signature, viva_http_header(request, "x-viva-signature"));
	keep(seen_event, sizeof seen_event, viva_http_header(request, "x-viva-event-id"));
	keep(seen_key, sizeof seen_key, viva_http_header(request, "idempotency-key"));
	keep(seen_type, sizeof seen_type, viva_http_header(request, "content-type"));
	snprintf(seen_body, sizeof seen_body, "%.*s", (int)body.size, (const char *)body.data);
	pthread_mutex_unlock(&lock);
	int status = atomic_load(&answer);
	atomic_fetch_add(&calls, 1);
	if (status == 302)
		assert_ok(viva_http_add_header(response, "Location", "/moved"));
	viva_http_set_status(response, status);
	return 0;
}

static int handle_moved(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)request;
	(void)response;
	(void)error;
	atomic_fetch_add(&moved_calls, 1);
	return 0;
}

static const struct viva_http_route ROUTES[] = {
	{.method = "POST", .pattern = "/hook", .handle = handle_hook, .max_body_bytes = 4096},
	{.method = "GET", .pattern = "/moved", .handle = handle_moved},
	{.method = "POST", .pattern = "/moved", .handle = handle_moved, .max_body_bytes = 4096},
};

static struct net_server *server;
static struct worker_webhook_targets targets;
static struct worker_webhooks *webhooks;

static int set_up(void **state)
{
	if (worker_fixture_set_up(state))
		return 1;
	struct worker_fixture *fixture = *state;
	atomic_store(&calls, 0);
	atomic_store(&moved_calls, 0);
	atomic_store(&answer, 200);
	server = net_server_start(ROUTES, VIVA_COUNT(ROUTES), viva_http_server_defaults());
	// Nothing listens on port 1.
	const char *urls = viva_arena_printf(fixture->arena, "http://127.0.0.1:%u/hook,http://127.0.0.1:1/",
					     net_server_port(server));
	assert_ok(worker_webhook_targets_read(urls, SECRET, false, fixture->arena, &targets, NULL));
	return 0;
}

static int tear_down(void **state)
{
	webhooks = worker_webhooks_destroy(webhooks);
	net_server_stop(server);
	return worker_fixture_tear_down(state);
}

static void start(struct worker_fixture *fixture)
{
	const struct worker_webhooks_options options = {
		.store = fixture->store,
		.targets = &targets,
		.clock = &fixture->clock.clock,
		.random = &fixture->random.random,
		.timeout_ms = 5000,
		.concurrency = 2,
	};
	assert_ok(worker_webhooks_create(&options, &webhooks));
}

static int add_in_transaction(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	return worker_delivery_add(transaction, context, error);
}

static void add(struct worker_fixture *fixture, const char *id, size_t target)
{
	int64_t now_ms = worker_fixture_now_ms(fixture);
	struct worker_delivery delivery = {.id = id,
					   .event_id = "event",
					   .session_id = "session",
					   .url = targets.items[target].url,
					   .body = BODY,
					   .created_at = now_ms,
					   .expires_at = now_ms + LIFE_MS};
	assert_ok(viva_store_transact(fixture->store, add_in_transaction, &delivery, NULL));
}

static struct worker_delivery find(struct worker_fixture *fixture, const char *id)
{
	struct worker_delivery *deliveries = NULL;
	size_t count = 0;
	assert_ok(worker_deliveries_list(fixture->store, NULL, 10, fixture->arena, &deliveries, &count, NULL));
	for (size_t i = 0; i < count; i++)
		if (strcmp(deliveries[i].id, id) == 0)
			return deliveries[i];
	fail_msg("there is no delivery %s", id);
	return (struct worker_delivery){0};
}

static struct worker_delivery wait_for_attempt(struct worker_fixture *fixture, const char *id, int64_t attempts)
{
	for (int i = 0; i < WAIT_STEPS; i++) {
		struct worker_delivery delivery = find(fixture, id);
		if (delivery.attempts >= attempts && delivery.leased_until == 0)
			return delivery;
		worker_webhooks_wake(webhooks);
		usleep(WAIT_STEP_US);
	}
	fail_msg("delivery %s was not tried %d times", id, (int)attempts);
	return (struct worker_delivery){0};
}

static void test_webhooks__a_due_delivery_is_sent_signed_and_noted(void **state)
{
	struct worker_fixture *fixture = *state;
	char signature[WORKER_SIGNATURE_SIZE];
	add(fixture, "d1", 0);
	start(fixture);
	struct worker_delivery delivery = wait_for_attempt(fixture, "d1", 1);
	assert_string_equal(delivery.state, "delivered");
	assert_int_equal(delivery.last_status, 200);
	assert_ok(worker_webhook_sign(SECRET, worker_fixture_now_ms(fixture) / 1000, BODY, signature));
	pthread_mutex_lock(&lock);
	assert_string_equal(seen_signature, signature);
	assert_string_equal(seen_event, "event");
	assert_string_equal(seen_key, "d1");
	assert_string_equal(seen_body, BODY);
	assert_string_equal(seen_type, "application/json");
	pthread_mutex_unlock(&lock);
}

static void test_webhooks__a_refusal_is_tried_again_after_the_backoff(void **state)
{
	struct worker_fixture *fixture = *state;
	atomic_store(&answer, 500);
	add(fixture, "d1", 0);
	start(fixture);
	for (int64_t attempt = 1; attempt <= 3; attempt++) {
		struct worker_delivery delivery = wait_for_attempt(fixture, "d1", attempt);
		int64_t pause_ms = delivery.next_at - worker_fixture_now_ms(fixture);
		int64_t backoff_ms = 1000 << (attempt - 1);
		assert_string_equal(delivery.state, "pending");
		assert_int_equal(delivery.last_status, 500);
		assert_true(pause_ms >= backoff_ms && pause_ms < 2 * backoff_ms);
		assert_int_equal(atomic_load(&calls), attempt);
		// Before it is due again: the threads look by themselves, too.
		atomic_store(&answer, attempt < 3 ? 500 : 204);
		fake_clock_advance_ms(&fixture->clock, pause_ms);
	}
	assert_string_equal(wait_for_attempt(fixture, "d1", 4).state, "delivered");
}

static void test_webhooks__410_ends_a_delivery(void **state)
{
	struct worker_fixture *fixture = *state;
	atomic_store(&answer, 410);
	add(fixture, "d1", 0);
	start(fixture);
	assert_string_equal(wait_for_attempt(fixture, "d1", 1).state, "gone");
}

static void test_webhooks__a_redirect_is_a_refusal(void **state)
{
	struct worker_fixture *fixture = *state;
	atomic_store(&answer, 302);
	add(fixture, "d1", 0);
	start(fixture);
	struct worker_delivery delivery = wait_for_attempt(fixture, "d1", 1);
	assert_string_equal(delivery.state, "pending");
	assert_int_equal(delivery.last_status, 302);
	assert_int_equal(atomic_load(&moved_calls), 0);
}

static void test_webhooks__a_receiver_that_is_away_holds_up_no_other(void **state)
{
	struct worker_fixture *fixture = *state;
	add(fixture, "d1", 1);
	add(fixture, "d2", 0);
	start(fixture);
	assert_string_equal(wait_for_attempt(fixture, "d2", 1).state, "delivered");
	struct worker_delivery away = wait_for_attempt(fixture, "d1", 1);
	assert_string_equal(away.state, "pending");
	assert_int_equal(away.last_status, 0);
	assert_int_not_equal(away.last_error[0], '\0');
}

static void test_webhooks__one_that_is_too_old_is_given_up(void **state)
{
	struct worker_fixture *fixture = *state;
	atomic_store(&answer, 503);
	add(fixture, "d1", 0);
	fake_clock_advance_ms(&fixture->clock, LIFE_MS - 1);
	start(fixture);
	struct worker_delivery delivery = wait_for_attempt(fixture, "d1", 1);
	assert_string_equal(delivery.state, "expired");
	assert_int_equal(delivery.last_status, 503);
}

static void test_webhooks__two_workers_send_each_once(void **state)
{
	struct worker_fixture *fixture = *state;
	enum { DELIVERIES = 9 };
	char ids[DELIVERIES][8];
	for (int i = 0; i < DELIVERIES; i++) {
		snprintf(ids[i], sizeof ids[i], "d%d", i);
		add(fixture, ids[i], 0);
	}
	start(fixture);
	struct worker_webhooks *first = webhooks;
	start(fixture);
	for (int i = 0; i < DELIVERIES; i++)
		assert_string_equal(wait_for_attempt(fixture, ids[i], 1).state, "delivered");
	worker_webhooks_destroy(first);
	webhooks = worker_webhooks_destroy(webhooks);
	assert_int_equal(atomic_load(&calls), DELIVERIES);
}

static void test_webhooks__an_answer_says_what_a_call_came_to(void **state)
{
	(void)state;
	assert_int_equal(worker_attempt_of(0, 200), WORKER_ATTEMPT_DELIVERED);
	assert_int_equal(worker_attempt_of(0, 299), WORKER_ATTEMPT_DELIVERED);
	assert_int_equal(worker_attempt_of(0, 301), WORKER_ATTEMPT_REFUSED);
	assert_int_equal(worker_attempt_of(0, 404), WORKER_ATTEMPT_REFUSED);
	assert_int_equal(worker_attempt_of(0, 410), WORKER_ATTEMPT_GONE);
	assert_int_equal(worker_attempt_of(0, 503), WORKER_ATTEMPT_REFUSED);
	assert_int_equal(worker_attempt_of(VIVA_EDEADLINE, 0), WORKER_ATTEMPT_TIMEOUT);
	assert_int_equal(worker_attempt_of(VIVA_EUNAVAILABLE, 0), WORKER_ATTEMPT_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_webhooks__a_due_delivery_is_sent_signed_and_noted),
		TEST(test_webhooks__a_refusal_is_tried_again_after_the_backoff),
		TEST(test_webhooks__410_ends_a_delivery),
		TEST(test_webhooks__a_redirect_is_a_refusal),
		TEST(test_webhooks__a_receiver_that_is_away_holds_up_no_other),
		TEST(test_webhooks__one_that_is_too_old_is_given_up),
		TEST(test_webhooks__two_workers_send_each_once),
		cmocka_unit_test(test_webhooks__an_answer_says_what_a_call_came_to),
	};
	return cmocka_run_group_tests_name("webhooks", tests, NULL, NULL);
}
