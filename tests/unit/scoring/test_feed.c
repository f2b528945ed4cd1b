// SPDX-License-Identifier: Apache-2.0
//
// What the bus tells scoring, on the embedded bus: emotions and erasures.
#include "scoring/feed.h"

#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "scoring/records.h"
#include "scoring/timeline.h"
#include "scoring_fixture.h"

#define arena scoring_fixture.arena
#define probe scoring_fixture.probe

static struct scoring_service *const service = &scoring_fixture.service;

static int start(void **state)
{
	struct scoring_feed_options options = scoring_feed_defaults();
	options.service = service;
	options.linger_ms = 1;
	assert_ok(scoring_feed_create(&options, &service->feed, NULL));
	return scoring_fixture_begin(state);
}

static int stop(void **state)
{
	service->feed = scoring_feed_destroy(service->feed);
	return scoring_fixture_end(state);
}

static void publish(const char *message_id, const char *session_id, int64_t number, int64_t time_ms,
		    const char *emotion)
{
	VIVA_AUTO_JSON metadata = number > 0 ? json_pack("{s:I}", "frame_number", (json_int_t)number) : json_object();
	const struct viva_emotion_analyzed event = {.session_id = session_id,
						    .timestamp_ms = time_ms,
						    .emotion = emotion,
						    .confidence = .5,
						    .blink_count = 2,
						    .metadata = metadata};
	struct viva_buffer body = {.limit = VIVA_EVENT_MAX_SMALL_BYTES};
	assert_ok(viva_event_write_emotion_analyzed(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_EMOTION_ANALYZED,
						 .type = VIVA_EVENT_EMOTION_ANALYZED,
						 .message_id = message_id,
						 .session_id = session_id,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(probe.bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}

static void wait_for_emotions(void)
{
	bus_probe_wait_for_queues(&probe, "scoring.emotions");
}

static int64_t kept(const char *session_id)
{
	const struct viva_value values[] = {viva_value_text(session_id)};
	struct viva_rows rows;
	assert_ok(viva_store_query(service->store, arena, "SELECT COUNT(*) FROM scoring_emotions WHERE session_id = $1",
				   values, VIVA_COUNT(values), &rows, NULL));
	return viva_rows_int(&rows, 0, 0);
}

static void test_feed__each_frame_is_kept_once_however_often_it_is_told(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++)
		for (int number = 1; number <= 300; number++)
			publish(NULL, "numbered", number, 1000 + number, "happy");
	publish("first", "unnumbered", 0, 1000, "happy");
	publish("first", "unnumbered", 0, 1000, "happy");
	publish("second", "unnumbered", 0, 1000, "happy");
	publish(NULL, "faceless", 1, 1000, "");
	wait_for_emotions();
	assert_int_equal(kept("numbered"), 300);
	assert_int_equal(kept("unnumbered"), 2);
	assert_int_equal(kept("faceless"), 1);
	Scoring__EmotionData **emotions;
	size_t count, total;
	assert_ok(scoring_timeline_load(service->store, "numbered", arena, &emotions, &count, &total, NULL));
	assert_int_equal(count, 300);
	assert_int_equal(total, 300);
	assert_int_equal(emotions[299]->timestamp, 1300);
	assert_string_equal(emotions[299]->emotion, "happy");
	assert_int_equal(emotions[299]->blink_count, 2);
	assert_ok(scoring_timeline_load(service->store, "faceless", arena, &emotions, &count, &total, NULL));
	assert_int_equal(total, 0);
}

static void test_feed__a_poisonous_message_is_a_dead_letter_and_holds_up_nothing(void **state)
{
	(void)state;
	static const char *const poison[] = {
		"{",
		"{}",
		"{\"session_id\":\"p\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"emotion\":\"happy\",\"confidence\":2,"
		"\"blink_count\":0,\"metadata\":{}}",
		"{\"session_id\":\"p\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"emotion\":\"happy\",\"confidence\":1,"
		"\"blink_count\":0,\"metadata\":{\"frame_number\":-1}}",
	};
	for (size_t i = 0; i < VIVA_COUNT(poison); i++)
		bus_probe_publish(&probe, VIVA_KEY_EMOTION_ANALYZED, VIVA_EVENT_EMOTION_ANALYZED, "p",
				  viva_bytes_of_text(poison[i]));
	bus_probe_publish(&probe, VIVA_KEY_EMOTION_ANALYZED, "Other", "p", viva_bytes_of_text("{}"));
	publish(NULL, "p", 1, 1000, "happy");
	wait_for_emotions();
	assert_int_equal(kept("p"), 1);
	assert_int_equal(bus_probe_drop_dead_letters(&probe), VIVA_COUNT(poison) + 1);
}

static void test_feed__sessions_that_no_score_can_be_asked_for_are_let_go(void **state)
{
	(void)state;
	publish(NULL, "not/an-interview", 1, 1000, "happy");
	wait_for_emotions();
	assert_int_equal(kept("not/an-interview"), 0);
	assert_int_equal(bus_probe_drop_dead_letters(&probe), 0);
}

static Scoring__ScoreRequest *practice_request(const char *session_id)
{
	Scoring__ScoreRequest *request = scoring_fixture_request(session_id);
	scoring_fixture_answer(request, "process-and-thread", "A process has an address space, a thread has a stack.");
	request->metadata->mode = scoring_fixture_copy("practice");
	return request;
}

static void test_feed__a_score_without_emotions_of_its_own_is_made_with_the_copy(void **state)
{
	(void)state;
	publish(NULL, "copied", 1, 1000, "happy");
	publish(NULL, "copied", 2, 2000, "sad");
	publish(NULL, "copied", 3, 3000, "bored");  // a name that no score knows
	publish(NULL, "copied", 4, 4000, "");
	wait_for_emotions();
	Scoring__ScoreRequest *request = practice_request("copied");
	Scoring__ScoreResponse *response = scoring_fixture_score(request);
	assert_true(response->emotion_scored);
	assert_true(response->emotion_score == 65);
	// What it brings itself counts alone.
	scoring_fixture_emotion(request, "happy");
	assert_true(scoring_fixture_score(request)->emotion_score == 100);
}

static void test_feed__the_copy_is_not_looked_at_where_emotions_may_not_be_scored(void **state)
{
	(void)state;
	publish(NULL, "private", 1, 1000, "happy");
	wait_for_emotions();
	for (int i = 0; i < 4; i++) {
		Scoring__ScoreRequest *request = practice_request("private");
		if (i == 0)
			request->metadata->mode = scoring_fixture_copy("recruitment");
		if (i == 1)
			request->metadata->emotion_withheld = true;
		if (i == 2)
			request->metadata->mode = scoring_fixture_copy("");
		if (i == 3)
			request->metadata = NULL;
		assert_false(scoring_fixture_score(request)->emotion_scored);
		assert_false(scoring_fixture_score_again("private")->emotion_scored);
	}
}

static void test_feed__scored_again_what_came_later_counts_and_nothing_counts_twice(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = practice_request("again");
	scoring_fixture_emotion(request, "sad");
	scoring_fixture_emotion(request, "sad");
	assert_true(scoring_fixture_score(request)->emotion_score == 30);
	publish(NULL, "again", 1, 1000, "sad");
	wait_for_emotions();
	// The copy has less than what the score was made of: it is behind.
	assert_true(scoring_fixture_score_again("again")->emotion_score == 30);
	publish(NULL, "again", 2, 2000, "sad");
	publish(NULL, "again", 3, 3000, "happy");
	publish(NULL, "again", 4, 4000, "happy");
	wait_for_emotions();
	assert_true(scoring_fixture_score_again("again")->emotion_score == 65);
	const struct scoring_report_options options = {
		.session_id = "again", .format = "json", .include_emotions = true};
	VIVA_AUTO_JSON report = NULL;
	const char *url;
	assert_ok(scoring_session_report(service, &options, arena, &report, &url, NULL));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(report, "emotions"), "faces")), 4);
}

