// SPDX-License-Identifier: Apache-2.0
//
// A bus of its own for each of the contract's tests, on each backend, and what collects what comes out of it.
//
// Threads: any but set up and tear down.
#ifndef VIVA_TEST_BUS_FIXTURE_H
#define VIVA_TEST_BUS_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "bus/bus.h"
#include "viva_test.h"

struct bus_fixture {
	char directory[64];
	char url[256];
	struct viva_arena *arena;
};

// Short pauses, two partitions.
struct viva_bus_options bus_fixture_options(const struct bus_fixture *fixture);
struct viva_bus *bus_fixture_open_with(const struct viva_bus_options *options);
struct viva_bus *bus_fixture_open(const struct bus_fixture *fixture);

// A message with the body "NUMBER" of a session. Its texts are the thread's until it made 64 more.
struct viva_bus_message bus_fixture_message(const char *routing_key, const char *session_id, int number);
// Publishes it, and asserts success.
void bus_fixture_publish(struct viva_bus *bus, const char *routing_key, const char *session_id, int number);
void bus_fixture_publish_many(struct viva_bus *bus, const char *routing_key, const char *session_id, int first,
			      int count);

// ---- collecting

enum { COLLECTED_MAX = 4096, COLLECTED_BODY = 32 };

struct collected {
	char message_id[64], session_id[64], body[COLLECTED_BODY];
	int number;  // the body as one; −1 if it isn't
	int retries;
	bool is_repeated;
	struct viva_bus_delivery *delivery;  // NULL once settled
};

// Keeps each delivery until told how to settle it, or settles each at once by `decide`.
struct collector {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	enum viva_bus_verdict (*decide)(const struct collected *item);  // NULL: keeps
	size_t count, unsettled, most_unsettled;
	struct collected items[COLLECTED_MAX];
};

struct collector *collector_create(enum viva_bus_verdict (*decide)(const struct collected *item));
struct collector *collector_destroy(struct collector *collector);
VIVA_DEFINE_AUTO(collector)

enum viva_bus_verdict collector_ack(const struct collected *item);
struct viva_bus_consumer *collector_consume(struct collector *collector, struct viva_bus *bus,
					    enum viva_bus_queue queue, size_t prefetch);
// How many came until now.
size_t collector_count(struct collector *collector);
// Returns once `count` came in all; fails the test when none comes for long.
void collector_wait(struct collector *collector, size_t count);
// Settles what was kept as number `index`.
void collector_settle(struct collector *collector, size_t index, enum viva_bus_verdict verdict, const char *reason);
// Settles all that is kept.
void collector_settle_rest(struct collector *collector, enum viva_bus_verdict verdict);

// ---- looking

// Waits until the queue's status is as wanted; −1 = whatever.
void bus_fixture_wait_for_queue(struct viva_bus *bus, const char *name, int64_t waiting, int64_t unsettled,
				int64_t consumers);
// Waits until that many dead letters are there.
void bus_fixture_wait_for_dead_letters(struct viva_bus *bus, size_t count);

// ---- backends

// The suite is compiled once per backend.
#ifdef VIVA_TEST_ON_RABBITMQ
#define BUS_BACKEND "rabbitmq"
#else
#define BUS_BACKEND "sqlite"
#endif
int bus_fixture_set_up(void **state);
int bus_fixture_tear_down(void **state);
// False, with a word for meson, where the backend's server is not there: then the whole suite is skipped.
bool bus_fixture_is_there(void);
#define RUN_ON_BUS(tests)                                                                                              \
	(bus_fixture_is_there() ? cmocka_run_group_tests_name("bus/" BUS_BACKEND, tests, NULL, NULL) : 0)
#define ON_BUS(test) cmocka_unit_test_setup_teardown(test, bus_fixture_set_up, bus_fixture_tear_down)

#endif
