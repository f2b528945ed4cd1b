// SPDX-License-Identifier: Apache-2.0
//
// What the PostgreSQL store does with transactions that run at the same time.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "postgres_fixture.h"
#include "store_fixture.h"

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int inside;  // how many have come so far
	bool is_open;
	struct viva_store *store;
	const char *lock_name;
	int status;
};

static struct gate gate_for(struct viva_store *store, const char *lock_name)
{
	return (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER,
			     .moved = PTHREAD_COND_INITIALIZER,
			     .store = store,
			     .lock_name = lock_name};
}

static void gate_wait(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->inside++;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->is_open)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_wait_until_inside(struct gate *gate, int count)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->inside < count)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}

static int lock_and_wait(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct gate *gate = context;
	int64_t changed = 0;
	int status = viva_transaction_lock(transaction, gate->lock_name, error);
	// With a count that is waited for, so that the lock is there.
	if (!status)
		status = viva_transaction_execute(transaction, "DELETE FROM test_tags", NULL, 0, &changed, error);
	if (!status)
		gate_wait(gate);
	return status;
}

static void *hold_lock(void *context)
{
	struct gate *gate = context;
	gate->status = viva_store_transact(gate->store, lock_and_wait, gate, NULL);
	return NULL;
}

static int lock_only(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	return viva_transaction_lock(transaction, context, error);
}

struct trying {
	const char *name;
	bool is_locked;
};

static int try_lock_only(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct trying *trying = context;
	return viva_transaction_try_lock(transaction, trying->name, &trying->is_locked, error);
}

static void test_store_together__a_lock_that_another_holds_is_not_waited_for_when_it_is_only_tried(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	VIVA_AUTO(viva_store) other = store_fixture_open_with(&options);
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	struct gate gate = gate_for(other, "test/tried");
	pthread_t holder;
	assert_int_equal(pthread_create(&holder, NULL, hold_lock, &gate), 0);
	gate_wait_until_inside(&gate, 1);
	struct trying held = {.name = "test/tried", .is_locked = true}, free_one = {.name = "test/free"};
	assert_ok(viva_store_transact(store, try_lock_only, &held, NULL));
	assert_false(held.is_locked);
	assert_ok(viva_store_transact(store, try_lock_only, &free_one, NULL));
	assert_true(free_one.is_locked);
	gate_open(&gate);
	pthread_join(holder, NULL);
	assert_ok(gate.status);
	assert_ok(viva_store_transact(store, try_lock_only, &held, NULL));
	assert_true(held.is_locked);
	struct trying nameless = {.name = ""};
	assert_error(viva_store_transact(store, try_lock_only, &nameless, NULL), VIVA_EINVAL);
}

static void test_store_together__a_lock_that_another_holds_for_too_long_is_an_overload(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	VIVA_AUTO(viva_store) other = store_fixture_open_with(&options);
	options.busy_ms = 100;
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	struct gate gate = gate_for(other, "test/held");
	pthread_t holder;
	assert_int_equal(pthread_create(&holder, NULL, hold_lock, &gate), 0);
	gate_wait_until_inside(&gate, 1);
	char held[] = "test/held", free_one[] = "test/free";
	struct viva_error error = {0};
	assert_error(viva_store_transact(store, lock_only, held, &error), VIVA_EOVERLOAD);
	assert_non_null(strstr(error.message, "busy"));
	assert_ok(viva_store_transact(store, lock_only, free_one, NULL));
	gate_open(&gate);
	pthread_join(holder, NULL);
	assert_ok(gate.status);
	assert_ok(viva_store_transact(store, lock_only, held, NULL));
}

struct crossing {
	struct viva_store *store;
	struct gate *gate;
	int first, second;
	int status;
	int runs;
};

static int update_both(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct crossing *crossing = context;
	const char *sql = "UPDATE test_notes SET weight = weight + 1 WHERE id = $1";
	struct viva_value first[] = {viva_value_int(crossing->first)}, second[] = {viva_value_int(crossing->second)};
	int64_t changed = 0;
	int status = viva_transaction_execute(transaction, sql, first, 1, &changed, error);
	if (!status && crossing->runs++ == 0)
		gate_wait(crossing->gate);
	return status ? status : viva_transaction_execute(transaction, sql, second, 1, &changed, error);
}

