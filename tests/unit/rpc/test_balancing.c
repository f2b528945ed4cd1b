// SPDX-License-Identifier: Apache-2.0
//
// A client over real servers that come and go.
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "rpc_fixture.h"
#include "viva_test.h"

enum { SERVERS = 3, CALLERS = 4, CALLS = 300, PATIENCE_MS = 60000 };

struct fleet {
	struct rpc_fixture servers[SERVERS];
	struct viva_rpc_client *client;
	pthread_t threads[CALLERS];
	atomic_bool must_stop;
	atomic_int failures;
	atomic_int calls;
};

static int ask(struct viva_rpc_client *client)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	const char *answer = NULL;
	assert_ok(viva_arena_create(0, &arena));
	return rpc_analyze(client, "s", PATIENCE_MS, arena, &answer, NULL);
}

static void set(struct fleet *fleet, size_t first, size_t count)
{
	const char *addresses[SERVERS];
	for (size_t i = 0; i < count; i++)
		addresses[i] = fleet->servers[first + i].address;
	assert_ok(viva_rpc_client_set_addresses(fleet->client, addresses, count, NULL));
}

static void begin(struct fleet *fleet, enum viva_balancing balancing)
{
	memset(fleet, 0, sizeof *fleet);
	for (size_t i = 0; i < SERVERS; i++)
		rpc_fixture_start(&fleet->servers[i], 0, NULL);
	struct viva_rpc_client_options options = viva_rpc_client_defaults();
	options.service = "emotion";
	struct viva_balancer_options balancer = viva_balancer_defaults("emotion");
	balancer.balancing = balancing;
	options.balancer = &balancer;
	assert_ok(viva_rpc_client_create(&options, &fleet->client, NULL));
}

static void end(struct fleet *fleet)
{
	viva_rpc_client_destroy(fleet->client);
	for (size_t i = 0; i < SERVERS; i++)
		rpc_fixture_stop(&fleet->servers[i], 0);
}

// Calls until the server has got `more` calls.
static void call_until_used(struct fleet *fleet, size_t server, int more)
{
	int before = atomic_load(&fleet->servers[server].calls);
	for (int i = 0; i < PATIENCE_MS && atomic_load(&fleet->servers[server].calls) < before + more;
	     i++, usleep(1000))
		assert_ok(ask(fleet->client));
	assert_true(atomic_load(&fleet->servers[server].calls) >= before + more);
}

static void *call_all_the_time(void *context)
{
	struct fleet *fleet = context;
	while (!atomic_load(&fleet->must_stop)) {
		atomic_fetch_add(&fleet->failures, ask(fleet->client) < 0);
		atomic_fetch_add(&fleet->calls, 1);
	}
	return NULL;
}

static void start_callers(struct fleet *fleet)
{
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&fleet->threads[i], NULL, call_all_the_time, fleet), 0);
}

static void stop_callers(struct fleet *fleet)
{
	atomic_store(&fleet->must_stop, true);
	for (size_t i = 0; i < CALLERS; i++)
		pthread_join(fleet->threads[i], NULL);
}

static void wait_for_calls(struct fleet *fleet, atomic_int *counter, int more)
{
	int before = atomic_load(counter);
	for (int i = 0; i < PATIENCE_MS && atomic_load(counter) < before + more; i++)
		usleep(1000);
	assert_true(atomic_load(counter) >= before + more);
	assert_int_equal(atomic_load(&fleet->failures), 0);
}

static void test_balancing__without_addresses_calls_are_unavailable(void **state)
{
	(void)state;
	struct fleet fleet;
	begin(&fleet, VIVA_BALANCING_ROUND_ROBIN);
	assert_error(ask(fleet.client), VIVA_EUNAVAILABLE);
	set(&fleet, 0, 1);
	assert_ok(ask(fleet.client));
	end(&fleet);
}