static void test_feed__a_long_timeline_is_thinned_out_evenly(void **state)
{
	(void)state;
	enum { ROWS = 2 * SCORING_MAX_COPIED + 10 };
	static struct scoring_sighting sightings[ROWS];
	for (int i = 0; i < ROWS; i++)
		sightings[i] = (struct scoring_sighting){.message_id = "",
							 .session_id = "long",
							 .frame_number = i + 1,
							 .timestamp_ms = i,
							 .emotion = "happy",
							 .confidence = 1};
	assert_ok(scoring_timeline_keep(service->store, sightings, ROWS, 1, NULL));
	Scoring__EmotionData **emotions;
	size_t count, total;
	assert_ok(scoring_timeline_load(service->store, "long", arena, &emotions, &count, &total, NULL));
	assert_int_equal(total, ROWS);
	assert_int_equal(count, ROWS / 3);
	for (size_t i = 1; i < count; i++)
		assert_int_equal(emotions[i]->timestamp - emotions[i - 1]->timestamp, 3);
}

static void test_feed__without_number_and_message_id_the_time_names_it(void **state)
{
	(void)state;
	struct scoring_sighting sightings[] = {
		{.message_id = "", .session_id = "nameless", .timestamp_ms = 1, .emotion = "happy"},
		{.message_id = "", .session_id = "nameless", .timestamp_ms = 1, .emotion = "happy"},
		{.message_id = "", .session_id = "nameless", .timestamp_ms = 2, .emotion = "happy"},
	};
	assert_ok(scoring_timeline_keep(service->store, sightings, VIVA_COUNT(sightings), 1, NULL));
	assert_int_equal(sightings[0].outcome, SCORING_SIGHTING_KEPT);
	assert_int_equal(sightings[1].outcome, SCORING_SIGHTING_REPEATED);
	assert_int_equal(sightings[2].outcome, SCORING_SIGHTING_KEPT);
}

