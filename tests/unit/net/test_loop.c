// SPDX-License-Identifier: Apache-2.0
#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>

#include "viva_test.h"

static struct viva_loop *loop;
static int order[8];
static size_t ran;

static int set_up(void **state)
{
	(void)state;
	ran = 0;
	return viva_loop_create(&loop);
}

static int tear_down(void **state)
{
	(void)state;
	loop = viva_loop_destroy(loop);
	return 0;
}

static void note(void *context)
{
	order[ran++] = *(int *)context;
}

static void note_and_stop(void *context)
{
	note(context);
	viva_loop_stop(loop);
}

static int numbers[] = {0, 1, 2, 3};

static void test_loop__runs_posts_in_order_and_those_before_a_stop(void **state)
{
	(void)state;
	assert_ok(viva_loop_post(loop, note, &numbers[0]));
	assert_ok(viva_loop_post(loop, note_and_stop, &numbers[1]));
	assert_ok(viva_loop_post(loop, note, &numbers[2]));
	viva_loop_run(loop);
	assert_int_equal(ran, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(order[i], i);
}

static void test_loop__destroy_runs_what_was_posted_after_the_run(void **state)
{
	(void)state;
	assert_ok(viva_loop_post(loop, note, &numbers[3]));
	loop = viva_loop_destroy(loop);
	assert_int_equal(ran, 1);
	assert_int_equal(order[0], 3);
}

static void *post_from_thread(void *context)
{
	(void)context;
	assert_ok(viva_loop_post(loop, note_and_stop, &numbers[1]));
	return NULL;
}

static void test_loop__takes_posts_from_other_threads(void **state)
{
	(void)state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
	viva_loop_run(loop);
	pthread_join(thread, NULL);
	assert_int_equal(ran, 1);
}

static struct viva_loop_timer *timer;

static void tick(void *context)
{
	note(context);
	if (ran == 3) {
		timer = viva_loop_timer_destroy(timer);
		viva_loop_stop(loop);
	}
}

static void test_loop__a_timer_repeats_until_it_is_destroyed(void **state)
{
	(void)state;
	assert_ok(viva_loop_timer_create(loop, 0, 1, tick, &numbers[0], &timer));
	viva_loop_run(loop);
	assert_int_equal(ran, 3);
	assert_null(timer);
}

static void test_loop__can_run_again_after_a_stop(void **state)
{
	(void)state;
	assert_ok(viva_loop_post(loop, note_and_stop, &numbers[0]));
	viva_loop_run(loop);
	assert_ok(viva_loop_post(loop, note_and_stop, &numbers[1]));
	viva_loop_run(loop);
	assert_int_equal(ran, 2);
}

int main(void)
{
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(test_loop__##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOOP_TEST(runs_posts_in_order_and_those_before_a_stop),
		LOOP_TEST(destroy_runs_what_was_posted_after_the_run),
		LOOP_TEST(takes_posts_from_other_threads),
		LOOP_TEST(a_timer_repeats_until_it_is_destroyed),
		LOOP_TEST(can_run_again_after_a_stop),
	};
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
