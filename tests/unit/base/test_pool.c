// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "viva_test.h"

static struct viva_pool *pool_of(size_t threads, size_t max_waiting)
{
	struct viva_pool_options options = viva_pool_defaults();
	options.threads = threads;
	options.max_waiting = max_waiting;
	struct viva_pool *pool = NULL;
	assert_ok(viva_pool_create(&options, &pool));
	return pool;
}

static void count_up(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

// Keeps a worker busy until it is let go.
struct gate {
	sem_t entered, open;
};

static void gate_init(struct gate *gate)
{
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->open, 0, 0);
}

static void pass_gate(void *context)
{
	struct gate *gate = context;
	sem_post(&gate->entered);
	sem_wait(&gate->open);
}

static void test_pool__destroy_runs_all_that_was_accepted(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(3, 1000);
	atomic_int count = 0;
	for (int i = 0; i < 1000; i++)
		assert_ok(viva_pool_submit(pool, count_up, &count));
	viva_pool_destroy(pool);
	assert_int_equal(count, 1000);
	assert_null(viva_pool_destroy(NULL));
}

static void test_pool__a_full_pool_refuses_and_says_so(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(1, 2);
	struct gate gate;
	gate_init(&gate);
	atomic_int count = 0;
	assert_ok(viva_pool_submit(pool, pass_gate, &gate));
	sem_wait(&gate.entered);
	assert_ok(viva_pool_submit(pool, count_up, &count));
	assert_ok(viva_pool_submit(pool, count_up, &count));
	assert_int_equal(viva_pool_waiting(pool), 2);
	assert_error(viva_pool_submit(pool, count_up, &count), VIVA_EOVERLOAD);
	sem_post(&gate.open);
	viva_pool_destroy(pool);
	assert_int_equal(count, 2);
}

static void test_pool__a_limit_of_nothing_is_refused(void **state)
{
	(void)state;
	struct viva_pool_options options = viva_pool_defaults();
	struct viva_pool *pool = NULL;
	options.threads = 0;
	assert_error(viva_pool_create(&options, &pool), VIVA_EINVAL);
	options = viva_pool_defaults();
	options.max_waiting = 0;
	assert_error(viva_pool_create(&options, &pool), VIVA_EINVAL);
	assert_null(pool);
}

// What a strand's tasks share without any lock of their own.
struct diary {
	int entries;
	int next_expected;
	int disorder;
	atomic_int inside;
	atomic_int overlaps;
};

struct entry {
	struct diary *diary;
	int number;
};

static void write_entry(void *context)
{
	struct entry *entry = context;
	struct diary *diary = entry->diary;
	if (atomic_fetch_add(&diary->inside, 1) != 0)
		atomic_fetch_add(&diary->overlaps, 1);
	diary->disorder += entry->number != diary->next_expected;
	diary->next_expected = entry->number + 1;
	diary->entries++;
	atomic_fetch_sub(&diary->inside, 1);
}

static void test_pool__a_strands_tasks_run_in_order_and_one_at_a_time(void **state)
{
	(void)state;
	enum { STRANDS = 8, TASKS = 500 };
	static struct diary diaries[STRANDS];
	static struct entry entries[STRANDS][TASKS];
	struct viva_pool *pool = pool_of(4, 64);
	struct viva_strand *strands[STRANDS];
	for (int s = 0; s < STRANDS; s++)
		assert_ok(viva_strand_create(pool, TASKS, &strands[s]));
	for (int t = 0; t < TASKS; t++) {
		for (int s = 0; s < STRANDS; s++) {
			entries[s][t] = (struct entry){&diaries[s], t};
			assert_ok(viva_strand_submit(strands[s], write_entry, &entries[s][t]));
		}
	}
	for (int s = 0; s < STRANDS; s++)
		viva_strand_destroy(strands[s]);
	viva_pool_destroy(pool);
	for (int s = 0; s < STRANDS; s++) {
		assert_int_equal(diaries[s].entries, TASKS);
		assert_int_equal(diaries[s].disorder, 0);
		assert_int_equal(diaries[s].overlaps, 0);
	}
}

