// SPDX-License-Identifier: Apache-2.0
#include "interview/news.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "interview/erase.h"
#include "interview/life.h"
#include "interview/listener.h"
#include "interview/meters.h"
#include "interview/spread.h"
#include "interview_sockets.h"

static const char THREE[] = "{\"user_id\":\"u\",\"total_questions\":3,\"adaptive\":false}";

// ---- what happens

static const struct interview_question *question(struct interview_fixture *fixture, const char *id, int number)
{
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	assert_ok(interview_load_questions(&reader, id, &questions, &count, NULL));
	assert_in_range(number, 1, count);
	return &questions[number - 1];
}

// Nothing said is judged at once; words wait for the scoring service, which is away.
static void answer(struct interview_fixture *fixture, struct interview_service *service, const char *id, int number,
		   const char *words)
{
	const struct interview_answer_request request = {.question_id = question(fixture, id, number)->id,
							 .transcript = words,
							 .confidence = -1,
							 .language = ""};
	struct interview_answer_result result;
	assert_ok(interview_answer(service, id, &request, INT64_MAX, fixture->arena, &result, NULL));
}

static void change_answer(struct interview_fixture *fixture, const char *sql, const char *id, int number)
{
	struct viva_value values[] = {viva_value_text(id), viva_value_text(question(fixture, id, number)->id)};
	int64_t changed = 0;
	assert_ok(viva_store_execute(fixture->service.store, sql, values, VIVA_COUNT(values), &changed, NULL));
	assert_int_equal(changed, 1);
}

static void judge(struct interview_fixture *fixture, const char *id, int number)
{
	change_answer(fixture,
		      "UPDATE interview_answers SET analysis = '{\"depth_score\":0.5}'"
		      " WHERE interview_id = $1 AND question_id = $2",
		      id, number);
}

// As if another instance had just stored it and now has it judged.
static void begin_first_try(struct interview_fixture *fixture, const char *id, int number)
{
	char sql[160];
	snprintf(sql, sizeof sql,
		 "UPDATE interview_answers SET analysis_after = answered_at + %d"
		 " WHERE interview_id = $1 AND question_id = $2",
		 INTERVIEW_FIRST_TRY_MS);
	change_answer(fixture, sql, id, number);
}

// ---- what is told

static void expect_status(struct viva_websocket_client *client, int progress, int put, const char *state)
{
	VIVA_AUTO_JSON status = socket_receive(client, "status");
	assert_int_equal(json_integer_value(json_object_get(status, "progress")), progress);
	assert_int_equal(json_integer_value(json_object_get(status, "current_question")), put);
	const char *given = json_string_value(json_object_get(status, "status"));
	assert_string_equal(given ? given : "", state);
}

static void expect_question(struct interview_fixture *fixture, struct viva_websocket_client *client, const char *id,
			    int number)
{
	VIVA_AUTO_JSON put = socket_receive(client, "question");
	assert_string_equal(json_string_value(json_object_get(put, "id")), question(fixture, id, number)->id);
}

static void expect_analysis(struct interview_fixture *fixture, struct viva_websocket_client *client, const char *id,
			    int number, bool is_judged)
{
	VIVA_AUTO_JSON analysis = socket_receive(client, "analysis");
	assert_string_equal(json_string_value(json_object_get(analysis, "question_id")),
			    question(fixture, id, number)->id);
	assert_true(json_is_null(json_object_get(analysis, "analysis")) != is_judged);
}

static void expect_nothing_more(struct viva_websocket_client *client)
{
	socket_send(client, "{\"type\":\"ping\"}");
	socket_expect(client, "pong");
}

static struct viva_websocket_client *begin(struct interview_fixture *fixture, const char **ret_id)
{
	*ret_id = interview_fixture_start(fixture, THREE);
	struct viva_websocket_client *client = socket_connect(fixture, *ret_id);
	expect_question(fixture, client, *ret_id, 1);
	return client;
}

static void tell(struct interview_fixture *fixture, const char *id)
{
	interview_tell_news(&fixture->service, id, fixture->arena);
}

// ---- another instance

static void init_other(struct interview_fixture *fixture, struct interview_service *other)
{
	interview_fixture_init_instance(fixture, other);
	assert_ok(interview_listener_create(other, &other->listener, NULL));
	assert_ok(interview_spreader_create(other, &other->spreader));
}

static void finish_other(struct interview_service *other)
{
	interview_spreader_destroy(other->spreader);
	interview_listener_destroy(other->listener);
	interview_fixture_finish_instance(other);
}