static void test_balancing__calls_are_spread_evenly(void **state)
{
	(void)state;
	for (int balancing = 0; balancing < 2; balancing++) {
		struct fleet fleet;
		begin(&fleet, (enum viva_balancing)balancing);
		set(&fleet, 0, SERVERS);  // all are there: whichever is asked while it connects answers
		for (size_t i = 0; i < SERVERS; i++)
			call_until_used(&fleet, i, 1);
		int before[SERVERS];
		for (size_t i = 0; i < SERVERS; i++)
			before[i] = atomic_load(&fleet.servers[i].calls);
		for (int i = 0; i < CALLS; i++)
			assert_ok(ask(fleet.client));
		for (size_t i = 0; i < SERVERS; i++)
			assert_in_range(atomic_load(&fleet.servers[i].calls) - before[i], CALLS / SERVERS * 9 / 10,
					CALLS / SERVERS * 11 / 10);
		end(&fleet);
	}
}

static void test_balancing__instances_that_come_and_go_fail_no_call(void **state)
{
	(void)state;
	struct fleet fleet;
	begin(&fleet, VIVA_BALANCING_ROUND_ROBIN);
	set(&fleet, 0, 1);
	assert_ok(ask(fleet.client));
	start_callers(&fleet);
	set(&fleet, 0, 2);
	wait_for_calls(&fleet, &fleet.servers[1].calls, 50);  // the new one is used
	set(&fleet, 1, 2);
	wait_for_calls(&fleet, &fleet.servers[2].calls, 50);
	int drained = atomic_load(&fleet.servers[0].calls);
	wait_for_calls(&fleet, &fleet.calls, 200);
	// Those that had chosen it before it left, at most.
	assert_in_range(atomic_load(&fleet.servers[0].calls) - drained, 0, CALLERS);
	rpc_fixture_stop(&fleet.servers[0], 1000);
	wait_for_calls(&fleet, &fleet.calls, 200);
	rpc_fixture_start(&fleet.servers[0], 0, NULL);
	set(&fleet, 0, 1);  // all of them exchanged
	wait_for_calls(&fleet, &fleet.servers[0].calls, 50);
	stop_callers(&fleet);
	assert_int_equal(atomic_load(&fleet.failures), 0);
	end(&fleet);
}

static void test_balancing__one_that_is_down_gets_no_calls(void **state)
{
	(void)state;
	struct fleet fleet;
	begin(&fleet, VIVA_BALANCING_LEAST_LOADED);
	int port = fleet.servers[2].port;
	rpc_fixture_stop(&fleet.servers[2], 0);
	set(&fleet, 0, 1);
	assert_ok(ask(fleet.client));  // there is one to call while the others connect
	set(&fleet, 0, SERVERS);
	call_until_used(&fleet, 1, 1);
	for (int i = 0; i < CALLS; i++)
		assert_ok(ask(fleet.client));
	rpc_fixture_start(&fleet.servers[2], port, NULL);
	call_until_used(&fleet, 2, 10);
	end(&fleet);
}

static void test_balancing__addresses_that_are_none_change_nothing(void **state)
{
	(void)state;
	struct fleet fleet;
	begin(&fleet, VIVA_BALANCING_ROUND_ROBIN);
	set(&fleet, 0, 1);
	const char *wrong[] = {fleet.servers[1].address, "h"};
	struct viva_error error = {0};
	assert_error(viva_rpc_client_set_addresses(fleet.client, wrong, 2, &error), VIVA_EINVAL);
	assert_string_equal(error.message, "\"h\" is not an address (host:port)");
	assert_ok(ask(fleet.client));
	assert_int_equal(atomic_load(&fleet.servers[1].calls), 0);
	end(&fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balancing__without_addresses_calls_are_unavailable),
		cmocka_unit_test(test_balancing__calls_are_spread_evenly),
		cmocka_unit_test(test_balancing__instances_that_come_and_go_fail_no_call),
		cmocka_unit_test(test_balancing__one_that_is_down_gets_no_calls),
		cmocka_unit_test(test_balancing__addresses_that_are_none_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