static void test_feed__an_erased_interview_leaves_nothing_and_comes_to_nothing(void **state)
{
	(void)state;
	Scoring__ScoreResponse *response = NULL;
	const struct scoring_caller caller = {.deadline_us = INT64_MAX};
	publish(NULL, "leaving", 1, 1000, "happy");
	wait_for_emotions();
	scoring_fixture_score(practice_request("leaving"));
	bus_probe_publish_erasure(&probe, "leaving");
	bus_probe_wait_for_queues(&probe, "scoring.erasures");
	assert_int_equal(kept("leaving"), 0);
	assert_error(scoring_records_load(service->store, "leaving", arena, NULL, &response, NULL, NULL),
		     VIVA_ENOTFOUND);
	publish(NULL, "leaving", 2, 2000, "happy");
	wait_for_emotions();
	assert_int_equal(kept("leaving"), 0);
	json_decref(bus_probe_events(&probe));
	assert_error(scoring_session_score(service, practice_request("leaving"), &caller, arena, &response, NULL),
		     VIVA_ENOTFOUND);
	VIVA_AUTO_JSON events = bus_probe_events(&probe);
	assert_int_equal(json_array_size(events), 0);
}

static void test_feed__a_bad_erasure_is_a_dead_letter(void **state)
{
	(void)state;
	bus_probe_publish(&probe, VIVA_KEY_INTERVIEW_ERASED, VIVA_EVENT_INTERVIEW_ERASED, "x",
			  viva_bytes_of_text("{}"));
	bus_probe_wait_for_queues(&probe, "scoring.erasures");
	assert_int_equal(bus_probe_drop_dead_letters(&probe), 1);
}

static void test_feed__erasures_and_old_copies_are_forgotten_in_time(void **state)
{
	(void)state;
	int64_t deleted = 0;
	struct scoring_sighting old = {.message_id = "m", .session_id = "old", .timestamp_ms = 1, .emotion = "happy"};
	assert_ok(scoring_timeline_keep(service->store, &old, 1, 100, NULL));
	assert_ok(scoring_timeline_expire(service->store, 100, &deleted, NULL));
	assert_int_equal(kept("old"), 1);
	assert_ok(scoring_timeline_expire(service->store, 101, &deleted, NULL));
	assert_int_equal(deleted, 1);
	assert_int_equal(kept("old"), 0);
	assert_ok(scoring_records_erase(service->store, "old", 500, NULL));
	assert_ok(scoring_records_expire(service->store, 499, NULL));
	assert_ok(scoring_timeline_keep(service->store, &old, 1, 100, NULL));
	assert_int_equal(old.outcome, SCORING_SIGHTING_ERASED);
	assert_ok(scoring_records_expire(service->store, 500, NULL));
	assert_ok(scoring_timeline_keep(service->store, &old, 1, 100, NULL));
	assert_int_equal(old.outcome, SCORING_SIGHTING_KEPT);
}

