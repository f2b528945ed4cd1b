// SPDX-License-Identifier: Apache-2.0
//
// What only the embedded bus promises: its limits on the disk, what is left in its file, its settings.
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus_fixture.h"
#include "store/store.h"

static const char *path_of(const struct bus_fixture *fixture)
{
	return strchr(fixture->url, ':') + 1;
}

static off_t size_of(const char *path)
{
	struct stat file;
	return stat(path, &file) ? -1 : file.st_size;
}

// ---- limits

static void test_bus_embedded__a_full_bus_refuses_and_goes_on_once_there_is_room(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 4096;
	options.max_stored_bytes = 20000;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	char body[4096] = "1";
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	message.body = viva_bytes_of(body, sizeof body);
	size_t accepted = 0;
	int status = 0;
	struct viva_error error = {0};
	while ((status = viva_bus_publish(bus, &message, 1, INT64_MAX, &error)) == 0)
		accepted++;
	assert_int_equal(status, VIVA_EOVERLOAD);
	assert_non_null(strstr(error.message, "full"));
	assert_int_equal(accepted, 4);
	bus_fixture_wait_for_queue(bus, "worker.scores", 4, 0, 0);

	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, accepted);
	viva_bus_consumer_destroy(consumer);
	for (size_t i = 0; i < accepted; i++)
		assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	assert_error(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL), VIVA_EOVERLOAD);
}

static void test_bus_embedded__a_bus_full_of_frames_still_takes_those_that_are_passed_on(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 4096;
	options.max_stored_bytes = 20000;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	char body[4096] = "1";
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_FRAME_CAPTURED, "s", 0);
	message.body = viva_bytes_of(body, sizeof body);
	while (viva_bus_publish(bus, &message, 1, INT64_MAX, NULL) == 0)
		;
	message.routing_key = VIVA_KEY_FRAME_ACCEPTED;
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	size_t beyond = 1;
	while (viva_bus_publish(bus, &message, 1, INT64_MAX, NULL) == 0)
		beyond++;
	assert_true(beyond <= 2);
	message.routing_key = VIVA_KEY_FRAME_CAPTURED;
	assert_error(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL), VIVA_EOVERLOAD);
}

static enum viva_bus_verdict bury(const struct collected *item)
{
	(void)item;
	return VIVA_BUS_DEAD;
}

static enum viva_bus_dead_letter_action drop(const struct viva_bus_dead_letter *letter, void *context)
{
	(void)letter, (void)context;
	return VIVA_BUS_DROP;
}

static void test_bus_embedded__dead_letters_take_room_until_they_are_dropped(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.max_message_bytes = 1000;
	options.max_unconfirmed_bytes = 1000;
	options.max_stored_bytes = 1000;
	VIVA_AUTO(collector) collector = collector_create(bury);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 1);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	bus_fixture_wait_for_dead_letters(bus, 1);
	viva_bus_consumer_destroy(consumer);
	assert_error(viva_bus_ping(bus, NULL), VIVA_EOVERLOAD);
	size_t count = 0;
	assert_ok(viva_bus_visit_dead_letters(bus, 10, drop, NULL, &count, NULL));
	assert_ok(viva_bus_ping(bus, NULL));
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 1);
}

// A small file system of our own, seen by this process only. False: not permitted here.
static bool mount_small_disk(const char *directory)
{
	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER))
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	return mount("tmpfs", directory, "tmpfs", 0, "size=80m") == 0;
}

// Takes all that is left of the disk.
static void fill_disk(const char *directory)
{
	static char block[1 << 16];
	char path[128];
	snprintf(path, sizeof path, "%s/filler", directory);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	size_t size = sizeof block;
	while (size > 0)
		if (write(fd, block, size) <= 0)
			size /= 2;
	close(fd);
}

static void free_disk(const char *directory)
{
	char path[128];
	snprintf(path, sizeof path, "%s/filler", directory);
	unlink(path);
}

