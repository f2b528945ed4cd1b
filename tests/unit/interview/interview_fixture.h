// SPDX-License-Identifier: Apache-2.0
//
// An interview service without its process: store and bus in a directory of its own, a clock that stands still (but for
// the bus, which waits for real), and other services that can't be reached.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_INTERVIEW_FIXTURE_H
#define VIVA_TEST_INTERVIEW_FIXTURE_H

#include <limits.h>

#include "interview/answers.h"
#include "interview/context.h"
#include "interview/start.h"
#include "service/tuning.h"
#include "viva_test.h"

struct interview_fixture {
	char directory[PATH_MAX];
	struct fake_clock clock;
	struct viva_config *config;
	struct viva_tuning tuning;
	struct viva_arena *arena;
	struct interview_service service;
};

int interview_fixture_set_up(void **state);
int interview_fixture_tear_down(void **state);

// Another instance on the same store, bus and clock; finished before the fixture.
void interview_fixture_init_instance(struct interview_fixture *fixture, struct interview_service *ret_service);
void interview_fixture_finish_instance(struct interview_service *service);

// Waits for the next message of a queue and acknowledges it; it lives in the arena.
const struct viva_bus_message *interview_fixture_take(struct interview_fixture *fixture, enum viva_bus_queue queue);
// How many messages wait in a queue, once the outbox is empty.
int64_t interview_fixture_waiting(struct interview_fixture *fixture, enum viva_bus_queue queue);

// Starts an interview of so many questions with a JSON text like {"user_id":"u"}; gives its id, in the arena.
const char *interview_fixture_start(struct interview_fixture *fixture, const char *body);
struct interview_record interview_fixture_load(struct interview_fixture *fixture, const char *id);
// Answers the open question with these words; gives what interview_answer returned.
int interview_fixture_answer(struct interview_fixture *fixture, const char *id, const char *words,
			     struct interview_answer_result *ret_result);
int64_t interview_fixture_count(struct interview_fixture *fixture, const char *sql);

#endif