static void *cross(void *context)
{
	struct crossing *crossing = context;
	crossing->status = viva_store_transact(crossing->store, update_both, crossing, NULL);
	return NULL;
}

static void test_store_together__of_two_transactions_in_a_deadlock_one_is_run_again(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	char url[600];
	snprintf(url, sizeof url, "%s%%20-cdeadlock_timeout%%3D20", fixture->url);
	options.url = url;
	options.busy_ms = 60 * 1000;
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	assert_ok(viva_store_execute(store, "INSERT INTO test_notes (id, text, weight) VALUES (1, 'a', 0), (2, 'b', 0)",
				     NULL, 0, NULL, NULL));
	struct gate gate = gate_for(store, NULL);
	struct crossing crossings[] = {{.store = store, .gate = &gate, .first = 1, .second = 2},
				       {.store = store, .gate = &gate, .first = 2, .second = 1}};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, cross, &crossings[i]), 0);
	gate_wait_until_inside(&gate, 2);
	gate_open(&gate);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_ok(crossings[i].status);
	}
	assert_true(crossings[0].runs + crossings[1].runs >= 3);
	assert_int_equal(store_fixture_count(store, fixture->arena, "SELECT count(*) FROM test_notes WHERE weight = 2"),
			 2);
}

struct waiter {
	struct viva_store *store;
	int64_t id;
	int status;
};

static void *add_one(void *context)
{
	struct waiter *waiter = context;
	char text[32];
	// Every third is one that is there already.
	snprintf(text, sizeof text, "%lld", (long long)(waiter->id % 3 == 0 ? 0 : waiter->id));
	waiter->status = store_fixture_add_note(waiter->store, waiter->id, text);
	return NULL;
}

static void test_store_together__those_that_wait_share_a_commit_unless_one_of_them_fails(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.writers = 1;
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	assert_ok(store_fixture_add_note(store, 1000, "0"));
	static const struct {
		int first, step, commits;
	} rounds[] = {
		{1, 3, 2},    // none fails: the holder's commit and one for all
		{300, 1, 7},  // three of them fail, so each of the others commits alone
	};
	enum { WAITERS = 9 };
	for (size_t round = 0; round < VIVA_COUNT(rounds); round++) {
		struct gate gate = gate_for(store, "test/gate");
		pthread_t holder, threads[WAITERS];
		struct waiter waiters[WAITERS];
		double taken = postgres_fixture_metric("viva_store_transactions_total");
		double commits = postgres_fixture_metric("viva_store_commits_total");
		assert_int_equal(pthread_create(&holder, NULL, hold_lock, &gate), 0);
		gate_wait_until_inside(&gate, 1);
		for (int i = 0; i < WAITERS; i++) {
			int id = rounds[round].first + rounds[round].step * i;
			waiters[i] = (struct waiter){.store = store, .id = id};
			assert_int_equal(pthread_create(&threads[i], NULL, add_one, &waiters[i]), 0);
		}
		while (postgres_fixture_metric("viva_store_transactions_total") < taken + 1 + WAITERS)
			sched_yield();
		gate_open(&gate);
		pthread_join(holder, NULL);
		for (int i = 0; i < WAITERS; i++) {
			pthread_join(threads[i], NULL);
			assert_int_equal(waiters[i].status, waiters[i].id % 3 == 0 ? VIVA_ECONFLICT : 0);
		}
		double done = postgres_fixture_metric("viva_store_commits_total") - commits;
		assert_int_equal((int)done, rounds[round].commits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_together__a_lock_that_another_holds_for_too_long_is_an_overload),
		ON_STORE(test_store_together__a_lock_that_another_holds_is_not_waited_for_when_it_is_only_tried),
		ON_STORE(test_store_together__of_two_transactions_in_a_deadlock_one_is_run_again),
		ON_STORE(test_store_together__those_that_wait_share_a_commit_unless_one_of_them_fails),
	};
	return RUN_ON_STORE(tests);
}