// In a process of its own: cmocka's assertions end it with a status that the parent looks at.
static void use_small_disk(const struct bus_fixture *fixture)
{
	if (!mount_small_disk(fixture->directory))
		_exit(77);
	struct collector *collector = collector_create(collector_ack);
	struct viva_bus *bus = bus_fixture_open(fixture);
	static char body[256 << 10];
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	message.body = viva_bytes_of(body, sizeof body);
	size_t accepted = 0;
	int status = 0;
	for (; !status && accepted < 1000; accepted++) {
		snprintf(body, sizeof body, "%zu", accepted);
		status = viva_bus_publish(bus, &message, 1, INT64_MAX, NULL);
	}
	accepted--;
	// What it keeps free for settling is gone as well, as others may fill the disk.
	fill_disk(fixture->directory);
	bool is_refused = status == VIVA_EOVERLOAD &&
			  viva_bus_publish(bus, &message, 1, INT64_MAX, NULL) == VIVA_EOVERLOAD &&
			  viva_bus_ping(bus, NULL) == VIVA_EOVERLOAD;
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 4);
	free_disk(fixture->directory);
	collector_wait(collector, accepted);
	viva_bus_consumer_destroy(consumer);
	bool is_complete = accepted > 0 && collector->count == accepted;
	for (size_t i = 0; i < accepted && is_complete; i++)
		is_complete = collector->items[i].number == (int)i;
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 0);
	viva_bus_destroy(bus);
	collector_destroy(collector);
	_exit(is_refused && is_complete ? 0 : 1);
}

static void test_bus_embedded__a_full_disk_refuses_and_loses_nothing(void **state)
{
	struct bus_fixture *fixture = *state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		use_small_disk(fixture);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("no file system can be mounted here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

// ---- what is left in the file

static bool files_hold(const char *directory, const char *needle)
{
	char command[256];
	snprintf(command, sizeof command, "grep -rqF '%s' '%s'", needle, directory);
	return system(command) == 0;
}

static void test_bus_embedded__what_was_dealt_with_is_not_readable_in_its_files(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	message.body = viva_bytes_of_text("a-candidate-said-this");
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	assert_true(files_hold(fixture->directory, "a-candidate-said-this"));
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, 1);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 1);
	// Nothing else happens on this bus: its engine cleans up.
	while (files_hold(fixture->directory, "a-candidate-said-this"))
		usleep(10000);
	viva_bus_consumer_destroy(consumer);
}

static void test_bus_embedded__its_file_shrinks_after_a_burst(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { MESSAGES = 400, BODY = 64 << 10 };
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	static char body[BODY];
	struct viva_bus_message message = bus_fixture_message(VIVA_KEY_SCORE_CALCULATED, "s", 0);
	message.body = viva_bytes_of(body, sizeof body);
	for (int i = 0; i < MESSAGES; i++)
		assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	collector_wait(collector, MESSAGES);
	bus_fixture_wait_for_queue(bus, "worker.scores", 0, 0, 1);
	while (size_of(path_of(fixture)) > 8 << 20)
		usleep(10000);
	viva_bus_consumer_destroy(consumer);
}

static void ignore(const struct viva_bus_message *message, void *context)
{
	(void)message, (void)context;
}

// How many rows of the log there are, and how many bytes they are said to have.
static void read_log(const struct bus_fixture *fixture, int64_t *ret_rows, int64_t *ret_bytes)
{
	struct viva_store_options options = viva_store_defaults();
	options.url = fixture->url;
	options.service = "test";
	VIVA_AUTO(viva_store) store = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_store_open(&options, &store, NULL));
	assert_ok(viva_store_query(store, arena, "SELECT (SELECT count(*) FROM bus_log), log_bytes FROM bus_state",
				   NULL, 0, &rows, NULL));
	*ret_rows = viva_rows_int(&rows, 0, 0);
	*ret_bytes = viva_rows_int(&rows, 0, 1);
}

