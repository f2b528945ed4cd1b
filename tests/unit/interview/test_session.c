// SPDX-License-Identifier: Apache-2.0
#include "interview/session.h"

#include "interview/score_request.h"
#include "viva_test.h"

struct fixture {
	struct fake_clock clock;
	struct viva_pool *pool;
	struct interview_sessions *sessions;
};

static struct fixture *set_up(struct fixture *fixture, size_t max_sessions)
{
	fake_clock_init(&fixture->clock);
	struct viva_pool_options options = viva_pool_defaults();
	options.threads = 1;
	assert_ok(viva_pool_create(&options, &fixture->pool));
	struct interview_sessions_options sessions = {.max_sessions = max_sessions,
						      .pool = fixture->pool,
						      .frame_pool = fixture->pool,
						      .clock = &fixture->clock.clock};
	assert_ok(interview_sessions_create(&sessions, &fixture->sessions));
	return fixture;
}

static void tear_down(struct fixture *fixture)
{
	interview_sessions_destroy(fixture->sessions);
	viva_pool_destroy(fixture->pool);
}

static struct interview_session *get(struct fixture *fixture, const char *id)
{
	struct interview_session *session = NULL;
	assert_ok(interview_session_get(fixture->sessions, id, &session, NULL));
	return session;
}

static bool is_remembered(struct fixture *fixture, const char *id)
{
	struct interview_session *session = interview_session_find(fixture->sessions, id);
	interview_session_unref(session);
	return session != NULL;
}

static void test_session__the_same_interview_is_the_same_session(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *one = get(&fixture, "0198c9a1-aaaa-7000-8000-000000000001");
	struct interview_session *same = get(&fixture, "0198C9A1-AAAA-7000-8000-000000000001");
	assert_ptr_equal(one, same);
	assert_int_equal(interview_sessions_count(fixture.sessions), 1);
	interview_session_unref(one);
	interview_session_unref(same);
	tear_down(&fixture);
}

static void test_session__a_full_cache_forgets_what_was_used_longest_ago(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 2);
	interview_session_unref(get(&fixture, "a"));
	interview_session_unref(get(&fixture, "b"));
	interview_session_unref(get(&fixture, "a"));  // now b is the oldest
	interview_session_unref(get(&fixture, "c"));
	assert_true(is_remembered(&fixture, "a"));
	assert_false(is_remembered(&fixture, "b"));
	assert_true(is_remembered(&fixture, "c"));
	tear_down(&fixture);
}

static void test_session__one_that_is_held_is_not_forgotten_and_a_cache_of_those_is_full(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 2);
	struct interview_session *a = get(&fixture, "a");
	struct interview_session *b = get(&fixture, "b");
	struct interview_session *c = NULL;
	assert_error(interview_session_get(fixture.sessions, "c", &c, NULL), VIVA_EOVERLOAD);
	assert_null(c);
	interview_session_unref(a);
	c = get(&fixture, "c");
	assert_false(is_remembered(&fixture, "a"));
	assert_true(is_remembered(&fixture, "b"));
	interview_session_unref(b);
	interview_session_unref(c);
	tear_down(&fixture);
}

static void test_session__a_forgotten_one_lives_as_long_as_somebody_holds_it(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *old = get(&fixture, "a");
	interview_session_forget(old);
	interview_session_forget(old);  // a second time changes nothing
	assert_false(is_remembered(&fixture, "a"));
	struct interview_session *fresh = get(&fixture, "a");
	assert_ptr_not_equal(old, fresh);
	assert_string_equal(old->id, "a");
	interview_session_unref(old);
	interview_session_unref(fresh);
	tear_down(&fixture);
}

static void test_session__has_places_for_so_many_sockets_and_no_more(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *session = get(&fixture, "a");
	for (int i = 0; i < INTERVIEW_MAX_SOCKETS; i++)
		assert_ok(interview_session_reserve_socket(session, NULL));
	assert_error(interview_session_reserve_socket(session, NULL), VIVA_ERATE);
	interview_session_detach(session, NULL);  // one that died before it opened
	assert_ok(interview_session_reserve_socket(session, NULL));
	interview_session_unref(session);
	tear_down(&fixture);
}

static void test_session__takes_so_many_messages_a_second_and_tells_the_excess_now_and_then(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *session = get(&fixture, "a");
	bool is_to_tell = false;
	for (int i = 0; i < INTERVIEW_MESSAGES_PER_S; i++) {
		assert_true(interview_session_take_message(session, &is_to_tell));
		assert_false(is_to_tell);
	}
	assert_false(interview_session_take_message(session, &is_to_tell));
	assert_true(is_to_tell);
	assert_false(interview_session_take_message(session, &is_to_tell));
	assert_false(is_to_tell);
	fake_clock_advance_ms(&fixture.clock, 1000);
	assert_true(interview_session_take_message(session, &is_to_tell));
	interview_session_unref(session);
	tear_down(&fixture);
}

