// SPDX-License-Identifier: Apache-2.0
//
// What every store backend must do for many at a time: threads, processes, and those that die in the middle.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

enum { THREADS = 16, NOTES_PER_THREAD = 40 };

struct adder {
	struct viva_store *store;
	int number;
	int round;
	int failures;
};

// Every fourth note is one that was added before, so that rollbacks and commits share batches.
static void *add_notes(void *context)
{
	struct adder *adder = context;
	for (int i = 0; i < NOTES_PER_THREAD; i++) {
		char text[32];
		bool is_repeated = i % 4 == 3;
		snprintf(text, sizeof text, "%d/%d", adder->number, is_repeated ? i - 1 : i);
		int status = store_fixture_add_note(adder->store, adder->number * 1000 + i, text);
		if (status != (is_repeated ? VIVA_ECONFLICT : 0))
			adder->failures++;
	}
	return NULL;
}

static void test_store_sharing__many_threads_commit_together_and_only_the_failing_ones_roll_back(void **state)
{
	struct store_fixture *fixture = *state;
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	pthread_t threads[THREADS];
	struct adder adders[THREADS];
	for (int i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){.store = store, .number = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, add_notes, &adders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(adders[i].failures, 0);
	}
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), THREADS * NOTES_PER_THREAD * 3 / 4);
}

// A transaction that holds the writer until told to go on.
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool is_inside;
	bool is_open;
	struct viva_store *store;
};

static int wait_at_gate(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)transaction;
	(void)error;
	struct gate *gate = context;
	pthread_mutex_lock(&gate->lock);
	gate->is_inside = true;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->is_open)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	return 0;
}

static void *transact_at_gate(void *context)
{
	struct gate *gate = context;
	return viva_store_transact(gate->store, wait_at_gate, gate, NULL) == 0 ? gate : NULL;
}

struct waiter {
	struct viva_store *store;
	atomic_int *refused;
	int id;
};

static void *add_one(void *context)
{
	struct waiter *waiter = context;
	char text[16];
	snprintf(text, sizeof text, "w%d", waiter->id);
	if (store_fixture_add_note(waiter->store, waiter->id, text) == VIVA_EOVERLOAD)
		atomic_fetch_add(waiter->refused, 1);
	return NULL;
}

static void test_store_sharing__a_full_queue_refuses_and_loses_nothing_it_took(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.max_waiting = 2;
	options.writers = 1;
	VIVA_AUTO(viva_store) store = store_fixture_open_with(&options);
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .store = store};
	pthread_t holder;
	assert_int_equal(pthread_create(&holder, NULL, transact_at_gate, &gate), 0);
	pthread_mutex_lock(&gate.lock);
	while (!gate.is_inside)
		pthread_cond_wait(&gate.moved, &gate.lock);
	pthread_mutex_unlock(&gate.lock);

	// Of five newcomers two may wait; the other three come back at once, so the loop below ends.
	atomic_int refused = 0;
	pthread_t threads[5];
	struct waiter waiters[5];
	for (int i = 0; i < 5; i++) {
		waiters[i] = (struct waiter){.store = store, .refused = &refused, .id = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, add_one, &waiters[i]), 0);
	}
	while (atomic_load(&refused) < 3)
		sched_yield();
	pthread_mutex_lock(&gate.lock);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.moved);
	pthread_mutex_unlock(&gate.lock);
	void *held = NULL;
	pthread_join(holder, &held);
	assert_non_null(held);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&refused), 3);
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), 2);
}

// In a child process: opens the store and adds notes until it is killed; each acknowledged one is told through `pipe`.
static void add_until_killed(const struct viva_store_options *options, int pipe)
{
	struct viva_store *store = NULL;
	if (viva_store_open(options, &store, NULL))
		_exit(1);
	for (int64_t id = 1;; id++) {
		char text[32];
		snprintf(text, sizeof text, "note %lld", (long long)id);
		if (store_fixture_add_note(store, id, text) || write(pipe, &id, sizeof id) != sizeof id)
			_exit(1);
	}
}