static void test_bus_embedded__what_was_logged_for_listeners_goes_after_a_while(void **state)
{
	struct bus_fixture *fixture = *state;
	const char *const key = VIVA_KEY_SCORE_CALCULATED;
	struct fake_clock clock;
	fake_clock_init(&clock);
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.clock = &clock.clock;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	struct viva_bus_listener *listener = NULL;
	int64_t rows, bytes;
	bus_fixture_publish(bus, key, "s", 1);
	read_log(fixture, &rows, &bytes);
	assert_int_equal(rows, 0);  // nobody listened
	assert_ok(viva_bus_listen(bus, &key, 1, ignore, NULL, &listener, NULL));
	bus_fixture_publish_many(bus, key, "s", 2, 3);
	read_log(fixture, &rows, &bytes);
	assert_int_equal(rows, 3);
	assert_int_equal(bytes, 3 * 513);
	fake_clock_advance_ms(&clock, 3600 * 1000);
	while (rows > 0)
		read_log(fixture, &rows, &bytes);
	assert_int_equal(bytes, 0);
	viva_bus_listener_destroy(listener);
}

// ---- partitions

static void test_bus_embedded__another_number_of_partitions_moves_what_waits(void **state)
{
	struct bus_fixture *fixture = *state;
	enum { SESSIONS = 20, FRAMES = 60 };
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.frame_partitions = 8;
	struct viva_bus *bus = bus_fixture_open_with(&options);
	for (int session = 0; session < SESSIONS; session++) {
		char name[16];
		snprintf(name, sizeof name, "session %d", session);
		bus_fixture_publish_many(bus, VIVA_KEY_FRAME_ACCEPTED, name, 0, FRAMES);
	}
	viva_bus_destroy(bus);
	options.frame_partitions = 3;
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	bus = bus_fixture_open_with(&options);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 8);
	collector_wait(collector, SESSIONS * FRAMES);
	viva_bus_consumer_destroy(consumer);
	viva_bus_destroy(bus);
	int next[SESSIONS] = {0};
	for (size_t i = 0; i < collector->count; i++) {
		int session = atoi(collector->items[i].session_id + 8);
		assert_int_equal(collector->items[i].number, next[session]++);
	}
}

static void test_bus_embedded__all_processes_have_the_same_number_of_partitions(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	VIVA_AUTO(collector) collector = collector_create(collector_ack);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 8);
	options.frame_partitions = 5;
	struct viva_bus *other = NULL;
	struct viva_error error = {0};
	assert_error(viva_bus_open(&options, &other, &error), VIVA_EINVAL);
	assert_string_equal(error.field, "frame-partitions");
	viva_bus_consumer_destroy(consumer);
}

static void test_bus_embedded__an_operator_moves_nothing(void **state)
{
	struct bus_fixture *fixture = *state;
	struct viva_bus_options options = bus_fixture_options(fixture);
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish_many(bus, VIVA_KEY_FRAME_ACCEPTED, "s", 0, 3);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_EMOTION_FRAMES, 8);
	collector_wait(collector, 3);
	options.frame_partitions = 8;
	options.is_operator = true;
	VIVA_AUTO(viva_bus) operators = bus_fixture_open_with(&options);
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	assert_ok(viva_bus_queues(operators, fixture->arena, &queues, &count, NULL));
	assert_int_equal(count, VIVA_QUEUE_COUNT - 1 + 2 + 1);
	bus_fixture_wait_for_queue(operators, viva_bus_partition("s", 2) ? "emotion.frames.1" : "emotion.frames.0", 0,
				   3, 1);
	collector_settle_rest(collector, VIVA_BUS_ACK);
	viva_bus_consumer_destroy(consumer);
}

// ---- opening

static void test_bus_embedded__refuses_paths_that_can_be_no_file(void **state)
{
	struct bus_fixture *fixture = *state;
	const struct {
		const char *url;
		int code;
	} cases[] = {
		{"sqlite:", VIVA_EUSAGE}, {"sqlite:/tmp/", VIVA_EUSAGE}, {"sqlite:/nowhere/at/all/bus.db", VIVA_EIO}};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct viva_bus_options options = bus_fixture_options(fixture);
		struct viva_bus *bus = NULL;
		struct viva_error error = {0};
		options.url = cases[i].url;
		assert_error(viva_bus_open(&options, &bus, &error), cases[i].code);
		assert_string_equal(error.field, "bus-url");
		assert_null(bus);
	}
}

