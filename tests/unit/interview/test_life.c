// SPDX-License-Identifier: Apache-2.0
#include "interview/life.h"

#include <string.h>

#include "interview/janitor.h"
#include "interview_fixture.h"

static const char TWO_QUESTIONS[] = "{\"user_id\":\"u\",\"total_questions\":2}";

static void test_life__an_answer_is_kept_although_nobody_can_judge_it(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, TWO_QUESTIONS);
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
	assert_null(result.analysis);
	assert_int_equal(result.record.current_question, 2);
	assert_int_equal(interview_progress(&result.record), 50);
	assert_true(result.has_next);
	assert_int_equal(result.next.number, 2);

	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_answer *answers = NULL;
	size_t count = 0;
	assert_ok(interview_load_answers(&reader, id, &answers, &count, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(answers[0].transcript, "I measured first.");
	assert_null(answers[0].analysis);
	assert_true(answers[0].confidence < 0);
}

static void test_life__an_unanalysed_answer_is_left_in_peace_while_its_first_analysis_is_under_way(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, TWO_QUESTIONS);
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_answer *answers = NULL;
	size_t count = 99;
	int64_t now_ms = interview_now_ms(&fixture->service);
	assert_ok(interview_load_unanalysed(&reader, now_ms, 10, &answers, &count, NULL));
	assert_int_equal(count, 0);
	assert_ok(interview_load_unanalysed(&reader, now_ms + 60 * 1000, 10, &answers, &count, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(answers[0].interview_id, id);
}

static void test_life__unclear_or_silent_answers_are_kept_as_not_scorable(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, TWO_QUESTIONS);
	struct interview_answer_result silent;
	assert_ok(interview_fixture_answer(fixture, id, " \n ", &silent));
	assert_non_null(strstr(silent.analysis, "\"scorable\":false"));

	struct interview_answer_request unclear = {
		.question_id = silent.next.id, .transcript = "mumble", .confidence = 0.39, .language = ""};
	struct interview_answer_result result;
	assert_ok(interview_answer(&fixture->service, id, &unclear, INT64_MAX, fixture->arena, &result, NULL));
	assert_non_null(strstr(result.analysis, "\"scorable\":false"));
	assert_false(result.has_next);
	assert_int_equal(interview_progress(&result.record), 100);
}

static void test_life__a_question_is_answered_once_in_any_order_and_in_either_case(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, TWO_QUESTIONS);
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	assert_ok(interview_load_questions(&reader, id, &questions, &count, NULL));
	char upper[64];
	size_t size = strlen(questions[1].id);
	for (size_t i = 0; i <= size; i++)
		upper[i] = (char)(questions[1].id[i] >= 'a' ? questions[1].id[i] - 32 : questions[1].id[i]);

	struct interview_answer_request request = {
		.question_id = upper, .transcript = "the second one first", .confidence = -1, .language = ""};
	struct interview_answer_result result;
	assert_ok(interview_answer(&fixture->service, id, &request, INT64_MAX, fixture->arena, &result, NULL));
	assert_string_equal(result.question_id, questions[1].id);
	assert_int_equal(result.next.number, 1);
	assert_error(interview_answer(&fixture->service, id, &request, INT64_MAX, fixture->arena, &result, NULL),
		     VIVA_EANSWERED);
	request.question_id = "00000000-0000-7000-8000-000000000000";
	assert_error(interview_answer(&fixture->service, id, &request, INT64_MAX, fixture->arena, &result, NULL),
		     VIVA_EQUESTION);
}

static void test_life__completing_twice_is_completing_once(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, TWO_QUESTIONS);
	struct interview_record first;
	struct interview_record again;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &first, NULL));
	assert_int_equal(first.state, INTERVIEW_COMPLETED);
	fake_clock_advance_ms(&fixture->clock, 1000);
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &again, NULL));
	assert_true(again.completed_at == first.completed_at);
	struct interview_answer_result result;
	assert_error(interview_fixture_answer(fixture, id, "too late", &result), VIVA_ECOMPLETED);
	assert_error(interview_complete(&fixture->service, "00000000-0000-7000-8000-000000000000", NULL, fixture->arena,
					&again, NULL),
		     VIVA_ENOTFOUND);
}

