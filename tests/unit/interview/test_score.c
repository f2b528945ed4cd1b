// SPDX-License-Identifier: Apache-2.0
#include "interview/score.h"

#include <string.h>

#include "interview/life.h"
#include "interview/stored_score.h"
#include "interview_fixture.h"

static const char *complete_one(struct interview_fixture *fixture)
{
	const char *id = interview_fixture_start(fixture, "{\"user_id\":\"u\",\"total_questions\":2}");
	struct interview_record record;
	assert_ok(interview_complete(&fixture->service, id, NULL, fixture->arena, &record, NULL));
	return id;
}

static void test_score__one_that_cannot_be_made_now_can_be_asked_for_again(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = complete_one(fixture);
	for (int attempts = 1; attempts <= 2; attempts++) {
		assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ESCORINGDOWN);
		struct interview_record record = interview_fixture_load(fixture, id);
		assert_int_equal(record.state, INTERVIEW_COMPLETED);
		assert_int_equal(record.score_attempts, attempts);
		assert_null(record.score);
	}
}

static void test_score__only_one_caller_at_a_time_has_it_made(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = complete_one(fixture);
	struct viva_value values[] = {viva_value_int(interview_now_ms(&fixture->service) + INTERVIEW_SCORE_LEASE_MS),
				      viva_value_text(id)};
	assert_ok(viva_store_execute(fixture->service.store,
				     "UPDATE interview_interviews SET score_after = $1 WHERE id = $2", values,
				     VIVA_COUNT(values), NULL, NULL));
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ECONFLICT);
	assert_int_equal(interview_fixture_load(fixture, id).score_attempts, 0);
	// Who waits gives up at its deadline, which has passed here.
	assert_error(interview_score_or_wait(&fixture->service, id, 0, NULL), VIVA_ECONFLICT);
	// One that never came back is overtaken.
	fake_clock_advance_ms(&fixture->clock, INTERVIEW_SCORE_LEASE_MS);
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ESCORINGDOWN);
}

static void test_score__whoever_was_overtaken_leaves_the_others_lease(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = complete_one(fixture);
	// As if somebody took the lease over while this caller was at it.
	assert_ok(viva_store_execute(
		fixture->service.store,
		"CREATE TRIGGER overtake AFTER UPDATE OF score_after ON interview_interviews"
		" WHEN new.score_after > 0 BEGIN"
		" UPDATE interview_interviews SET score_after = new.score_after + 1 WHERE id = new.id;"
		" END",
		NULL, 0, NULL, NULL));
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ESCORINGDOWN);
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ECONFLICT);
	fake_clock_advance_ms(&fixture->clock, INTERVIEW_SCORE_LEASE_MS + 2);
	assert_error(interview_score(&fixture->service, id, INT64_MAX, NULL), VIVA_ESCORINGDOWN);
}

static void test_score__what_is_not_completed_is_left_alone(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, "{\"user_id\":\"u\"}");
	size_t told = 9;
	assert_ok(interview_score(&fixture->service, id, INT64_MAX, NULL));
	assert_ok(interview_adopt_score(&fixture->service, id, &told, NULL));
	assert_int_equal(told, 0);
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_IN_PROGRESS);
	const char *unknown = "00000000-0000-7000-8000-000000000000";
	assert_error(interview_score(&fixture->service, unknown, INT64_MAX, NULL), VIVA_ENOTFOUND);
	assert_ok(interview_adopt_score(&fixture->service, unknown, &told, NULL));
}

static void test_score__a_told_score_that_cannot_be_fetched_is_an_error_and_changes_nothing(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = complete_one(fixture);
	size_t told = 9;
	struct viva_error error = {0};
	assert_error(interview_adopt_score(&fixture->service, id, &told, &error), VIVA_ESCORINGDOWN);
	assert_int_equal(told, 0);
	assert_int_equal(error.code, VIVA_ESCORINGDOWN);
	assert_int_equal(interview_fixture_load(fixture, id).state, INTERVIEW_COMPLETED);
}

static int parse(struct interview_fixture *fixture, const char *text, Scoring__ScoreResponse **ret_score,
		 struct viva_error *error)
{
	VIVA_AUTO_JSON json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return interview_score_parse(json, fixture->arena, ret_score, error);
}

static void test_score__a_stored_score_is_read_as_the_scoring_service_writes_it(void **state)
{
	struct interview_fixture *fixture = *state;
	Scoring__ScoreResponse *score = NULL;
	assert_ok(parse(fixture,
			"{\"session_id\":\"s\",\"technical_score\":39.87,\"communication_score\":87.18,"
			"\"emotion_score\":null,\"overall_score\":58.79,\"feedback\":\"Well.\",\"insights\":[{"
			"\"category\":\"depth\",\"description\":\"d\",\"impact\":-0.5},{}],\"emotion_scored\":false,"
			"\"version\":\"1\",\"calculated_at\":1700000000000,\"of a later version\":[]}",
			&score, NULL));
	assert_string_equal(score->session_id, "s");
	assert_true(score->technical_score > 39.8F && score->technical_score < 39.9F);
	assert_true(score->emotion_score == 0);
	assert_false(score->emotion_scored);
	assert_string_equal(score->feedback, "Well.");
	assert_true(score->calculated_at == INT64_C(1700000000000));
	assert_int_equal(score->n_insights, 2);
	assert_string_equal(score->insights[0]->category, "depth");
	assert_true(score->insights[0]->impact == -0.5F);
	assert_string_equal(score->insights[1]->description, "");
}

static void test_score__a_stored_score_out_of_range_names_the_member(void **state)
{
	struct interview_fixture *fixture = *state;
	static const struct {
		const char *text, *field;
	} cases[] = {
		{"{}", "calculated_at"},
		{"{\"calculated_at\":-1}", "calculated_at"},
		{"{\"calculated_at\":1,\"technical_score\":101}", "technical_score"},
		{"{\"calculated_at\":1,\"overall_score\":\"high\"}", "overall_score"},
		{"{\"calculated_at\":1,\"insights\":{}}", "insights"},
		{"{\"calculated_at\":1,\"insights\":[{\"impact\":2}]}", "impact"},
		{"{\"calculated_at\":1,\"emotion_scored\":1}", "emotion_scored"},
		{"{\"calculated_at\":1,\"feedback\":7}", "feedback"},
	};
	for (size_t i = 0; i < VIVA_COUNT(cases); i++) {
		Scoring__ScoreResponse *score = NULL;
		struct viva_error error = {0};
		assert_error(parse(fixture, cases[i].text, &score, &error), VIVA_EFIELD);
		assert_string_equal(error.field, cases[i].field);
		assert_null(score);
	}
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(test_score__one_that_cannot_be_made_now_can_be_asked_for_again),
		WITH_SERVICE(test_score__only_one_caller_at_a_time_has_it_made),
		WITH_SERVICE(test_score__whoever_was_overtaken_leaves_the_others_lease),
		WITH_SERVICE(test_score__what_is_not_completed_is_left_alone),
		WITH_SERVICE(test_score__a_told_score_that_cannot_be_fetched_is_an_error_and_changes_nothing),
		WITH_SERVICE(test_score__a_stored_score_is_read_as_the_scoring_service_writes_it),
		WITH_SERVICE(test_score__a_stored_score_out_of_range_names_the_member),
	};
	return cmocka_run_group_tests_name("interview/score", tests, NULL, NULL);
}
