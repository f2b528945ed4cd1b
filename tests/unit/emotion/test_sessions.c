// SPDX-License-Identifier: Apache-2.0
#include "emotion/sessions.h"

#include <pthread.h>
#include <stdio.h>

#include "viva_test.h"

static struct fake_clock fake;

static struct emotion_sessions *make_sessions(size_t max_sessions, size_t max_waiting)
{
	fake_clock_init(&fake);
	struct emotion_sessions_options options = emotion_sessions_defaults();
	options.max_sessions = max_sessions;
	options.max_idle_ms = 1000;
	options.max_waiting = max_waiting;
	options.clock = &fake.clock;
	struct emotion_sessions *sessions = NULL;
	assert_ok(emotion_sessions_create(&options, &sessions));
	return sessions;
}

static struct emotion_session *checkout(struct emotion_sessions *sessions, const char *id)
{
	struct emotion_session *session = NULL;
	assert_ok(emotion_sessions_checkout(sessions, id, &session, NULL));
	return session;
}

// Gives the face count that a session remembers, and sets it.
static int32_t visit(struct emotion_sessions *sessions, const char *id, int32_t next)
{
	struct emotion_session *session = checkout(sessions, id);
	int32_t found = session->tracker.face_count;
	session->tracker.face_count = next;
	emotion_sessions_checkin(sessions, session);
	return found;
}

static void test_sessions__what_is_checked_in_is_found_again(void **state)
{
	(void)state;
	struct emotion_sessions *sessions = make_sessions(100, 4);
	char id[16];
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "session-%d", i);
		assert_int_equal(visit(sessions, id, i + 1), 0);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "session-%d", i);
		assert_int_equal(visit(sessions, id, 0), i + 1);
	}
	assert_int_equal(emotion_sessions_count(sessions), 100);
	emotion_sessions_destroy(sessions);
}

static void test_sessions__beyond_the_limit_the_one_used_longest_ago_is_forgotten(void **state)
{
	(void)state;
	struct emotion_sessions *sessions = make_sessions(2, 4);
	visit(sessions, "a", 1);
	visit(sessions, "b", 2);
	visit(sessions, "a", 1);
	visit(sessions, "c", 3);
	assert_int_equal(emotion_sessions_count(sessions), 2);
	assert_int_equal(visit(sessions, "a", 1), 1);
	assert_int_equal(visit(sessions, "b", 2), 0);
	emotion_sessions_destroy(sessions);
}

static void test_sessions__an_idle_one_expires(void **state)
{
	(void)state;
	struct emotion_sessions *sessions = make_sessions(10, 4);
	visit(sessions, "a", 1);
	fake_clock_advance_ms(&fake, 1000);
	assert_int_equal(visit(sessions, "a", 1), 1);
	fake_clock_advance_ms(&fake, 1001);
	assert_int_equal(visit(sessions, "a", 1), 0);
	visit(sessions, "b", 1);
	fake_clock_advance_ms(&fake, 1001);
	visit(sessions, "c", 1);
	assert_int_equal(emotion_sessions_count(sessions), 1);
	emotion_sessions_destroy(sessions);
}

static void test_sessions__one_in_work_is_never_forgotten(void **state)
{
	(void)state;
	struct emotion_sessions *sessions = make_sessions(1, 4);
	struct emotion_session *session = checkout(sessions, "a"), *other = NULL;
	fake_clock_advance_ms(&fake, 5000);
	assert_error(emotion_sessions_checkout(sessions, "b", &other, NULL), VIVA_EOVERLOAD);
	session->tracker.face_count = 7;
	emotion_sessions_checkin(sessions, session);
	visit(sessions, "b", 1);
	assert_int_equal(visit(sessions, "a", 0), 0);
	emotion_sessions_destroy(sessions);
}

struct visitor {
	struct emotion_sessions *sessions;
	int32_t *value;  // unguarded on purpose: the check-out must guard it
	int refused;
};

static void *visit_often(void *context)
{
	struct visitor *visitor = context;
	for (int i = 0; i < 500; i++) {
		struct emotion_session *session = NULL;
		if (emotion_sessions_checkout(visitor->sessions, "shared", &session, NULL) != 0) {
			visitor->refused++;
			continue;
		}
		++*visitor->value;
		emotion_sessions_checkin(visitor->sessions, session);
	}
	return NULL;
}

static int32_t race(size_t max_waiting, int *ret_refused)
{
	enum { THREADS = 4 };
	struct emotion_sessions *sessions = make_sessions(4, max_waiting);
	int32_t value = 0;
	pthread_t threads[THREADS];
	struct visitor visitors[THREADS];
	*ret_refused = 0;
	for (int i = 0; i < THREADS; i++) {
		visitors[i] = (struct visitor){.sessions = sessions, .value = &value};
		assert_int_equal(pthread_create(&threads[i], NULL, visit_often, &visitors[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		*ret_refused += visitors[i].refused;
	}
	emotion_sessions_destroy(sessions);
	return value;
}

static void test_sessions__frames_of_one_session_take_turns(void **state)
{
	(void)state;
	int refused;
	assert_int_equal(race(16, &refused), 2000);
	assert_int_equal(refused, 0);
	int32_t done = race(1, &refused);
	assert_int_equal(done + refused, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions__what_is_checked_in_is_found_again),
		cmocka_unit_test(test_sessions__beyond_the_limit_the_one_used_longest_ago_is_forgotten),
		cmocka_unit_test(test_sessions__an_idle_one_expires),
		cmocka_unit_test(test_sessions__one_in_work_is_never_forgotten),
		cmocka_unit_test(test_sessions__frames_of_one_session_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