static void test_news__what_happens_at_another_instance_reaches_the_sockets_here(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	init_other(fixture, &other);
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	for (int number = 1; number <= 3; number++) {
		answer(fixture, &other, id, number, "");
		interview_spread(&other, id, fixture->arena);
		expect_analysis(fixture, client, id, number, true);
		expect_status(client, number == 1 ? 33 : number == 2 ? 67 : 100, number, "");
		if (number < 3)
			expect_question(fixture, client, id, number + 1);
	}
	// A hint that comes twice has nothing to tell.
	interview_spread(&other, id, fixture->arena);
	tell(fixture, id);
	expect_nothing_more(client);
	finish_other(&other);
}

static void test_news__an_end_at_another_instance_is_told_with_its_state(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service other = {0};
	init_other(fixture, &other);
	const char *completed = NULL, *expired = NULL;
	VIVA_AUTO(viva_websocket_client) of_completed = begin(fixture, &completed);
	VIVA_AUTO(viva_websocket_client) of_expired = begin(fixture, &expired);
	struct interview_record record;
	assert_ok(interview_complete(&other, completed, NULL, fixture->arena, &record, NULL));
	interview_spread(&other, completed, fixture->arena);
	expect_status(of_completed, 0, 1, "completed");
	assert_ok(interview_time_out(&other, expired, fixture->arena, NULL));
	expect_status(of_expired, 0, 1, "expired");
	tell(fixture, completed);
	tell(fixture, expired);
	expect_nothing_more(of_completed);
	expect_nothing_more(of_expired);
	finish_other(&other);
}

// Hints so far, published or lost, as text.
static void write_hints(char *ret_text, size_t size)
{
	struct viva_buffer all = {.limit = 1 << 20};
	assert_ok(viva_metrics_write(&all));
	assert_ok(viva_buffer_append(&all, "", 1));
	const char *lost = strstr((const char *)all.data, "viva_interview_hints_total{outcome=\"lost\"}");
	const char *published = strstr((const char *)all.data, "viva_interview_hints_total{outcome=\"published\"}");
	assert_non_null(lost);
	assert_non_null(published);
	snprintf(ret_text, size, "%.*s %.*s", (int)strcspn(lost, "\n"), lost, (int)strcspn(published, "\n"), published);
	viva_buffer_finish(&all);
}

static void test_news__where_nobody_else_listens_no_hint_is_published(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service *service = &fixture->service;
	char before[256], after[256];
	const char *id = NULL;
	(void)interview_meters();
	write_hints(before, sizeof before);
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	assert_ok(interview_spreader_create(service, &service->spreader));
	answer(fixture, service, id, 1, "");
	interview_spread(service, id, fixture->arena);
	service->spreader = interview_spreader_destroy(service->spreader);
	expect_analysis(fixture, client, id, 1, true);
	write_hints(after, sizeof after);
	assert_string_equal(after, before);
}

// ---- order

static void test_news__an_analysis_that_comes_late_is_told_once(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	answer(fixture, &fixture->service, id, 1, "Words.");
	tell(fixture, id);
	tell(fixture, id);
	expect_analysis(fixture, client, id, 1, false);
	expect_status(client, 33, 1, "");
	expect_question(fixture, client, id, 2);
	judge(fixture, id, 1);
	tell(fixture, id);
	tell(fixture, id);
	expect_analysis(fixture, client, id, 1, true);
	expect_nothing_more(client);
}

static void test_news__status_and_question_wait_for_an_analysis_that_is_under_way(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	answer(fixture, &fixture->service, id, 1, "Words.");
	begin_first_try(fixture, id, 1);
	tell(fixture, id);
	expect_nothing_more(client);
	judge(fixture, id, 1);
	tell(fixture, id);
	expect_analysis(fixture, client, id, 1, true);
	expect_status(client, 33, 1, "");
	expect_question(fixture, client, id, 2);
	// One that never ends is not waited for.
	answer(fixture, &fixture->service, id, 2, "Words.");
	begin_first_try(fixture, id, 2);
	fake_clock_advance_ms(&fixture->clock, INTERVIEW_FIRST_TRY_MS);
	tell(fixture, id);
	expect_analysis(fixture, client, id, 2, false);
	expect_status(client, 67, 2, "");
	expect_question(fixture, client, id, 3);
}

static void test_news__who_falls_behind_is_told_the_newest_status_only(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	answer(fixture, &fixture->service, id, 1, "Words.");
	begin_first_try(fixture, id, 1);
	answer(fixture, &fixture->service, id, 2, "");
	// The second answer was judged before the first.
	tell(fixture, id);
	expect_analysis(fixture, client, id, 2, true);
	expect_nothing_more(client);
	judge(fixture, id, 1);
	tell(fixture, id);
	expect_analysis(fixture, client, id, 1, true);
	expect_status(client, 67, 2, "");
	expect_question(fixture, client, id, 3);
	expect_nothing_more(client);
}

