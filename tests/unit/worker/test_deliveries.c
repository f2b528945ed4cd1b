// SPDX-License-Identifier: Apache-2.0
#include "worker/deliveries.h"

#include "base/macros.h"
#include "worker_fixture.h"

static const char URL[] = "https://hooks.example.com/a";
enum { LEASE_MS = 1000, LIFE_MS = 60 * 60 * 1000 };

static struct worker_delivery delivery_of(struct worker_fixture *fixture, const char *id, const char *session_id)
{
	int64_t now_ms = worker_fixture_now_ms(fixture);
	return (struct worker_delivery){.id = id,
					.event_id = "event",
					.session_id = session_id,
					.url = URL,
					.body = "{}",
					.created_at = now_ms,
					.expires_at = now_ms + LIFE_MS};
}

static int add_in_transaction(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	return worker_delivery_add(transaction, context, error);
}

static void add(struct worker_fixture *fixture, const char *id, const char *session_id)
{
	struct worker_delivery delivery = delivery_of(fixture, id, session_id);
	assert_ok(viva_store_transact(fixture->store, add_in_transaction, &delivery, NULL));
}

static size_t claim(struct worker_fixture *fixture, size_t limit, struct worker_delivery *ret_deliveries)
{
	size_t count = 99;
	assert_ok(worker_deliveries_claim(fixture->store, URL, worker_fixture_now_ms(fixture), LEASE_MS, limit,
					  fixture->arena, ret_deliveries, &count, NULL));
	return count;
}

static void finish(struct worker_fixture *fixture, const struct worker_delivery *delivery,
		   enum worker_delivery_state state, int64_t status, int64_t again_in_ms)
{
	int64_t now_ms = worker_fixture_now_ms(fixture);
	const struct worker_delivery_end end = {.state = state,
						.was_tried = true,
						.status = status,
						.error = "",
						.next_at = now_ms + again_in_ms,
						.now_ms = now_ms};
	assert_ok(worker_delivery_finish(fixture->store, delivery, &end, NULL));
}

static struct worker_delivery the_only(struct worker_fixture *fixture)
{
	struct worker_delivery *deliveries = NULL;
	size_t count = 0;
	assert_ok(worker_deliveries_list(fixture->store, NULL, 10, fixture->arena, &deliveries, &count, NULL));
	assert_int_equal(count, 1);
	return deliveries[0];
}

static void test_deliveries__one_is_claimed_by_one_worker_until_its_lease_ends(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM], again[WORKER_MAX_CLAIM];
	add(fixture, "d1", "a");
	add(fixture, "d1", "a");
	assert_int_equal(claim(fixture, 8, claimed), 1);
	assert_string_equal(claimed[0].body, "{}");
	assert_int_equal(claim(fixture, 8, again), 0);
	fake_clock_advance_ms(&fixture->clock, LEASE_MS);
	assert_int_equal(claim(fixture, 8, again), 1);
	// Who lost the lease changes nothing any more.
	finish(fixture, &claimed[0], WORKER_DELIVERY_DELIVERED, 200, 0);
	assert_string_equal(the_only(fixture).state, "pending");
	finish(fixture, &again[0], WORKER_DELIVERY_DELIVERED, 204, 0);
	struct worker_delivery end = the_only(fixture);
	assert_string_equal(end.state, "delivered");
	assert_int_equal(end.attempts, 1);
	assert_int_equal(end.last_status, 204);
	assert_int_equal(end.delivered_at, worker_fixture_now_ms(fixture));
}

static void test_deliveries__a_claim_takes_no_more_than_asked_for(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM];
	add(fixture, "d1", "a");
	add(fixture, "d2", "a");
	add(fixture, "d3", "a");
	assert_int_equal(claim(fixture, 2, claimed), 2);
	assert_int_equal(claim(fixture, 2, claimed), 1);
	size_t count = 99;
	assert_ok(worker_deliveries_claim(fixture->store, "https://other.example/", worker_fixture_now_ms(fixture),
					  LEASE_MS, 8, fixture->arena, claimed, &count, NULL));
	assert_int_equal(count, 0);
}

static void test_deliveries__one_that_failed_is_due_at_its_time(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM];
	add(fixture, "d1", "a");
	assert_int_equal(claim(fixture, 8, claimed), 1);
	finish(fixture, &claimed[0], WORKER_DELIVERY_PENDING, 503, 5000);
	fake_clock_advance_ms(&fixture->clock, 4999);
	assert_int_equal(claim(fixture, 8, claimed), 0);
	fake_clock_advance_ms(&fixture->clock, 1);
	assert_int_equal(claim(fixture, 8, claimed), 1);
	assert_int_equal(claimed[0].attempts, 1);
	assert_int_equal(claimed[0].last_status, 503);
}

static int erase_in_transaction(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	return worker_deliveries_erase(transaction, context, 1, error);
}

