// SPDX-License-Identifier: Apache-2.0
//
// What the PostgreSQL store does when connections break and servers go away, in every place where that can happen.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"
#include "store_fixture.h"
#include "tcp_proxy.h"

enum { PATIENCE_MS = 60 * 1000 };  // only so that a slow machine is not taken for an outage that lasts

// A store behind a proxy.
struct behind_proxy {
	struct tcp_proxy *proxy;
	struct viva_store *store;
	struct viva_arena *arena;
	const char *schema;
};

static struct behind_proxy open_behind_proxy(const struct store_fixture *fixture, uint32_t busy_ms, const char *more)
{
	struct viva_store_options options = store_fixture_options(fixture);
	struct behind_proxy behind = {
		.proxy = tcp_proxy_start(postgres_fixture_port()), .arena = fixture->arena, .schema = fixture->schema};
	char url[512];
	postgres_fixture_url_through(tcp_proxy_port(behind.proxy), fixture->schema, more, url, sizeof url);
	options.url = url;
	options.busy_ms = busy_ms;
	behind.store = store_fixture_open_with(&options);
	return behind;
}

static void end(struct behind_proxy *behind)
{
	viva_store_destroy(behind->store);
	tcp_proxy_stop(behind->proxy);
}

// Past the proxy.
static int64_t count_really(const struct behind_proxy *behind)
{
	char count[32] = "";
	assert_int_equal(postgres_fixture_run(behind->schema, "SELECT count(*) FROM test_notes", count, sizeof count),
			 0);
	return atoll(count);
}

static void test_store_outage__connections_that_broke_while_idle_are_replaced_unnoticed(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	assert_ok(store_fixture_add_note(behind.store, 1, "before"));
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 1);
	double reconnects = postgres_fixture_metric("viva_store_reconnects_total");
	tcp_proxy_cut(behind.proxy);
	assert_ok(store_fixture_add_note(behind.store, 2, "after"));
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 2);
	assert_true(postgres_fixture_metric("viva_store_reconnects_total") == reconnects + 2);
	end(&behind);
}

// Work during whose first run something happens to its connection.
struct interrupted {
	struct behind_proxy *behind;
	const char *terminate;  // SQL for the server, instead of a cut
	int runs;
};

static int add_interrupted(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct interrupted *interrupted = context;
	struct viva_rows rows;
	struct viva_value values[] = {viva_value_int(7), viva_value_text("once")};
	// With a result that is waited for, so that the statement was done when the connection breaks.
	int status = viva_transaction_query(transaction, interrupted->behind->arena,
					    "INSERT INTO test_notes (id, text) VALUES ($1, $2) RETURNING id", values,
					    VIVA_COUNT(values), &rows, error);
	if (interrupted->runs++ == 0 && interrupted->terminate)
		assert_int_equal(postgres_fixture_run("", interrupted->terminate, NULL, 0), 0);
	else if (interrupted->runs == 1)
		tcp_proxy_cut(interrupted->behind->proxy);
	if (!status)
		status = viva_transaction_query(transaction, interrupted->behind->arena, "SELECT 1", NULL, 0, &rows,
						error);
	return status;
}

static void test_store_outage__a_transaction_that_loses_its_connection_is_run_again(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	struct interrupted interrupted = {.behind = &behind};
	double retries = postgres_fixture_metric("viva_store_retries_total{reason=\"connection\"}");
	assert_ok(viva_store_transact(behind.store, add_interrupted, &interrupted, NULL));
	assert_int_equal(interrupted.runs, 2);
	assert_int_equal(count_really(&behind), 1);
	assert_true(postgres_fixture_metric("viva_store_retries_total{reason=\"connection\"}") == retries + 1);
	end(&behind);
}

static void test_store_outage__a_transaction_whose_session_is_ended_by_the_server_is_run_again(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "&application_name=viva-to-be-ended");
	struct interrupted interrupted = {
		.behind = &behind,
		.terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			     " WHERE application_name = 'viva-to-be-ended' AND state = 'idle in transaction'"};
	assert_ok(viva_store_transact(behind.store, add_interrupted, &interrupted, NULL));
	assert_int_equal(interrupted.runs, 2);
	assert_int_equal(count_really(&behind), 1);
	end(&behind);
}

static void test_store_outage__a_connection_that_breaks_before_the_commit_arrives_commits_nothing(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	tcp_proxy_cut_at(behind.proxy, "COMMIT", TCP_PROXY_CUT_BEFORE);
	assert_error(store_fixture_add_note(behind.store, 1, "nobody knows"), VIVA_EUNAVAILABLE);
	assert_int_equal(count_really(&behind), 0);
	assert_ok(store_fixture_add_note(behind.store, 1, "nobody knows"));
	assert_int_equal(count_really(&behind), 1);
	end(&behind);
}

static void test_store_outage__a_commit_whose_answer_is_lost_is_told_as_unknown_and_not_done_twice(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	tcp_proxy_cut_at(behind.proxy, "COMMIT", TCP_PROXY_CUT_AFTER);
	struct viva_value values[] = {viva_value_int(1), viva_value_text("nobody knows")};
	struct viva_error error = {0};
	assert_error(viva_store_execute(behind.store, "INSERT INTO test_notes (id, text) VALUES ($1, $2)", values,
					VIVA_COUNT(values), NULL, &error),
		     VIVA_EUNAVAILABLE);
	assert_non_null(strstr(error.message, "may have been done or not"));
	assert_int_equal(count_really(&behind), 1);
	assert_error(store_fixture_add_note(behind.store, 1, "nobody knows"), VIVA_ECONFLICT);
	end(&behind);
}

