// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_peers.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "viva_test.h"

enum { PARTITIONS = 8 };

static struct fake_clock the_clock;
static char directory[PATH_MAX - 16], path[PATH_MAX];

static int set_up(void **state)
{
	(void)state;
	fake_clock_init(&the_clock);
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/bus-peers", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	remove_test_directory(directory);
	return 0;
}

static struct viva_peers *open_peers(void)
{
	struct viva_peers *peers = NULL;
	assert_ok(viva_peers_open(path, &the_clock.clock, &peers, NULL));
	return peers;
}

static struct viva_peers *join(int64_t token)
{
	struct viva_peers *peers = open_peers();
	assert_ok(viva_peers_join(peers, token, PARTITIONS, NULL));
	return peers;
}

static const struct viva_peer_news frames = {.queues = 1 << VIVA_QUEUE_EMOTION_FRAMES, .partitions = 1 << 5};

static void test_peers__those_who_wait_for_it_hear_of_it(void **state)
{
	(void)state;
	struct viva_peers *consumer = join(1), *other = join(2), *publisher = open_peers();
	viva_peers_consume(consumer, VIVA_QUEUE_EMOTION_FRAMES, 1);
	viva_peers_consume(other, VIVA_QUEUE_WORKER_SCORES, 1);
	viva_peers_tell(publisher, &frames);
	struct viva_peer_news news = viva_peers_take_news(consumer);
	assert_int_equal(news.queues, frames.queues);
	assert_int_equal(news.partitions, frames.partitions);
	assert_int_equal(news.keys, 0);
	assert_int_equal(viva_peers_take_news(consumer).queues, 0);
	assert_int_equal(viva_peers_take_news(other).queues, 0);

	viva_peers_consume(consumer, VIVA_QUEUE_EMOTION_FRAMES, -1);
	viva_peers_tell(publisher, &frames);
	assert_int_equal(viva_peers_take_news(consumer).queues, 0);
	viva_peers_destroy(publisher);
	viva_peers_destroy(other);
	viva_peers_destroy(consumer);
}

static void test_peers__listeners_are_known_while_they_live(void **state)
{
	(void)state;
	const struct viva_peer_news news = {.keys = 1 << VIVA_QUEUE_WORKER_SCORES};
	struct viva_peers *listener = join(1), *publisher = open_peers();
	assert_int_equal(viva_peers_listened(publisher), 0);
	viva_peers_listen(listener, VIVA_QUEUE_WORKER_SCORES, 1);
	assert_int_equal(viva_peers_listened(publisher), 1 << VIVA_QUEUE_WORKER_SCORES);
	assert_int_equal(viva_peers_listened(listener), 1 << VIVA_QUEUE_WORKER_SCORES);
	viva_peers_tell(publisher, &news);
	assert_int_equal(viva_peers_take_news(listener).keys, news.keys);
	viva_peers_destroy(listener);
	assert_int_equal(viva_peers_listened(publisher), 0);
	viva_peers_destroy(publisher);
}

static void *wait_for_word(void *context)
{
	struct viva_peers *peers = context;
	uint32_t ticket = viva_peers_ticket(peers);
	while (viva_peers_take_news(peers).queues == 0) {
		viva_peers_wait(peers, ticket, INT64_C(3600) * 1000000);
		ticket = viva_peers_ticket(peers);
	}
	return peers;
}

static void test_peers__a_word_ends_the_wait(void **state)
{
	(void)state;
	struct viva_peers *consumer = join(1), *publisher = open_peers();
	viva_peers_consume(consumer, VIVA_QUEUE_EMOTION_FRAMES, 1);
	for (int round = 0; round < 50; round++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, wait_for_word, consumer), 0);
		viva_peers_tell(publisher, &frames);
		pthread_join(thread, NULL);
	}
	viva_peers_destroy(publisher);
	viva_peers_destroy(consumer);
}