static void test_news__a_new_socket_begins_where_the_others_are_brought_to(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) first = begin(fixture, &id);
	answer(fixture, &fixture->service, id, 1, "");
	VIVA_AUTO(viva_websocket_client) second = socket_connect(fixture, id);
	expect_question(fixture, second, id, 2);
	expect_analysis(fixture, first, id, 1, true);
	expect_status(first, 33, 1, "");
	expect_question(fixture, first, id, 2);
	tell(fixture, id);
	expect_nothing_more(first);
	expect_nothing_more(second);
	answer(fixture, &fixture->service, id, 2, "");
	tell(fixture, id);
	expect_analysis(fixture, first, id, 2, true);
	expect_analysis(fixture, second, id, 2, true);
}

static sem_t arrivals, gate;

static void wait_at_gate(void *context)
{
	(void)context;
	sem_post(&arrivals);
	sem_wait(&gate);
	sem_post(&gate);
}

static void test_news__a_socket_that_there_is_no_room_to_greet_is_closed(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL;
	VIVA_AUTO(viva_websocket_client) first = begin(fixture, &id);
	struct interview_session *session = interview_session_find(fixture->service.sessions, id);
	assert_non_null(session);
	sem_init(&arrivals, 0, 0);
	sem_init(&gate, 0, 0);
	assert_ok(viva_strand_submit(session->control, wait_at_gate, NULL));
	sem_wait(&arrivals);
	for (int i = 0; i < INTERVIEW_MAX_CONTROL_WAITING; i++)
		assert_ok(viva_strand_submit(session->control, wait_at_gate, NULL));
	VIVA_AUTO(viva_websocket_client) second = socket_open(fixture, id);
	socket_expect(second, "error");
	socket_expect_end(second);
	sem_post(&gate);
	interview_session_unref(session);
	expect_nothing_more(first);
}

// ---- catching up

static void catch_up(struct interview_fixture *fixture)
{
	assert_ok(interview_catch_up(&fixture->service, NULL));
}

static void test_news__what_no_hint_told_is_caught_up_with(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL, *unchanged = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	VIVA_AUTO(viva_websocket_client) bystander = begin(fixture, &unchanged);
	catch_up(fixture);
	answer(fixture, &fixture->service, id, 1, "Words.");
	catch_up(fixture);
	expect_analysis(fixture, client, id, 1, false);
	expect_status(client, 33, 1, "");
	expect_question(fixture, client, id, 2);
	judge(fixture, id, 1);
	catch_up(fixture);
	catch_up(fixture);
	expect_analysis(fixture, client, id, 1, true);
	expect_nothing_more(client);
	expect_nothing_more(bystander);
}

static void test_news__sockets_of_what_is_gone_and_of_expired_tokens_are_closed(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = NULL, *gone = NULL;
	VIVA_AUTO(viva_websocket_client) client = begin(fixture, &id);
	VIVA_AUTO(viva_websocket_client) of_gone = begin(fixture, &gone);
	struct viva_value value = viva_value_text(gone);
	assert_ok(viva_store_execute(fixture->service.store, "DELETE FROM interview_interviews WHERE id = $1", &value,
				     1, NULL, NULL));
	catch_up(fixture);
	VIVA_AUTO_JSON error = socket_receive(of_gone, "error");
	assert_string_equal(json_string_value(json_object_get(error, "code")), "NOT_FOUND");
	socket_expect_end(of_gone);
	expect_nothing_more(client);
	fake_clock_advance_ms(&fixture->clock, 3600 * 1000);
	catch_up(fixture);
	socket_expect_end(client);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, interview_sockets_set_up, interview_sockets_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_news__what_happens_at_another_instance_reaches_the_sockets_here),
		WITH_SERVER(test_news__an_end_at_another_instance_is_told_with_its_state),
		WITH_SERVER(test_news__where_nobody_else_listens_no_hint_is_published),
		WITH_SERVER(test_news__an_analysis_that_comes_late_is_told_once),
		WITH_SERVER(test_news__status_and_question_wait_for_an_analysis_that_is_under_way),
		WITH_SERVER(test_news__who_falls_behind_is_told_the_newest_status_only),
		WITH_SERVER(test_news__a_new_socket_begins_where_the_others_are_brought_to),
		WITH_SERVER(test_news__a_socket_that_there_is_no_room_to_greet_is_closed),
		WITH_SERVER(test_news__what_no_hint_told_is_caught_up_with),
		WITH_SERVER(test_news__sockets_of_what_is_gone_and_of_expired_tokens_are_closed),
	};
	return cmocka_run_group_tests_name("interview/news", tests, NULL, NULL);
}