static void test_store_outage__a_query_whose_connection_breaks_is_asked_again(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	assert_ok(store_fixture_add_note(behind.store, 1, "kept"));
	tcp_proxy_cut_at(behind.proxy, "count(*)", TCP_PROXY_CUT_AFTER);
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 1);
	end(&behind);
}

struct late {
	struct viva_store *store;
	int64_t id;
	int status;
};

static void *add_late(void *context)
{
	struct late *late = context;
	char text[32];
	snprintf(text, sizeof text, "late %lld", (long long)late->id);
	late->status = store_fixture_add_note(late->store, late->id, text);
	return NULL;
}

static void test_store_outage__calls_wait_for_the_end_of_a_short_outage(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "");
	assert_ok(store_fixture_add_note(behind.store, 1, "before"));
	double failures = postgres_fixture_metric("viva_store_connect_failures_total");
	tcp_proxy_close(behind.proxy);
	enum { CALLS = 12 };
	pthread_t threads[CALLS];
	struct late calls[CALLS];
	for (int i = 0; i < CALLS; i++) {
		calls[i] = (struct late){.store = behind.store, .id = 100 + i};
		assert_int_equal(pthread_create(&threads[i], NULL, add_late, &calls[i]), 0);
	}
	while (postgres_fixture_metric("viva_store_connect_failures_total") < failures + 2)
		sched_yield();
	assert_error(viva_store_ping(behind.store, NULL), VIVA_EUNAVAILABLE);
	tcp_proxy_open(behind.proxy);
	for (int i = 0; i < CALLS; i++) {
		pthread_join(threads[i], NULL);
		assert_ok(calls[i].status);
	}
	assert_int_equal(count_really(&behind), CALLS + 1);
	end(&behind);
}

static void test_store_outage__after_a_long_one_calls_fail_at_once_until_the_server_is_back(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, 100, "");
	assert_ok(store_fixture_add_note(behind.store, 1, "before"));
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 1);
	tcp_proxy_close(behind.proxy);
	struct viva_error error = {0};
	struct viva_rows rows;
	assert_error(viva_store_execute(behind.store, "DELETE FROM test_notes", NULL, 0, NULL, &error),
		     VIVA_EUNAVAILABLE);
	assert_non_null(strstr(error.message, "refused"));
	assert_error(viva_store_query(behind.store, behind.arena, "SELECT 1", NULL, 0, &rows, NULL), VIVA_EUNAVAILABLE);
	assert_error(viva_store_ping(behind.store, NULL), VIVA_EUNAVAILABLE);
	tcp_proxy_open(behind.proxy);
	// It is tried again by itself, after a pause that grows.
	while (viva_store_ping(behind.store, NULL) || store_fixture_add_note(behind.store, 2, "after"))
		sched_yield();
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 2);
	end(&behind);
}

static void test_store_outage__a_connection_on_which_nothing_comes_any_more_is_replaced(void **state)
{
	struct behind_proxy behind = open_behind_proxy(*state, PATIENCE_MS, "%20-cstatement_timeout%3D1000");
	assert_ok(store_fixture_add_note(behind.store, 1, "before"));
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 1);
	tcp_proxy_freeze(behind.proxy);
	assert_int_equal(store_fixture_count_notes(behind.store, behind.arena), 1);
	end(&behind);
}

static void test_store_outage__opening_waits_for_a_server_that_is_about_to_start_but_not_for_ever(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	struct tcp_proxy *proxy = tcp_proxy_start(postgres_fixture_port());
	char url[512];
	postgres_fixture_url_through(tcp_proxy_port(proxy), fixture->schema, "", url, sizeof url);
	options.url = url;
	options.busy_ms = 100;
	tcp_proxy_close(proxy);
	struct viva_store *store = NULL;
	struct viva_error error = {0};
	assert_error(viva_store_open(&options, &store, &error), VIVA_EUNAVAILABLE);
	char place[32];
	snprintf(place, sizeof place, "127.0.0.1:%d", tcp_proxy_port(proxy));
	assert_non_null(strstr(error.message, place));
	assert_null(store);
	tcp_proxy_open(proxy);
	store = store_fixture_open_with(&options);
	viva_store_destroy(store);
	tcp_proxy_stop(proxy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_outage__connections_that_broke_while_idle_are_replaced_unnoticed),
		ON_STORE(test_store_outage__a_transaction_that_loses_its_connection_is_run_again),
		ON_STORE(test_store_outage__a_transaction_whose_session_is_ended_by_the_server_is_run_again),
		ON_STORE(test_store_outage__a_connection_that_breaks_before_the_commit_arrives_commits_nothing),
		ON_STORE(test_store_outage__a_commit_whose_answer_is_lost_is_told_as_unknown_and_not_done_twice),
		ON_STORE(test_store_outage__a_query_whose_connection_breaks_is_asked_again),
		ON_STORE(test_store_outage__calls_wait_for_the_end_of_a_short_outage),
		ON_STORE(test_store_outage__after_a_long_one_calls_fail_at_once_until_the_server_is_back),
		ON_STORE(test_store_outage__a_connection_on_which_nothing_comes_any_more_is_replaced),
		ON_STORE(test_store_outage__opening_waits_for_a_server_that_is_about_to_start_but_not_for_ever),
	};
	return RUN_ON_STORE(tests);
}
