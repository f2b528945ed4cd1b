// SPDX-License-Identifier: Apache-2.0
//
// Scores and reports of whole sessions, with the real models and a store in a folder of its own.
#include "scoring/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "scoring/judge.h"
#include "scoring/records.h"
#include "scoring_fixture.h"

#define GOOD                                                                                                           \
	"A process is a running program with its own address space, which is isolated from the others. The threads "   \
	"of "                                                                                                          \
	"a process share its memory and its files, and each has only its own stack and registers. Threads are "        \
	"cheaper "                                                                                                     \
	"to create and to switch, but shared data needs locks, because two threads that change it race with each "     \
	"other."
#define STORY                                                                                                          \
	"Anna and I disagreed about how to store the events, and we argued in two meetings. So I asked for her "       \
	"reasons "                                                                                                     \
	"and listened. I proposed a load test, we ran it together for two days, and in the end we agreed on one "      \
	"table. I "                                                                                                    \
	"learned to ask for reasons before I defend my own."

#define service scoring_fixture.service
#define arena scoring_fixture.arena
#define fake scoring_fixture.clock
#define copy scoring_fixture_copy
#define request_of scoring_fixture_request
#define add_answer scoring_fixture_answer
#define add_emotion scoring_fixture_emotion
#define score scoring_fixture_score

static const Scoring__Insight *insight_of(const Scoring__ScoreResponse *response, const char *category)
{
	for (size_t i = 0; i < response->n_insights; i++) {
		if (strcmp(response->insights[i]->category, category) == 0)
			return response->insights[i];
	}
	return NULL;
}

static void test_session__good_answers_score_high_and_the_overall_follows(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("good");
	add_answer(request, "process-and-thread", GOOD);
	add_answer(request, "conflict-in-team", STORY);
	Scoring__ScoreResponse *response = score(request);
	assert_true(response->technical_score > 60 && response->communication_score > 60);
	double overall = .6 * (double)response->technical_score + .4 * (double)response->communication_score;
	assert_true(fabs((double)response->overall_score - overall) < .02);
	assert_true(strlen(response->feedback) > 0 && strstr(response->version, "scoring-3"));
	assert_int_equal(response->calculated_at, fake.unix_ms);
}

static void test_session__the_same_request_gets_the_same_score(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("same");
	add_answer(request, "process-and-thread", GOOD);
	Scoring__ScoreResponse *first = score(request);
	Scoring__ScoreResponse *again = scoring_fixture_score_again("same");
	assert_true(first->overall_score == again->overall_score);
	assert_true(first->technical_score == again->technical_score);
	assert_true(first->communication_score == again->communication_score);
	assert_string_equal(first->feedback, again->feedback);
	assert_int_equal(first->n_insights, again->n_insights);
}

static void test_session__what_cannot_be_judged_lowers_no_score(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("unscorable");
	add_answer(request, "process-and-thread", GOOD);
	Scoring__ScoreResponse *before = score(request);
	add_answer(request, "hash-table", STORY)->confidence = .1f;
	add_answer(request, "tcp-and-udp",
		   "Das eine ist zuverlässig und das andere ist es nicht, aber es ist schneller.");
	Scoring__ScoreResponse *after = score(request);
	assert_true(before->overall_score == after->overall_score);
	assert_true(before->technical_score == after->technical_score);
	assert_non_null(insight_of(after, "not_scorable"));
}

static void test_session__an_empty_answer_counts_as_nothing_said(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("empty");
	add_answer(request, "process-and-thread", "");
	Scoring__ScoreResponse *response = score(request);
	assert_true(response->overall_score == 0 && response->technical_score == 0);
	assert_non_null(insight_of(response, "no_answer"));
}

static void test_session__without_any_answer_the_feedback_says_so(void **state)
{
	(void)state;
	Scoring__ScoreResponse *response = score(request_of("none"));
	assert_true(response->overall_score == 0 && response->overall_high == 0 && response->not_scorable);
	assert_non_null(insight_of(response, "no_answers"));
}

static void test_session__emotions_weigh_what_is_configured_and_nothing_by_default(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("emotion");
	add_answer(request, "process-and-thread", GOOD);
	Scoring__ScoreResponse *without = score(request);
	assert_false(without->emotion_scored);
	add_emotion(request, "happy");
	add_emotion(request, "sad");
	add_emotion(request, "");
	Scoring__ScoreResponse *with = score(request);
	assert_true(with->emotion_scored);
	assert_true(fabsf(with->emotion_score - 65) < .01f);
	assert_true(with->overall_score == without->overall_score);
	service.weights.emotion = 1;
	assert_true(score(request)->overall_score != without->overall_score);
}