static void test_session__a_notice_comes_at_once_and_then_every_five_seconds_while_it_lasts(void **state)
{
	(void)state;
	struct interview_notice notice = {0};
	assert_false(interview_notice_due(&notice, false, 1000));
	assert_true(interview_notice_due(&notice, true, 1000));
	assert_false(interview_notice_due(&notice, true, 5999));
	assert_true(interview_notice_due(&notice, true, 6000));
	assert_false(interview_notice_due(&notice, true, 6001));
	assert_false(interview_notice_due(&notice, false, 6002));
	assert_true(interview_notice_due(&notice, true, 6003));  // it is another one
}

static void test_session__a_hint_comes_at_once_and_no_two_within_two_seconds(void **state)
{
	(void)state;
	struct interview_hint_notice notice = {0};
	assert_true(interview_hint_due(&notice, "too_dark", 1000));
	assert_false(interview_hint_due(&notice, "too_dark", 5999));
	assert_true(interview_hint_due(&notice, "too_dark", 6000));
	assert_false(interview_hint_due(&notice, "too_blurred", 7999));
	assert_true(interview_hint_due(&notice, "too_blurred", 8000));
	int told = 0;
	for (int64_t now_ms = 20000; now_ms < 30000; now_ms += 40)
		told += interview_hint_due(&notice, now_ms % 80 ? "too_dark" : "too_blurred", now_ms);
	assert_in_range(told, 4, 5);
}

static void test_session__the_newest_frame_is_that_of_the_latest_time(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *session = get(&fixture, "a");
	assert_true(interview_session_note_time(session, 1000));
	assert_true(interview_session_note_time(session, 2000));
	assert_false(interview_session_note_time(session, 1500));
	assert_true(interview_session_note_time(session, 2000));
	interview_session_unref(session);
	tear_down(&fixture);
}

static void test_session__remembers_the_last_frames_that_fell_into_the_queue_and_gives_each_once(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *session = get(&fixture, "a");
	assert_false(interview_session_take_fallen(session, 0));
	for (int64_t number = 1; number <= INTERVIEW_MAX_FALLEN + 1; number++)
		interview_session_note_fallen(session, number);
	assert_false(interview_session_take_fallen(session, 1));  // the oldest made room
	assert_true(interview_session_take_fallen(session, 2));
	assert_false(interview_session_take_fallen(session, 2));
	assert_true(interview_session_take_fallen(session, INTERVIEW_MAX_FALLEN + 1));
	interview_session_unref(session);
	tear_down(&fixture);
}

static void test_session__without_sockets_nobody_is_told_a_score(void **state)
{
	(void)state;
	struct fixture fixture;
	set_up(&fixture, 10);
	struct interview_session *session = get(&fixture, "a");
	assert_false(interview_session_has_sockets(session));
	interview_session_welcome(session, NULL);
	assert_false(interview_session_is_heard(session));
	assert_int_equal(interview_session_tell_score(session, "{}"), 0);
	interview_session_unref(session);
	tear_down(&fixture);
}

static void test_session__a_long_timeline_is_thinned_out_evenly(void **state)
{
	(void)state;
	static struct interview_emotions emotions;
	interview_emotions_init(&emotions);
	enum { ROWS = 50000 };
	for (int i = 0; i < ROWS; i++) {
		Scoring__EmotionData row = SCORING__EMOTION_DATA__INIT;
		row.timestamp = i;
		interview_emotions_add(&emotions, &row);
	}
	assert_int_equal(emotions.stride, 16);
	assert_int_equal(emotions.count, ROWS / 16);
	for (size_t i = 0; i < emotions.count; i++)
		assert_int_equal(emotions.rows[i].timestamp, 16 * i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session__the_same_interview_is_the_same_session),
		cmocka_unit_test(test_session__a_full_cache_forgets_what_was_used_longest_ago),
		cmocka_unit_test(test_session__one_that_is_held_is_not_forgotten_and_a_cache_of_those_is_full),
		cmocka_unit_test(test_session__a_forgotten_one_lives_as_long_as_somebody_holds_it),
		cmocka_unit_test(test_session__has_places_for_so_many_sockets_and_no_more),
		cmocka_unit_test(test_session__takes_so_many_messages_a_second_and_tells_the_excess_now_and_then),
		cmocka_unit_test(test_session__a_notice_comes_at_once_and_then_every_five_seconds_while_it_lasts),
		cmocka_unit_test(test_session__a_hint_comes_at_once_and_no_two_within_two_seconds),
		cmocka_unit_test(test_session__the_newest_frame_is_that_of_the_latest_time),
		cmocka_unit_test(test_session__remembers_the_last_frames_that_fell_into_the_queue_and_gives_each_once),
		cmocka_unit_test(test_session__without_sockets_nobody_is_told_a_score),
		cmocka_unit_test(test_session__a_long_timeline_is_thinned_out_evenly),
	};
	return cmocka_run_group_tests_name("interview/session", tests, NULL, NULL);
}