static void test_life__the_janitor_ends_interviews_whose_time_is_over(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *unfinished = interview_fixture_start(fixture, TWO_QUESTIONS);
	const char *finished = interview_fixture_start(fixture, "{\"user_id\":\"u\",\"total_questions\":1}");
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, unfinished, "one of two", &result));
	assert_ok(interview_fixture_answer(fixture, finished, "", &result));

	interview_janitor_round(&fixture->service);
	assert_int_equal(interview_fixture_load(fixture, unfinished).state, INTERVIEW_IN_PROGRESS);
	fake_clock_advance_ms(&fixture->clock, fixture->service.timeout_ms);
	interview_janitor_round(&fixture->service);
	assert_int_equal(interview_fixture_load(fixture, unfinished).state, INTERVIEW_EXPIRED);
	assert_int_equal(interview_fixture_load(fixture, finished).state, INTERVIEW_COMPLETED);
	struct interview_record record;
	assert_error(interview_complete(&fixture->service, unfinished, NULL, fixture->arena, &record, NULL),
		     VIVA_ECOMPLETED);
	assert_error(interview_fixture_answer(fixture, unfinished, "too late", &result), VIVA_ECOMPLETED);
}

static void test_life__answers_with_members_out_of_range_name_them(void **state)
{
	(void)state;
	static const struct {
		const char *body, *field;
	} cases[] = {
		{"{\"transcript\":\"t\",\"duration\":1}", "question_id"},
		{"{\"question_id\":\"q\",\"duration\":1}", "transcript"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\"}", "duration"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":-1}", "duration"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":7201}", "duration"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":1,\"confidence\":1.1}", "confidence"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":1,\"language\":7}", "language"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":1,\"segments\":{}}", "segments"},
		{"{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":1,\"segments\":[{\"start\":0,\"end\":1,"
		 "\"text\":\"u\"}]}",
		 "segments"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		VIVA_AUTO_JSON body = json_loads(cases[i].body, 0, NULL);
		struct interview_answer_request request;
		struct viva_error error = {0};
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		assert_error(interview_answer_parse(body, arena, &request, &error), VIVA_EFIELD);
		assert_string_equal(error.field, cases[i].field);
	}
}

static void test_life__a_transcript_has_50000_characters_and_no_more(void **state)
{
	(void)state;
	static char text[INTERVIEW_MAX_TRANSCRIPT + 2];
	memset(text, 'a', INTERVIEW_MAX_TRANSCRIPT + 1);
	VIVA_AUTO_JSON body = json_pack("{s:s, s:s, s:i}", "question_id", "q", "transcript", text, "duration", 1);
	struct interview_answer_request request;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_error(interview_answer_parse(body, arena, &request, NULL), VIVA_EFIELD);
	text[INTERVIEW_MAX_TRANSCRIPT] = '\0';
	json_object_set_new(body, "transcript", json_string(text));
	assert_ok(interview_answer_parse(body, arena, &request, NULL));
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(test_life__an_answer_is_kept_although_nobody_can_judge_it),
		WITH_SERVICE(test_life__an_unanalysed_answer_is_left_in_peace_while_its_first_analysis_is_under_way),
		WITH_SERVICE(test_life__unclear_or_silent_answers_are_kept_as_not_scorable),
		WITH_SERVICE(test_life__a_question_is_answered_once_in_any_order_and_in_either_case),
		WITH_SERVICE(test_life__completing_twice_is_completing_once),
		WITH_SERVICE(test_life__the_janitor_ends_interviews_whose_time_is_over),
		cmocka_unit_test(test_life__answers_with_members_out_of_range_name_them),
		cmocka_unit_test(test_life__a_transcript_has_50000_characters_and_no_more),
	};
	return cmocka_run_group_tests_name("interview/life", tests, NULL, NULL);
}
