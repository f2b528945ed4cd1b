// SPDX-License-Identifier: Apache-2.0
#include "scoring/request.h"

#include <math.h>
#include <string.h>

#include "arena_fixture.h"
#include "scoring/state.h"
#include "viva_test.h"

// Reads and checks a request as the service does. *ret_json keeps its texts alive.
static int read_request(const char *text, json_t **ret_json, Scoring__ScoreRequest **ret_request,
			struct viva_error *error)
{
	assert_ok(viva_json_parse_object(viva_bytes_of_text(text), 1 << 20, ret_json, NULL));
	int code = scoring_request_from_json(*ret_json, arena, ret_request, error);
	return code ? code : scoring_request_check(*ret_request, error);
}

static void test_request__is_read_by_its_proto_names(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json = NULL;
	Scoring__ScoreRequest *request = NULL;
	assert_ok(read_request(
		"{\"session_id\":\"s-1\",\"answers\":[{\"question_id\":\"q\",\"transcript\":\"t\",\"duration\":2.5,"
		"\"confidence\":0.5,\"question\":\"Why?\",\"category\":\"technical\"}],\"emotions\":[{\"timestamp\":7,"
		"\"emotion\":\"happy\",\"confidence\":1,\"blink_count\":3},{}],\"metadata\":{\"user_id\":\"u\","
		"\"started_at\":1,\"completed_at\":2,\"total_questions\":4,\"mode\":\"recruitment\","
		"\"emotion_withheld\":true}}",
		&json, &request, NULL));
	assert_string_equal(request->session_id, "s-1");
	assert_int_equal(request->n_answers, 1);
	assert_string_equal(request->answers[0]->question, "Why?");
	assert_true(request->answers[0]->duration == 2.5f && request->answers[0]->confidence == .5f);
	assert_int_equal(request->n_emotions, 2);
	assert_int_equal(request->emotions[0]->blink_count, 3);
	assert_string_equal(request->emotions[1]->emotion, "");
	assert_string_equal(request->metadata->mode, "recruitment");
	assert_true(request->metadata->emotion_withheld);
	assert_int_equal(request->metadata->total_questions, 4);
}

static void test_request__needs_little(void **state)
{
	(void)state;
	VIVA_AUTO_JSON json = NULL;
	Scoring__ScoreRequest *request = NULL;
	assert_ok(read_request("{\"session_id\":\"s\",\"answers\":[]}", &json, &request, NULL));
	assert_int_equal(request->n_answers, 0);
	assert_null(request->metadata);
}

static void test_request__a_bad_member_is_named_with_its_path(void **state)
{
	(void)state;
#define ANSWERS(members) "{\"session_id\":\"s\",\"answers\":[{\"transcript\":\"t\"},{" members "}]}"
#define EMOTIONS(members) "{\"session_id\":\"s\",\"answers\":[],\"emotions\":[{" members "}]}"
#define METADATA(members) "{\"session_id\":\"s\",\"answers\":[],\"metadata\":{" members "}}"
	static const struct {
		const char *text, *field;
	} bad[] = {
		{"{\"answers\":[]}", "session_id"},
		{"{\"session_id\":\"\",\"answers\":[]}", "session_id"},
		{"{\"session_id\":\"a/b\",\"answers\":[]}", "session_id"},
		{"{\"session_id\":\"..\",\"answers\":[]}", "session_id"},
		{"{\"session_id\":\"s\"}", "answers"},
		{"{\"session_id\":\"s\",\"answers\":[1]}", "answers[0]"},
		{ANSWERS(""), "answers[1].transcript"},
		{ANSWERS("\"transcript\":5"), "answers[1].transcript"},
		{ANSWERS("\"transcript\":\"t\",\"duration\":-1"), "answers[1].duration"},
		{ANSWERS("\"transcript\":\"t\",\"confidence\":1.5"), "answers[1].confidence"},
		{EMOTIONS("\"emotion\":\"furious\""), "emotions[0].emotion"},
		{EMOTIONS("\"confidence\":2"), "emotions[0].confidence"},
		{EMOTIONS("\"blink_count\":-1"), "emotions[0].blink_count"},
		{EMOTIONS("\"timestamp\":-1"), "emotions[0].timestamp"},
		{METADATA("\"mode\":\"exam\""), "metadata.mode"},
	};
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		VIVA_AUTO_JSON json = NULL;
		Scoring__ScoreRequest *request = NULL;
		struct viva_error error = {0};
		assert_error(read_request(bad[i].text, &json, &request, &error), VIVA_EFIELD);
		assert_string_equal(error.field, bad[i].field);
	}
}

static void test_request__numbers_of_a_message_must_be_numbers(void **state)
{
	(void)state;
	static const float bad[] = {NAN, INFINITY, -INFINITY, -1};
	char text[] = "t";
	for (size_t i = 0; i < VIVA_COUNT(bad); i++) {
		Scoring__AnswerRequest request = SCORING__ANSWER_REQUEST__INIT;
		request.question = text;
		request.answer = text;
		assert_ok(scoring_answer_request_check(&request, NULL));
		request.duration = bad[i];
		struct viva_error error = {0};
		assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
		assert_string_equal(error.field, "duration");
	}
}

static void test_request__an_answer_needs_text_and_question(void **state)
{
	(void)state;
	Scoring__AnswerRequest request = SCORING__ANSWER_REQUEST__INIT;
	struct viva_error error = {0};
	char text[] = "t";
	assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "answer");
	request.answer = text;
	assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "question");
	request.question_id = text;
	assert_ok(scoring_answer_request_check(&request, &error));
}

static void test_request__lists_are_bounded(void **state)
{
	(void)state;
	static Scoring__Answer *none[SCORING_MAX_ANSWERS + 1];
	Scoring__ScoreRequest request = SCORING__SCORE_REQUEST__INIT;
	struct viva_error error = {0};
	char id[] = "s";
	request.session_id = id;
	request.answers = none;
	request.n_answers = SCORING_MAX_ANSWERS + 1;
	assert_error(scoring_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "answers");
	request.n_answers = 0;
	request.n_emotions = SCORING_MAX_EMOTIONS + 1;
	assert_error(scoring_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "emotions");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

static void test_request__graded_answers_need_a_reference_and_points_within_range(void **state)
{
	(void)state;
	Scoring__GradedAnswer graded = SCORING__GRADED_ANSWER__INIT;
	Scoring__GradedAnswer *all[VIVA_ANSWER_MAX_GRADED + 1];
	for (size_t i = 0; i < VIVA_COUNT(all); i++)
		all[i] = &graded;
	Scoring__AnswerRequest request = SCORING__ANSWER_REQUEST__INIT;
	struct viva_error error = {0};
	request.question = (char *)(uintptr_t) "Why?";
	request.answer = (char *)(uintptr_t) "Because.";
	request.graded_answers = all;
	request.n_graded_answers = 1;
	assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "reference_answer");
	request.reference_answer = (char *)(uintptr_t) "Because of this.";
	assert_ok(scoring_answer_request_check(&request, &error));
	graded.points = 1.5f;
	assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "graded_answers[0].points");
	graded.points = 1;
	request.n_graded_answers = VIVA_COUNT(all);
	assert_error(scoring_answer_request_check(&request, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "graded_answers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request__is_read_by_its_proto_names),
		TEST(test_request__needs_little),
		TEST(test_request__a_bad_member_is_named_with_its_path),
		TEST(test_request__numbers_of_a_message_must_be_numbers),
		TEST(test_request__an_answer_needs_text_and_question),
		TEST(test_request__lists_are_bounded),
		TEST(test_request__graded_answers_need_a_reference_and_points_within_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