static void test_session__emotions_are_never_scored_in_recruitment_or_when_withheld(void **state)
{
	(void)state;
	service.weights.emotion = 1;
	Scoring__ScoreRequest *request = request_of("withheld");
	add_answer(request, "process-and-thread", GOOD);
	add_emotion(request, "happy");
	for (int i = 0; i < 2; i++) {
		request->metadata->mode = copy(i == 0 ? "recruitment" : "practice");
		request->metadata->emotion_withheld = i == 1;
		Scoring__ScoreResponse *response = score(request);
		assert_false(response->emotion_scored);
		assert_true(response->emotion_score == 0);
		assert_non_null(insight_of(response, "emotion"));
	}
}

static void test_session__a_passed_deadline_ends_the_calculation(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("late");
	add_answer(request, "process-and-thread", GOOD);
	Scoring__ScoreResponse *response = NULL;
	struct scoring_caller caller = {.deadline_us = fake.monotonic_us - 1};
	assert_error(scoring_session_score(&service, request, &caller, arena, &response, NULL), VIVA_EDEADLINE);
	caller.deadline_us = INT64_MAX;
	assert_error(scoring_session_score_again(&service, "late", &caller, arena, &response, NULL), VIVA_ENOTFOUND);
}

static json_t *report_of(const char *session_id, bool include_emotions)
{
	const struct scoring_report_options options = {
		.session_id = session_id, .format = "json", .include_emotions = include_emotions};
	json_t *report = NULL;
	const char *url = NULL;
	assert_ok(scoring_session_report(&service, &options, arena, &report, &url, NULL));
	assert_non_null(strstr(url, "/api/v1/scores/report/"));
	return report;
}

static double mean_of(const json_t *questions, const char *name, bool only_technical)
{
	double sum = 0;
	double count = 0;
	size_t index;
	json_t *question;
	json_array_foreach(questions, index, question)
	{
		if (!json_is_true(json_object_get(question, "scored")) ||
		    (only_technical && !json_is_true(json_object_get(question, "counts_as_technical"))))
			continue;
		sum += json_number_value(json_object_get(question, name));
		count++;
	}
	return sum / count;
}

static void test_session__the_overall_score_can_be_computed_from_the_report(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("report");
	add_answer(request, "process-and-thread", GOOD);
	add_answer(request, "tcp-and-udp",
		   "TCP is reliable and ordered, while UDP sends datagrams without a guarantee.");
	add_answer(request, "conflict-in-team", STORY);
	add_answer(request, "hash-table", GOOD)->confidence = .1f;
	Scoring__ScoreResponse *response = score(request);
	VIVA_AUTO_JSON report = report_of("report", false);
	const json_t *questions = json_object_get(report, "questions");
	assert_int_equal(json_array_size(questions), 4);
	double technical = mean_of(questions, "content_score", true);
	double communication = mean_of(questions, "communication_score", false);
	assert_true(fabs(technical - (double)response->technical_score) < .02);
	assert_true(fabs(communication - (double)response->communication_score) < .02);
	const json_t *weights = json_object_get(json_object_get(report, "formulas"), "weights");
	// Each sum takes up what was told of the one before, rounded.
	double overall =
		json_number_value(json_object_get(weights, "technical")) * (double)response->technical_score +
		json_number_value(json_object_get(weights, "communication")) * (double)response->communication_score;
	assert_true(fabs(overall - (double)response->overall_score) < .006);
	assert_true(response->overall_low < response->overall_score && response->overall_score < 100);
	// The printed sum holds the very numbers.
	const char *sum = json_string_value(
		json_object_get(json_object_get(json_object_get(report, "formulas"), "sums"), "overall"));
	double numbers[6];
	assert_int_equal(sscanf(sum, "(%lf × %lf + %lf × %lf) ÷ %lf = %lf", &numbers[0], &numbers[1], &numbers[2],
				&numbers[3], &numbers[4], &numbers[5]),
			 6);
	double by_hand = (numbers[0] * numbers[1] + numbers[2] * numbers[3]) / numbers[4];
	assert_true(fabs(by_hand - numbers[5]) < .00501);
	assert_string_equal(json_string_value(json_object_get(json_array_get(questions, 0), "transcript")), GOOD);
	assert_true(json_is_null(json_object_get(report, "emotions")));
	assert_true(json_array_size(json_object_get(report, "rights")) > 0);
}