static void test_peers__what_was_told_before_the_wait_ends_it_too(void **state)
{
	(void)state;
	struct viva_peers *peers = join(1);
	uint32_t ticket = viva_peers_ticket(peers);
	viva_peers_wake(peers);
	viva_peers_wait(peers, ticket, INT64_C(3600) * 1000000);
	viva_peers_destroy(peers);
}

static pid_t start_process(int64_t token)
{
	int ends[2];
	char byte;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		join(token);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return child;
}

static void test_peers__a_killed_process_is_known_to_be_dead(void **state)
{
	(void)state;
	pid_t child = start_process(77);
	struct viva_peers *peers = join(1);
	assert_true(viva_peers_is_alive(peers, 77));
	assert_true(viva_peers_is_alive(peers, 1));
	assert_false(viva_peers_is_alive(peers, 78));
	assert_false(viva_peers_has_lost_any(peers));
	assert_false(viva_peers_has_lost_any(peers));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(viva_peers_is_alive(peers, 77));
	assert_true(viva_peers_has_lost_any(peers));
	assert_false(viva_peers_has_lost_any(peers));
	viva_peers_destroy(peers);
}

static void test_peers__one_whose_place_was_taken_is_lost_as_well(void **state)
{
	(void)state;
	struct viva_peers *peers = join(1), *leaving = join(2);
	assert_false(viva_peers_has_lost_any(peers));
	viva_peers_destroy(leaving);
	struct viva_peers *next = join(3);
	assert_true(viva_peers_has_lost_any(peers));
	assert_true(viva_peers_is_alive(peers, 3));
	assert_false(viva_peers_is_alive(peers, 2));
	viva_peers_destroy(next);
	viva_peers_destroy(peers);
}

static void test_peers__one_that_does_nothing_loses_its_lease(void **state)
{
	(void)state;
	struct viva_peers *peers = join(1), *stuck = join(2);
	assert_false(viva_peers_has_lost_any(peers));
	fake_clock_advance_ms(&the_clock, VIVA_PEERS_LEASE_MS - 1);
	assert_true(viva_peers_is_alive(peers, 2));
	fake_clock_advance_ms(&the_clock, 1);
	assert_false(viva_peers_is_alive(peers, 2));
	assert_true(viva_peers_has_lost_any(peers));
	// It was only slow, and comes back.
	viva_peers_wait(stuck, viva_peers_ticket(stuck), 0);
	assert_true(viva_peers_is_alive(peers, 2));
	viva_peers_destroy(stuck);
	viva_peers_destroy(peers);
}

static void test_peers__an_observer_that_slept_does_not_blame_the_others(void **state)
{
	(void)state;
	struct viva_peers *peers = join(1), *other = join(2);
	assert_false(viva_peers_has_lost_any(peers));
	fake_clock_advance_ms(&the_clock, 10 * VIVA_PEERS_LEASE_MS);
	viva_peers_wait(other, viva_peers_ticket(other), 0);
	assert_false(viva_peers_has_lost_any(peers));
	viva_peers_destroy(other);
	viva_peers_destroy(peers);
}

static void test_peers__consumers_are_those_of_the_living(void **state)
{
	(void)state;
	struct viva_peers *first = join(1), *second = join(2), *observer = open_peers();
	viva_peers_consume(first, VIVA_QUEUE_WORKER_SCORES, 1);
	viva_peers_consume(first, VIVA_QUEUE_WORKER_SCORES, 1);
	viva_peers_consume(second, VIVA_QUEUE_WORKER_SCORES, 1);
	assert_int_equal(viva_peers_consumers(observer, VIVA_QUEUE_WORKER_SCORES), 3);
	assert_int_equal(viva_peers_consumers(observer, VIVA_QUEUE_WORKER_FRAMES), 0);
	viva_peers_destroy(first);
	assert_int_equal(viva_peers_consumers(observer, VIVA_QUEUE_WORKER_SCORES), 1);
	viva_peers_destroy(second);
	viva_peers_destroy(observer);
}