static void test_store_sharing__a_killed_process_loses_nothing_that_was_acknowledged(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		add_until_killed(&options, ends[1]);
	close(ends[1]);

	int64_t acknowledged = 0;
	while (acknowledged < 50 && read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
		;
	kill(child, SIGKILL);
	while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged)
		;
	close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));

	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_true(acknowledged >= 50);
	assert_true(store_fixture_count_notes(store, fixture->arena) >= acknowledged);
	struct viva_value values[] = {viva_value_int(acknowledged)};
	struct viva_rows rows;
	assert_ok(viva_store_query(store, fixture->arena, "SELECT count(*) FROM test_notes WHERE id <= $1", values, 1,
				   &rows, NULL));
	assert_int_equal(viva_rows_int(&rows, 0, 0), acknowledged);
}

enum { PROCESSES = 4, NOTES_PER_PROCESS = 25 };

static void add_as_process(const struct viva_store_options *options, int number)
{
	struct viva_store *store = NULL;
	if (viva_store_open(options, &store, NULL))
		_exit(1);
	for (int i = 0; i < NOTES_PER_PROCESS; i++) {
		char text[32];
		snprintf(text, sizeof text, "%d/%d", number, i);
		if (store_fixture_add_note(store, number * 1000 + i, text))
			_exit(2);
	}
	viva_store_destroy(store);
	_exit(0);
}

static void test_store_sharing__processes_that_start_at_once_agree_and_share_it(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.busy_ms = 60 * 1000;  // only so that a slow machine is not taken for a deadlock
	pid_t children[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			add_as_process(&options, i + 1);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 0;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_int_equal(store_fixture_count_notes(store, fixture->arena), PROCESSES * NOTES_PER_PROCESS);
}

// A decision by what was read: only the first may add its note. Without the lock several would read that there is none.
static int add_the_only_one(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct adder *adder = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	char name[32];
	snprintf(name, sizeof name, "test/%d", adder->round);
	struct viva_rows rows;
	struct viva_value round[] = {viva_value_real(adder->round)};
	int status = viva_transaction_lock(transaction, name, error);
	if (!status)
		status = viva_transaction_query(transaction, arena, "SELECT id FROM test_notes WHERE weight = $1",
						round, 1, &rows, error);
	if (status || rows.row_count > 0)
		return status;
	snprintf(name, sizeof name, "%d by %d", adder->round, adder->number);
	struct viva_value note[] = {viva_value_int(adder->round * 100 + adder->number), viva_value_text(name),
				    round[0]};
	return viva_transaction_execute(transaction, "INSERT INTO test_notes (id, text, weight) VALUES ($1, $2, $3)",
					note, VIVA_COUNT(note), NULL, error);
}

enum { ROUNDS = 20 };

static void *compete(void *context)
{
	struct adder *adder = context;
	for (adder->round = 0; adder->round < ROUNDS; adder->round++) {
		if (viva_store_transact(adder->store, add_the_only_one, adder, NULL))
			adder->failures++;
	}
	return NULL;
}

static void test_store_sharing__who_locks_before_it_decides_decides_alone(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.busy_ms = 60 * 1000;
	VIVA_AUTO(viva_store) first = store_fixture_open_with(&options);
	VIVA_AUTO(viva_store) second = store_fixture_open_with(&options);
	pthread_t threads[THREADS];
	struct adder adders[THREADS];
	for (int i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){.store = i % 2 ? first : second, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, compete, &adders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(adders[i].failures, 0);
	}
	assert_int_equal(store_fixture_count_notes(first, fixture->arena), ROUNDS);
	assert_int_equal(store_fixture_count(first, fixture->arena, "SELECT count(DISTINCT weight) FROM test_notes"),
			 ROUNDS);
}

// Fifty writers in two processes on one row, each by its version, as instances of a service on one interview.
enum { WRITERS = 25, UPDATES = 20 };

static int update_by_version(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	struct adder *adder = context;
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena))
		return VIVA_ENOMEM;
	struct viva_rows rows;
	int status = viva_transaction_query(transaction, arena, "SELECT weight FROM test_notes WHERE id = 1", NULL, 0,
					    &rows, error);
	if (status)
		return status;
	double version = viva_rows_real(&rows, 0, 0);
	struct viva_value values[] = {viva_value_real(version + 1), viva_value_real(version)};
	struct viva_value tag[] = {viva_value_int(1), viva_value_int(adder->number)};
	int64_t changed = 0;
	status = viva_transaction_execute(transaction, "INSERT INTO test_tags (note, tag) SELECT $1, CAST($2 AS TEXT)",
					  tag, VIVA_COUNT(tag), NULL, error);
	if (!status)
		status = viva_transaction_execute(transaction,
						  "UPDATE test_notes SET weight = $1 WHERE id = 1 AND weight = $2",
						  values, VIVA_COUNT(values), &changed, error);
	return status || changed == 1 ? status : viva_fail(error, VIVA_ECONFLICT, NULL, "another was faster");
}

