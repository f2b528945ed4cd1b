// SPDX-License-Identifier: Apache-2.0
//
// A scoring service without its process: the real models, a store and an embedded bus in a folder of its own, a clock
// that stands still, and an ear for ScoreCalculated.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_SCORING_FIXTURE_H
#define VIVA_TEST_SCORING_FIXTURE_H

#include <limits.h>

#include "bus_probe.h"
#include "scoring/session.h"
#include "store_place.h"
#include "viva_test.h"

struct scoring_fixture {
	struct scoring_service service;
	struct bus_probe probe;
	struct fake_clock clock;
	char directory[PATH_MAX];
	struct store_place place;  // of the service's store
	struct viva_arena *arena;  // of the test
};
extern struct scoring_fixture scoring_fixture;

// Of a group of tests.
int scoring_fixture_open(void **state);
int scoring_fixture_close(void **state);
// Of each test: an arena of its own, and the default weights.
int scoring_fixture_begin(void **state);
int scoring_fixture_end(void **state);

// Messages in the arena.
char *scoring_fixture_copy(const char *text);
Scoring__ScoreRequest *scoring_fixture_request(const char *session_id);
Scoring__Answer *scoring_fixture_answer(Scoring__ScoreRequest *request, const char *key, const char *transcript);
void scoring_fixture_emotion(Scoring__ScoreRequest *request, const char *emotion);

Scoring__ScoreResponse *scoring_fixture_score(const Scoring__ScoreRequest *request);
Scoring__ScoreResponse *scoring_fixture_score_again(const char *session_id);

#endif