static void test_deliveries__an_erasure_takes_the_body_and_is_never_undone(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM];
	char session[] = "a";
	struct viva_error error = {0};
	add(fixture, "d1", session);
	assert_int_equal(claim(fixture, 8, claimed), 1);
	assert_ok(viva_store_transact(fixture->store, erase_in_transaction, session, NULL));
	finish(fixture, &claimed[0], WORKER_DELIVERY_DELIVERED, 200, 0);
	assert_string_equal(the_only(fixture).state, "erased");
	assert_int_equal(
		worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_deliveries WHERE body IS NOT NULL"), 0);
	assert_error(worker_delivery_retry(fixture->store, "d1", 1, 2, &error), VIVA_ECOMPLETED);
	fake_clock_advance_ms(&fixture->clock, LIFE_MS);
	assert_int_equal(claim(fixture, 8, claimed), 0);
}

static void test_deliveries__those_that_failed_can_be_sent_again_by_hand(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM];
	int64_t now_ms = worker_fixture_now_ms(fixture), count = 0;
	add(fixture, "d1", "a");
	assert_int_equal(claim(fixture, 8, claimed), 1);
	finish(fixture, &claimed[0], WORKER_DELIVERY_GONE, 410, 0);
	assert_int_equal(claim(fixture, 8, claimed), 0);
	assert_ok(worker_deliveries_retry_failed(fixture->store, now_ms, now_ms + LIFE_MS, &count, NULL));
	assert_int_equal(count, 1);
	assert_int_equal(claim(fixture, 8, claimed), 1);
	assert_int_equal(claimed[0].attempts, 0);
	finish(fixture, &claimed[0], WORKER_DELIVERY_DELIVERED, 200, 0);
	assert_ok(worker_deliveries_retry_failed(fixture->store, now_ms, now_ms + LIFE_MS, &count, NULL));
	assert_int_equal(count, 0);
	assert_ok(worker_delivery_retry(fixture->store, "d1", now_ms, now_ms + LIFE_MS, NULL));
	assert_int_equal(claim(fixture, 8, claimed), 1);
	assert_error(worker_delivery_retry(fixture->store, "d2", now_ms, now_ms + LIFE_MS, NULL), VIVA_ENOTFOUND);
}

static void test_deliveries__those_whose_time_is_over_expire_and_are_forgotten(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_deliveries_pending pending;
	int64_t created_at = worker_fixture_now_ms(fixture);
	add(fixture, "d1", "a");
	fake_clock_advance_ms(&fixture->clock, LIFE_MS - 1);
	assert_ok(worker_deliveries_expire(fixture->store, worker_fixture_now_ms(fixture), 0, NULL));
	assert_ok(worker_deliveries_pending(fixture->store, &pending, NULL));
	assert_int_equal(pending.count, 1);
	assert_int_equal(pending.oldest_created_at, created_at);
	fake_clock_advance_ms(&fixture->clock, 1);
	assert_ok(worker_deliveries_expire(fixture->store, worker_fixture_now_ms(fixture), 0, NULL));
	assert_string_equal(the_only(fixture).state, "expired");
	assert_ok(worker_deliveries_pending(fixture->store, &pending, NULL));
	assert_int_equal(pending.count, 0);
	int64_t now_ms = worker_fixture_now_ms(fixture);
	assert_ok(worker_deliveries_expire(fixture->store, now_ms, now_ms + 1, NULL));
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_deliveries"), 0);
}

static void test_deliveries__can_be_listed_by_state(void **state)
{
	struct worker_fixture *fixture = worker_fixture_of(state);
	struct worker_delivery claimed[WORKER_MAX_CLAIM], *listed = NULL;
	size_t count = 0;
	add(fixture, "d1", "a");
	assert_int_equal(claim(fixture, 1, claimed), 1);
	finish(fixture, &claimed[0], WORKER_DELIVERY_DELIVERED, 200, 0);
	fake_clock_advance_ms(&fixture->clock, 1000);
	add(fixture, "d2", "a");
	assert_ok(worker_deliveries_list(fixture->store, NULL, 10, fixture->arena, &listed, &count, NULL));
	assert_int_equal(count, 2);
	assert_string_equal(listed[0].id, "d2");
	assert_null(listed[0].body);
	assert_ok(worker_deliveries_list(fixture->store, "delivered", 10, fixture->arena, &listed, &count, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(listed[0].id, "d1");
}

#ifdef VIVA_TEST_ON_POSTGRES
#define BACKEND "postgres"
#else
#define BACKEND "sqlite"
#endif
#define TEST(name) cmocka_unit_test_setup_teardown(name, worker_fixture_set_up, worker_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_deliveries__one_is_claimed_by_one_worker_until_its_lease_ends),
		TEST(test_deliveries__a_claim_takes_no_more_than_asked_for),
		TEST(test_deliveries__one_that_failed_is_due_at_its_time),
		TEST(test_deliveries__an_erasure_takes_the_body_and_is_never_undone),
		TEST(test_deliveries__those_that_failed_can_be_sent_again_by_hand),
		TEST(test_deliveries__those_whose_time_is_over_expire_and_are_forgotten),
		TEST(test_deliveries__can_be_listed_by_state),
	};
	return cmocka_run_group_tests_name("deliveries on " BACKEND, tests, NULL, NULL);
}