static void test_session__a_report_has_emotions_only_when_asked_and_allowed(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("faces");
	add_answer(request, "process-and-thread", GOOD);
	add_emotion(request, "happy");
	add_emotion(request, "happy");
	add_emotion(request, "neutral");
	score(request);
	VIVA_AUTO_JSON shown = report_of("faces", true);
	const json_t *emotions = json_object_get(shown, "emotions");
	assert_string_equal(json_string_value(json_object_get(emotions, "dominant")), "happy");
	assert_int_equal(json_integer_value(json_object_get(emotions, "faces")), 3);
	request->metadata->emotion_withheld = true;
	score(request);
	VIVA_AUTO_JSON withheld = report_of("faces", true);
	assert_true(json_is_false(json_object_get(json_object_get(withheld, "emotions"), "analysed")));
	assert_null(json_object_get(json_object_get(withheld, "emotions"), "distribution"));
	request->metadata->mode = copy("recruitment");
	score(request);
	VIVA_AUTO_JSON hidden = report_of("faces", true);
	assert_true(json_is_null(json_object_get(hidden, "emotions")));
}

static void test_session__a_report_needs_a_session_and_a_format(void **state)
{
	(void)state;
	score(request_of("formats"));
	static const struct {
		const char *session_id, *format;
		int code;
	} refusals[] = {
		{"formats", "docx", VIVA_EFIELD},
		{"unknown", "json", VIVA_ENOTFOUND},
		{"unknown", "pdf", VIVA_ENOTFOUND},
		{"", "json", VIVA_EFIELD},
	};
	for (size_t i = 0; i < VIVA_COUNT(refusals); i++) {
		const struct scoring_report_options options = {.session_id = refusals[i].session_id,
							       .format = refusals[i].format};
		json_t *report = NULL;
		const char *url = NULL;
		assert_error(scoring_session_report(&service, &options, arena, &report, &url, NULL), refusals[i].code);
		assert_null(report);
	}
}

static void test_session__erased_means_gone(void **state)
{
	(void)state;
	Scoring__ScoreRequest *request = request_of("erased");
	add_answer(request, "process-and-thread", GOOD);
	score(request);
	Scoring__ScoreResponse *response = NULL;
	assert_ok(scoring_records_load(service.store, "erased", arena, NULL, &response, NULL, NULL));
	assert_ok(scoring_records_erase(service.store, "erased", 0, NULL));
	assert_error(scoring_records_load(service.store, "erased", arena, NULL, &response, NULL, NULL), VIVA_ENOTFOUND);
	assert_ok(scoring_records_erase(service.store, "erased", 0, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scoring_fixture_begin, scoring_fixture_end)

static void test_session__an_answer_to_a_follow_up_is_judged_with_the_question_it_digs_into(void **state)
{
	(void)state;
	const struct viva_question *question = viva_question_bank_find_key(service.bank, "conflict-in-team");
	struct scoring_answer answer = {
		.question_id = question->follow_up_ids[0],
		.question = question->follow_ups[0],
		.category = question->category,
		.transcript =
			"He would say that our argument went on for too long, but that it was good to disagree openly "
			"before we tried both ways for two weeks and agreed on one.",
		.language = "",
	};
	struct scoring_judgement with, without;
	assert_ok(scoring_judge(&service, &answer, arena, &with, NULL));
	answer.question_id = "00000000-0000-4000-8000-000000000000";
	assert_ok(scoring_judge(&service, &answer, arena, &without, NULL));
	assert_string_equal(with.question, question->follow_ups[0]);
	assert_false(with.analysis.has_points);
	if (with.analysis.relevance < .5 || with.analysis.relevance <= without.analysis.relevance)
		fail_msg("relevance %.2f, alone %.2f", with.analysis.relevance, without.analysis.relevance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_session__good_answers_score_high_and_the_overall_follows),
		TEST(test_session__the_same_request_gets_the_same_score),
		TEST(test_session__what_cannot_be_judged_lowers_no_score),
		TEST(test_session__an_empty_answer_counts_as_nothing_said),
		TEST(test_session__without_any_answer_the_feedback_says_so),
		TEST(test_session__emotions_weigh_what_is_configured_and_nothing_by_default),
		TEST(test_session__emotions_are_never_scored_in_recruitment_or_when_withheld),
		TEST(test_session__a_passed_deadline_ends_the_calculation),
		TEST(test_session__the_overall_score_can_be_computed_from_the_report),
		TEST(test_session__a_report_has_emotions_only_when_asked_and_allowed),
		TEST(test_session__a_report_needs_a_session_and_a_format),
		TEST(test_session__erased_means_gone),
		TEST(test_session__an_answer_to_a_follow_up_is_judged_with_the_question_it_digs_into),
	};
	return cmocka_run_group_tests(tests, scoring_fixture_open, scoring_fixture_close);
}