static void test_feed__a_score_is_told_once_and_again_when_it_changes(void **state)
{
	(void)state;
	static const char trace[] = "00-11f7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01";
	const struct scoring_caller caller = {.deadline_us = INT64_MAX, .traceparent = trace};
	Scoring__ScoreRequest *request = practice_request("told");
	Scoring__ScoreResponse *response = NULL;
	json_decref(bus_probe_events(&probe));
	assert_ok(scoring_session_score(service, request, &caller, arena, &response, NULL));
	scoring_fixture_score(request);
	scoring_fixture_score_again("told");
	VIVA_AUTO_JSON events = bus_probe_events(&probe);
	assert_int_equal(json_array_size(events), 1);
	const json_t *event = json_array_get(events, 0), *body = json_object_get(event, "body");
	assert_string_equal(json_string_value(json_object_get(event, "type")), "ScoreCalculated");
	assert_string_equal(json_string_value(json_object_get(event, "traceparent")), trace);
	assert_string_equal(json_string_value(json_object_get(body, "session_id")), "told");
	assert_string_equal(json_string_value(json_object_get(body, "calculated_at")), "2026-01-01T00:00:00.000Z");
	double told = json_number_value(json_object_get(body, "overall_score"));
	assert_true(told == (double)(int)(response->overall_score * 100 + .5f) / 100);
	scoring_fixture_answer(request, "hash-table",
			       "A hash table maps a key to a bucket by a hash function, so that looking it up takes "
			       "constant time on average, as long as the table grows with the number of its keys.");
	assert_true(scoring_fixture_score(request)->overall_score != response->overall_score);
	VIVA_AUTO_JSON more = bus_probe_events(&probe);
	assert_int_equal(json_array_size(more), 1);
}

static void test_feed__bad_limits_and_lack_of_memory_are_told(void **state)
{
	(void)state;
	struct scoring_feed *feed = NULL;
	struct scoring_feed_options options = {.service = service, .batch = 0};
	assert_error(scoring_feed_create(&options, &feed, NULL), VIVA_EINVAL);
	options.batch = 1;
	fail_next_allocation(0);
	assert_error(scoring_feed_create(&options, &feed, NULL), VIVA_ENOMEM);
	assert_null(scoring_feed_destroy(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_feed__each_frame_is_kept_once_however_often_it_is_told),
		TEST(test_feed__a_poisonous_message_is_a_dead_letter_and_holds_up_nothing),
		TEST(test_feed__sessions_that_no_score_can_be_asked_for_are_let_go),
		TEST(test_feed__a_score_without_emotions_of_its_own_is_made_with_the_copy),
		TEST(test_feed__the_copy_is_not_looked_at_where_emotions_may_not_be_scored),
		TEST(test_feed__scored_again_what_came_later_counts_and_nothing_counts_twice),
		TEST(test_feed__a_long_timeline_is_thinned_out_evenly),
		TEST(test_feed__without_number_and_message_id_the_time_names_it),
		TEST(test_feed__an_erased_interview_leaves_nothing_and_comes_to_nothing),
		TEST(test_feed__a_bad_erasure_is_a_dead_letter),
		TEST(test_feed__erasures_and_old_copies_are_forgotten_in_time),
		TEST(test_feed__a_score_is_told_once_and_again_when_it_changes),
		TEST(test_feed__bad_limits_and_lack_of_memory_are_told),
	};
	if (!store_place_is_there())
		return 0;
	return cmocka_run_group_tests(tests, scoring_fixture_open, scoring_fixture_close);
}