static void test_bus_embedded__its_files_are_for_their_owner_only(void **state)
{
	struct bus_fixture *fixture = *state;
	VIVA_AUTO(viva_bus) bus = bus_fixture_open(fixture);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 1);
	const char *suffixes[] = {"", "-wal", "-shm", "-peers", "-gate"};
	for (size_t i = 0; i < VIVA_COUNT(suffixes); i++) {
		char path[320];
		struct stat file;
		snprintf(path, sizeof path, "%s%s", path_of(fixture), suffixes[i]);
		assert_int_equal(stat(path, &file), 0);
		assert_int_equal(file.st_mode & 0777, 0600);
	}
}

// The pauses of this bus are dated by a clock that stands still.
static void test_bus_embedded__pauses_follow_the_clock_even_when_it_is_set_back(void **state)
{
	struct bus_fixture *fixture = *state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	struct viva_bus_options options = bus_fixture_options(fixture);
	options.clock = &clock.clock;
	options.retry_ms = 60 * 1000;
	options.defer_ms = 60 * 1000;
	VIVA_AUTO(collector) collector = collector_create(NULL);
	VIVA_AUTO(viva_bus) bus = bus_fixture_open_with(&options);
	struct viva_bus_consumer *consumer = collector_consume(collector, bus, VIVA_QUEUE_WORKER_SCORES, 8);
	bus_fixture_publish(bus, VIVA_KEY_SCORE_CALCULATED, "s", 1);
	collector_wait(collector, 1);
	collector_settle(collector, 0, VIVA_BUS_DEFER, NULL);
	bus_fixture_wait_for_queue(bus, "worker.scores", 1, 0, 1);
	fake_clock_advance_ms(&clock, 60 * 1000);
	collector_wait(collector, 2);
	collector_settle(collector, 1, VIVA_BUS_RETRY, "later");
	bus_fixture_wait_for_queue(bus, "worker.scores", 1, 0, 1);
	fake_clock_advance_ms(&clock, 2 * 60 * 1000);
	collector_wait(collector, 3);
	assert_int_equal(collector->items[2].retries, 1);
	collector_settle(collector, 2, VIVA_BUS_DEFER, NULL);
	bus_fixture_wait_for_queue(bus, "worker.scores", 1, 0, 1);
	fake_clock_advance_ms(&clock, -INT64_C(365) * 24 * 3600 * 1000);
	collector_wait(collector, 4);
	collector_settle(collector, 3, VIVA_BUS_ACK, NULL);
	viva_bus_consumer_destroy(consumer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		// Forks, so before any thread.
		ON_BUS(test_bus_embedded__a_full_disk_refuses_and_loses_nothing),
		ON_BUS(test_bus_embedded__a_full_bus_refuses_and_goes_on_once_there_is_room),
		ON_BUS(test_bus_embedded__a_bus_full_of_frames_still_takes_those_that_are_passed_on),
		ON_BUS(test_bus_embedded__dead_letters_take_room_until_they_are_dropped),
		ON_BUS(test_bus_embedded__what_was_dealt_with_is_not_readable_in_its_files),
		ON_BUS(test_bus_embedded__its_file_shrinks_after_a_burst),
		ON_BUS(test_bus_embedded__what_was_logged_for_listeners_goes_after_a_while),
		ON_BUS(test_bus_embedded__another_number_of_partitions_moves_what_waits),
		ON_BUS(test_bus_embedded__all_processes_have_the_same_number_of_partitions),
		ON_BUS(test_bus_embedded__an_operator_moves_nothing),
		ON_BUS(test_bus_embedded__refuses_paths_that_can_be_no_file),
		ON_BUS(test_bus_embedded__its_files_are_for_their_owner_only),
		ON_BUS(test_bus_embedded__pauses_follow_the_clock_even_when_it_is_set_back),
	};
	return cmocka_run_group_tests_name("bus_embedded", tests, NULL, NULL);
}