static void *update_until_done(void *context)
{
	struct adder *adder = context;
	for (int done = 0; done < UPDATES;) {
		int status = viva_store_transact(adder->store, update_by_version, adder, NULL);
		done += status == 0;
		if (status && status != VIVA_ECONFLICT)
			adder->failures++;
	}
	return NULL;
}

static int update_as_process(const struct viva_store_options *options)
{
	struct viva_store *store = NULL;
	if (viva_store_open(options, &store, NULL))
		return 1;
	pthread_t threads[WRITERS];
	struct adder adders[WRITERS];
	int failures = 0;
	for (int i = 0; i < WRITERS; i++) {
		adders[i] = (struct adder){.store = store, .number = (int)getpid() + i};
		failures += pthread_create(&threads[i], NULL, update_until_done, &adders[i]) != 0;
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		failures += adders[i].failures;
	}
	viva_store_destroy(store);
	return failures ? 2 : 0;
}

static void test_store_sharing__fifty_writers_in_two_processes_lose_no_update(void **state)
{
	struct store_fixture *fixture = *state;
	struct viva_store_options options = store_fixture_options(fixture);
	options.busy_ms = 60 * 1000;
	viva_store_destroy(store_fixture_open(fixture));
	pid_t children[2];
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			// What they update is there before either begins.
			struct viva_store *store = NULL;
			if (viva_store_open(&options, &store, NULL) ||
			    viva_store_execute(store,
					       "INSERT INTO test_notes (id, text, weight) VALUES (1, 'interview', 0)"
					       " ON CONFLICT DO NOTHING",
					       NULL, 0, NULL, NULL))
				_exit(3);
			viva_store_destroy(store);
			_exit(update_as_process(&options));
		}
	}
	for (int i = 0; i < 2; i++) {
		int status = 0;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	VIVA_AUTO(viva_store) store = store_fixture_open(fixture);
	assert_int_equal(store_fixture_count(store, fixture->arena, "SELECT weight FROM test_notes WHERE id = 1"),
			 2 * WRITERS * UPDATES);
	// What was done together with an update is there as often.
	assert_int_equal(store_fixture_count(store, fixture->arena, "SELECT count(*) FROM test_tags"),
			 2 * WRITERS * UPDATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STORE(test_store_sharing__many_threads_commit_together_and_only_the_failing_ones_roll_back),
		ON_STORE(test_store_sharing__a_full_queue_refuses_and_loses_nothing_it_took),
		ON_STORE(test_store_sharing__a_killed_process_loses_nothing_that_was_acknowledged),
		ON_STORE(test_store_sharing__who_locks_before_it_decides_decides_alone),
		ON_STORE(test_store_sharing__fifty_writers_in_two_processes_lose_no_update),
		ON_STORE(test_store_sharing__processes_that_start_at_once_agree_and_share_it),
	};
	return RUN_ON_STORE(tests);
}
