// SPDX-License-Identifier: Apache-2.0
#include "interview/messages.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

static void assert_json(json_t *got, const char *expected)
{
	assert_non_null(got);
	VIVA_AUTO_JSON wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	assert_non_null(wanted);
	if (!json_equal(got, wanted)) {
		VIVA_AUTO_FREE char *text = json_dumps(got, JSON_ENCODE_ANY);
		fail_msg("got %s, not %s", text, expected);
	}
	json_decref(got);
}

static struct interview_record record_of(int answered, int total)
{
	return (struct interview_record){.id = "0198c9a1-0000-7000-8000-000000000000",
					 .user_id = "u",
					 .question_set = "default",
					 .state = INTERVIEW_IN_PROGRESS,
					 .total_questions = total,
					 .answered = answered,
					 .current_question = answered + 1};
}

static void test_messages__a_message_has_type_and_data(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	assert_string_equal(interview_message(arena, "pong", json_object()), "{\"type\":\"pong\",\"data\":{}}");
	assert_null(interview_message(arena, "pong", NULL));
}

static void test_messages__an_error_names_code_sentence_and_field(void **state)
{
	(void)state;
	VIVA_AUTO(viva_arena) arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	struct viva_error error = {0};
	int code = viva_fail(&error, VIVA_EFIELD, "duration", "duration must be a number");
	assert_string_equal(interview_error_message(arena, code, &error),
			    "{\"type\":\"error\",\"data\":{\"code\":\"INVALID_MESSAGE\","
			    "\"message\":\"duration must be a number\",\"field\":\"duration\"}}");
	assert_non_null(strstr(interview_error_message(arena, VIVA_EOVERLOAD, NULL), "\"RATE_LIMITED\""));
	assert_non_null(strstr(interview_error_message(arena, VIVA_EEMOTIONDOWN, NULL), "\"EMOTION_UNAVAILABLE\""));
	assert_string_equal(interview_notice_message(arena, "FACE_NOT_DETECTED", "Look here"),
			    "{\"type\":\"error\",\"data\":{\"code\":\"FACE_NOT_DETECTED\",\"message\":\"Look here\"}}");
}

static void test_messages__progress_is_the_rounded_percentage(void **state)
{
	(void)state;
	static const struct {
		int answered, total, progress;
	} cases[] = {{0, 5, 0}, {3, 5, 60}, {1, 3, 33}, {2, 3, 67}, {3, 3, 100}, {49, 50, 98}, {0, 1, 0}, {1, 1, 100}};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		struct interview_record record = record_of(cases[i].answered, cases[i].total);
		assert_int_equal(interview_progress(&record), cases[i].progress);
	}
	struct interview_record record = record_of(3, 5);
	assert_json(interview_status_data(&record, 3),
		    "{\"progress\":60,\"current_question\":3,\"total_questions\":5}");
	assert_json(interview_status_json(&record),
		    "{\"id\":\"0198c9a1-0000-7000-8000-000000000000\",\"status\":\"in_progress\",\"progress\":60,"
		    "\"current_question\":4,\"total_questions\":5}");
}

static void test_messages__a_response_without_parts_is_complete_json(void **state)
{
	(void)state;
	Emotion__EmotionResponse response = EMOTION__EMOTION_RESPONSE__INIT;
	response.frame_number = 3;
	json_t *json = interview_emotion_json(&response);
	assert_non_null(json);
	assert_false(json_is_true(json_object_get(json_object_get(json, "face_metrics"), "detected")));
	assert_int_equal(json_integer_value(json_object_get(json, "frame_number")), 3);
	assert_null(json_object_get(json, "continuation"));
	json_decref(json);
}

static void test_messages__a_withheld_emotion_score_is_null_and_explained(void **state)
{
	(void)state;
	Scoring__ScoreResponse score = SCORING__SCORE_RESPONSE__INIT;
	score.emotion_score = 80;
	score.emotion_scored = true;  // whatever a peer says
	struct interview_record withheld = record_of(5, 5);
	struct interview_record consented = record_of(5, 5);
	struct interview_record recruitment = record_of(5, 5);
	consented.emotion_analysis = true;
	recruitment.emotion_analysis = true;
	recruitment.mode = INTERVIEW_RECRUITMENT;

	VIVA_AUTO_JSON with = interview_score_json(&score, &consented);
	assert_true(json_real_value(json_object_get(with, "emotion_score")) == 80);
	assert_int_equal(json_array_size(json_object_get(with, "insights")), 0);
	const struct interview_record *cases[] = {&withheld, &recruitment};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		VIVA_AUTO_JSON without = interview_score_json(&score, cases[i]);
		assert_true(json_is_null(json_object_get(without, "emotion_score")));
		const json_t *insight = json_array_get(json_object_get(without, "insights"), 0);
		assert_string_equal(json_string_value(json_object_get(insight, "category")), "emotion");
	}
}

static void test_messages__an_unscorable_analysis_says_why(void **state)
{
	(void)state;
	Scoring__AnswerAnalysis analysis = SCORING__ANSWER_ANALYSIS__INIT;
	analysis.unscorable = true;
	analysis.reason = (char[]){"not English"};
	analysis.relevance_score = 0.9F;
	assert_json(interview_analysis_json(&analysis), "{\"scorable\":false,\"reason\":\"not English\"}");
}

static void test_messages__the_whole_shows_no_question_before_it_was_put(void **state)
{
	(void)state;
	struct interview_question questions[] = {{1, "q1", "One?", "introduction", true},
						 {2, "q2", "Two?", "technical", false},
						 {3, "q3", "Three?", "technical", false}};
	struct interview_answer answer = {.question_id = "q1",
					  .question = "One?",
					  .transcript = "I say",
					  .confidence = -1,
					  .language = "",
					  .analysis = "{\"scorable\":false,\"reason\":\"r\"}"};
	struct interview_record record = record_of(1, 3);
	VIVA_AUTO_JSON whole = interview_whole_json(&record, questions, 3, &answer, 1);
	assert_non_null(whole);
	assert_int_equal(json_array_size(json_object_get(whole, "questions")), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(whole, "question"), "id")), "q2");
	const json_t *given = json_array_get(json_object_get(whole, "answers"), 0);
	assert_true(json_is_null(json_object_get(given, "confidence")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(given, "analysis"), "reason")), "r");
	assert_true(json_is_null(json_object_get(whole, "score")));
	assert_null(json_object_get(whole, "token"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages__a_message_has_type_and_data),
		cmocka_unit_test(test_messages__an_error_names_code_sentence_and_field),
		cmocka_unit_test(test_messages__progress_is_the_rounded_percentage),
		cmocka_unit_test(test_messages__a_response_without_parts_is_complete_json),
		cmocka_unit_test(test_messages__a_withheld_emotion_score_is_null_and_explained),
		cmocka_unit_test(test_messages__an_unscorable_analysis_says_why),
		cmocka_unit_test(test_messages__the_whole_shows_no_question_before_it_was_put),
	};
	return cmocka_run_group_tests_name("interview/messages", tests, NULL, NULL);
}
