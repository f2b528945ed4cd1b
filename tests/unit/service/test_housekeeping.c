// SPDX-License-Identifier: Apache-2.0
#include "service/housekeeping.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "viva_test.h"

enum { ROUNDS = 3, TICKS = 5 };

static struct viva_loop *loop;
static struct viva_pool *pool;
static struct viva_loop_timer *clock_timer;
static sem_t may_end;
static atomic_int rounds, at_a_time, most_at_a_time;

static int set_up(void **state)
{
	(void)state;
	struct viva_pool_options options = viva_pool_defaults();
	options.threads = 2;  // so that two rounds could run at a time
	assert_ok(viva_loop_create(&loop));
	assert_ok(viva_pool_create(&options, &pool));
	sem_init(&may_end, 0, 0);
	rounds = at_a_time = most_at_a_time = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pool = viva_pool_destroy(pool);
	loop = viva_loop_destroy(loop);
	sem_destroy(&may_end);
	return 0;
}

static void stop_loop(void *context)
{
	(void)context;
	clock_timer = viva_loop_timer_destroy(clock_timer);
	viva_loop_stop(loop);
}

// While a round waits for it the loop goes on, with time for others to begin.
static void tick(void *context)
{
	int *ticks = context;
	if (++*ticks % TICKS == 0)
		sem_post(&may_end);
}

static void round_that_waits(void *context)
{
	(void)context;
	int now = atomic_fetch_add(&at_a_time, 1) + 1;
	if (now > most_at_a_time)
		most_at_a_time = now;
	sem_wait(&may_end);
	atomic_fetch_sub(&at_a_time, 1);
	if (atomic_fetch_add(&rounds, 1) + 1 == ROUNDS && viva_loop_post(loop, stop_loop, NULL) != 0)
		abort();
}

static void test_housekeeping__rounds_follow_each_other_and_none_begins_while_one_runs(void **state)
{
	(void)state;
	int ticks = 0;
	struct viva_housekeeping *housekeeping = NULL;
	const struct viva_service_runtime runtime = {.loop = loop, .pool = pool};
	assert_ok(viva_housekeeping_create(&runtime, 0, 1, round_that_waits, NULL, &housekeeping));
	assert_ok(viva_loop_timer_create(loop, 1, 1, tick, &ticks, &clock_timer));
	viva_loop_run(loop);
	viva_housekeeping_stop(housekeeping);
	for (int i = 0; i < ROUNDS; i++)  // one more may have begun
		sem_post(&may_end);
	pool = viva_pool_destroy(pool);
	assert_in_range(rounds, ROUNDS, ROUNDS + 1);
	assert_int_equal(most_at_a_time, 1);
	assert_null(viva_housekeeping_destroy(housekeeping));
}

static void test_housekeeping__without_memory_there_is_none(void **state)
{
	(void)state;
	struct viva_housekeeping *housekeeping = NULL;
	const struct viva_service_runtime runtime = {.loop = loop, .pool = pool};
	for (unsigned allocation = 0; allocation < 2; allocation++) {
		fail_next_allocation(allocation);
		assert_error(viva_housekeeping_create(&runtime, 0, 1, round_that_waits, NULL, &housekeeping),
			     VIVA_ENOMEM);
	}
	assert_null(viva_housekeeping_destroy(NULL));
	viva_housekeeping_stop(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_housekeeping__rounds_follow_each_other_and_none_begins_while_one_runs),
		TEST(test_housekeeping__without_memory_there_is_none),
	};
	return cmocka_run_group_tests_name("housekeeping", tests, NULL, NULL);
}