static void test_peers__all_have_the_same_number_of_partitions(void **state)
{
	(void)state;
	struct viva_error error = {0};
	struct viva_peers *peers = join(1), *other = open_peers();
	assert_error(viva_peers_check_partitions(other, PARTITIONS + 1, NULL), VIVA_EINVAL);
	assert_error(viva_peers_join(other, 2, PARTITIONS + 1, &error), VIVA_EINVAL);
	assert_string_equal(error.field, "frame-partitions");
	assert_false(viva_peers_is_alive(peers, 2));
	viva_peers_destroy(peers);
	assert_ok(viva_peers_join(other, 2, PARTITIONS + 1, NULL));
	viva_peers_destroy(other);
}

static void test_peers__there_is_a_place_for_64_and_no_more(void **state)
{
	(void)state;
	struct viva_peers *peers[VIVA_PEERS_MAX];
	for (int i = 0; i < VIVA_PEERS_MAX; i++)
		peers[i] = join(i + 1);
	struct viva_peers *late = open_peers();
	assert_error(viva_peers_join(late, 99, PARTITIONS, NULL), VIVA_EINTERNAL);
	viva_peers_leave(peers[40]);
	assert_ok(viva_peers_join(late, 99, PARTITIONS, NULL));
	viva_peers_destroy(late);
	for (int i = 0; i < VIVA_PEERS_MAX; i++)
		viva_peers_destroy(peers[i]);
}

static void test_peers__a_file_that_is_something_else_is_left_alone(void **state)
{
	(void)state;
	struct viva_peers *peers = NULL;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("something else", file);
	fclose(file);
	assert_error(viva_peers_open(path, &the_clock.clock, &peers, NULL), VIVA_EIO);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 14);
	// One of the right size, but of another layout.
	assert_int_equal(unlink(path), 0);
	peers = open_peers();
	viva_peers_destroy(peers);
	file = fopen(path, "r+");
	assert_non_null(file);
	fputs("VERSION9", file);
	fclose(file);
	assert_error(viva_peers_open(path, &the_clock.clock, &peers, NULL), VIVA_EIO);
}

static void test_peers__the_file_is_for_its_owner_only(void **state)
{
	(void)state;
	struct stat status;
	viva_peers_destroy(open_peers());
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_peers__no_file_and_no_memory_are_told(void **state)
{
	(void)state;
	struct viva_peers *peers = NULL;
	assert_error(viva_peers_open("/nowhere/at/all", &the_clock.clock, &peers, NULL), VIVA_EIO);
	fail_next_allocation(0);
	assert_error(viva_peers_open(path, &the_clock.clock, &peers, NULL), VIVA_ENOMEM);
	assert_null(peers);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		// Forks, so before any thread.
		WITH_FILE(test_peers__a_killed_process_is_known_to_be_dead),
		WITH_FILE(test_peers__those_who_wait_for_it_hear_of_it),
		WITH_FILE(test_peers__listeners_are_known_while_they_live),
		WITH_FILE(test_peers__a_word_ends_the_wait),
		WITH_FILE(test_peers__what_was_told_before_the_wait_ends_it_too),
		WITH_FILE(test_peers__one_whose_place_was_taken_is_lost_as_well),
		WITH_FILE(test_peers__one_that_does_nothing_loses_its_lease),
		WITH_FILE(test_peers__an_observer_that_slept_does_not_blame_the_others),
		WITH_FILE(test_peers__consumers_are_those_of_the_living),
		WITH_FILE(test_peers__all_have_the_same_number_of_partitions),
		WITH_FILE(test_peers__there_is_a_place_for_64_and_no_more),
		WITH_FILE(test_peers__a_file_that_is_something_else_is_left_alone),
		WITH_FILE(test_peers__the_file_is_for_its_owner_only),
		WITH_FILE(test_peers__no_file_and_no_memory_are_told),
	};
	return cmocka_run_group_tests_name("sqlite_peers", tests, NULL, NULL);
}