static void test_pool__strands_work_on_where_the_pool_takes_no_more(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(1, 1);
	struct viva_strand *strand = NULL;
	assert_ok(viva_strand_create(pool, 16, &strand));
	struct gate gate;
	gate_init(&gate);
	atomic_int count = 0;
	assert_ok(viva_strand_submit(strand, pass_gate, &gate));
	sem_wait(&gate.entered);
	for (int i = 0; i < 15; i++)
		assert_ok(viva_strand_submit(strand, count_up, &count));
	assert_ok(viva_pool_submit(pool, count_up, &count));  // the pool's one place is taken
	sem_post(&gate.open);
	viva_strand_destroy(strand);
	viva_pool_destroy(pool);
	assert_int_equal(count, 16);
}

static void test_pool__a_full_strand_refuses_while_others_take(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(1, 8);
	struct viva_strand *full = NULL, *other = NULL;
	assert_ok(viva_strand_create(pool, 1, &full));
	assert_ok(viva_strand_create(pool, 1, &other));
	struct gate gate;
	gate_init(&gate);
	atomic_int count = 0;
	assert_ok(viva_strand_submit(full, pass_gate, &gate));
	sem_wait(&gate.entered);
	assert_ok(viva_strand_submit(full, count_up, &count));
	assert_error(viva_strand_submit(full, count_up, &count), VIVA_EOVERLOAD);
	assert_ok(viva_strand_submit(other, count_up, &count));
	sem_post(&gate.open);
	viva_strand_destroy(full);
	viva_strand_destroy(other);
	viva_pool_destroy(pool);
	assert_int_equal(count, 2);
}

static void destroy_own_strand(void *context)
{
	viva_strand_destroy(*(struct viva_strand **)context);
}

static void test_pool__a_strand_may_be_given_up_by_its_own_task(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(2, 8);
	struct viva_strand *strand = NULL;
	assert_ok(viva_strand_create(pool, 4, &strand));
	assert_ok(viva_strand_submit(strand, destroy_own_strand, &strand));
	viva_pool_destroy(pool);
}

struct hammer {
	struct viva_strand *strand;
	atomic_int *ran;
	int accepted;
};

static void *submit_many(void *context)
{
	struct hammer *hammer = context;
	for (int i = 0; i < 2000; i++)
		hammer->accepted += viva_strand_submit(hammer->strand, count_up, hammer->ran) == 0;
	return NULL;
}

static void test_pool__submitters_from_many_threads_lose_nothing(void **state)
{
	(void)state;
	struct viva_pool *pool = pool_of(2, 4);
	struct viva_strand *strand = NULL;
	assert_ok(viva_strand_create(pool, 32, &strand));
	atomic_int ran = 0;
	struct hammer hammers[4];
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) {
		hammers[i] = (struct hammer){.strand = strand, .ran = &ran};
		assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &hammers[i]), 0);
	}
	int accepted = 0;
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		accepted += hammers[i].accepted;
	}
	viva_strand_destroy(strand);
	viva_pool_destroy(pool);
	assert_int_equal(ran, accepted);
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool__destroy_runs_all_that_was_accepted),
		cmocka_unit_test(test_pool__a_full_pool_refuses_and_says_so),
		cmocka_unit_test(test_pool__a_limit_of_nothing_is_refused),
		cmocka_unit_test(test_pool__a_strands_tasks_run_in_order_and_one_at_a_time),
		cmocka_unit_test(test_pool__strands_work_on_where_the_pool_takes_no_more),
		cmocka_unit_test(test_pool__a_full_strand_refuses_while_others_take),
		cmocka_unit_test(test_pool__a_strand_may_be_given_up_by_its_own_task),
		cmocka_unit_test(test_pool__submitters_from_many_threads_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
