// SPDX-License-Identifier: Apache-2.0
#include "interview/adapt.h"

#include <string.h>

#include "interview_fixture.h"

static const char START[] = "{\"user_id\":\"u\",\"question_set\":\"backend-engineer\",\"seed\":5}";
static const char SHALLOW[] = "{\"depth_score\":0.1,\"relevance_score\":0.8,\"clarity_score\":0.8}";
static const char DEEP[] = "{\"depth_score\":0.9,\"relevance_score\":0.9,\"clarity_score\":0.8}";

static struct interview_question open_question(struct interview_fixture *fixture, const char *id)
{
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	assert_ok(interview_load_questions(&reader, id, &questions, &count, NULL));
	const struct interview_question *open = interview_open_question(questions, count);
	assert_non_null(open);
	return *open;
}

static void judge_all(struct interview_fixture *fixture, const char *analysis)
{
	struct viva_value values[] = {viva_value_text(analysis)};
	assert_ok(viva_store_execute(fixture->service.store, "UPDATE interview_answers SET analysis = $1", values, 1,
				     NULL, NULL));
}

// As a process that died after it had stored an answer, before it chose.
static void reopen_choice(struct interview_fixture *fixture, int number)
{
	struct viva_value values[] = {viva_value_int(number)};
	assert_ok(viva_store_execute(fixture->service.store, "UPDATE interview_interviews SET undecided = $1", values,
				     1, NULL, NULL));
}

static void test_adapt__the_interview_goes_on_without_the_scoring_service(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, START);
	struct interview_record record = interview_fixture_load(fixture, id);
	assert_true(record.is_adaptive);
	assert_int_equal(record.seed, 5);
	assert_int_equal(record.total_questions, 9);
	for (int number = 1; number <= 9; number++) {
		struct interview_answer_result result;
		assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
		assert_null(result.analysis);
		assert_int_equal(result.record.undecided, 0);
		assert_int_equal(result.has_next, number < 9);
		if (number < 9)
			assert_string_equal(result.next.id, open_question(fixture, id).id);
	}
	assert_int_equal(interview_progress(&(struct interview_record){.answered = 9, .total_questions = 9}), 100);
}

static void test_adapt__a_choice_left_open_is_made_once_by_whoever_needs_it(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, START);
	struct interview_question first = open_question(fixture, id);
	struct interview_answer_result result;
	assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
	judge_all(fixture, SHALLOW);
	reopen_choice(fixture, 2);

	// Another instance, after the first one died: the answer was shallow, so it is followed up.
	struct interview_service other = fixture->service;
	interview_fixture_init_instance(fixture, &other);
	struct interview_record record;
	assert_ok(interview_load_settled(&other, id, fixture->arena, &record, NULL));
	assert_int_equal(record.undecided, 0);
	struct interview_question second = open_question(fixture, id);
	assert_int_equal(second.number, 2);
	size_t index = 0;
	const struct viva_question *dug = viva_question_bank_find_follow_up(other.bank, second.id, &index);
	assert_non_null(dug);
	assert_string_equal(dug->id, first.id);
	assert_string_equal(second.text, dug->follow_ups[index]);
	assert_string_equal(second.category, first.category);

	// What was chosen stays, whatever is learned later.
	judge_all(fixture, DEEP);
	assert_ok(interview_load_settled(&fixture->service, id, fixture->arena, &record, NULL));
	assert_string_equal(open_question(fixture, id).id, second.id);
	assert_ok(interview_fixture_answer(fixture, id, "Because of the users.", &result));
	assert_int_equal(result.next.number, 3);
	assert_int_equal(interview_fixture_count(fixture, "SELECT COUNT(*) FROM interview_questions"), 9);
	assert_int_equal(
		interview_fixture_count(fixture, "SELECT COUNT(DISTINCT question_id) FROM interview_questions"), 9);
	interview_fixture_finish_instance(&other);
}

static void test_adapt__good_answers_make_the_next_question_harder(void **state)
{
	struct interview_fixture *fixture = *state;
	int difficulties[2] = {0};
	const char *const analyses[2] = {"{\"depth_score\":0.1,\"relevance_score\":0.1}", DEEP};
	for (int run = 0; run < 2; run++) {
		const char *id = interview_fixture_start(fixture, START);
		for (int number = 1; number < 9; number++) {
			struct interview_answer_result result;
			assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
			judge_all(fixture, analyses[run]);
			struct viva_value values[] = {viva_value_int(number + 1), viva_value_text(id)};
			assert_ok(viva_store_execute(fixture->service.store,
						     "UPDATE interview_interviews SET undecided = $1 WHERE id = $2",
						     values, 2, NULL, NULL));
			struct interview_record record;
			assert_ok(interview_load_settled(&fixture->service, id, fixture->arena, &record, NULL));
			const char *next = open_question(fixture, id).id;
			const struct viva_question *question = viva_question_bank_find(fixture->service.bank, next);
			assert_non_null(question);
			difficulties[run] += question->difficulty;
		}
	}
	assert_true(difficulties[1] >= difficulties[0] + 8);
}

static void test_adapt__fixed_sets_recruitment_and_the_switch_keep_the_order(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, "{\"user_id\":\"u\"}");
	assert_false(interview_fixture_load(fixture, id).is_adaptive);
	assert_string_equal(open_question(fixture, id).id,
			    viva_question_bank_set(fixture->service.bank, "default")->questions[0]->id);

	// Of a set to choose from, everybody who competes is asked the same.
	static const char recruitment[] =
		"{\"user_id\":\"u\",\"question_set\":\"backend-engineer\",\"mode\":\"recruitment\"}";
	const char *one = interview_fixture_start(fixture, recruitment);
	const char *two = interview_fixture_start(fixture, recruitment);
	for (int number = 1; number <= 9; number++) {
		struct interview_question of_one = open_question(fixture, one);
		struct interview_question of_two = open_question(fixture, two);
		struct interview_answer_result result;
		assert_string_equal(of_one.id, of_two.id);
		assert_ok(interview_fixture_answer(fixture, one, "I measured first.", &result));
		assert_ok(interview_fixture_answer(fixture, two, "No.", &result));
	}

	fixture->service.is_order_fixed = true;
	id = interview_fixture_start(fixture, "{\"user_id\":\"u\",\"question_set\":\"general\",\"adaptive\":true}");
	assert_false(interview_fixture_load(fixture, id).is_adaptive);
	fixture->service.is_order_fixed = false;
	id = interview_fixture_start(fixture, "{\"user_id\":\"u\",\"adaptive\":true}");
	assert_true(interview_fixture_load(fixture, id).is_adaptive);
}

static void test_adapt__an_answer_out_of_order_is_taken_and_leaves_what_was_put(void **state)
{
	struct interview_fixture *fixture = *state;
	const char *id = interview_fixture_start(fixture, START);
	struct interview_question first = open_question(fixture, id);
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	assert_ok(interview_load_questions(&reader, id, &questions, &count, NULL));
	struct interview_answer_request last = {
		.question_id = questions[count - 1].id, .transcript = "At once.", .confidence = -1, .language = ""};
	struct interview_answer_result result;
	assert_ok(interview_answer(&fixture->service, id, &last, INT64_MAX, fixture->arena, &result, NULL));
	assert_string_equal(result.next.id, first.id);
	for (size_t i = 0; i + 1 < count; i++)
		assert_ok(interview_fixture_answer(fixture, id, "I measured first.", &result));
	assert_false(result.has_next);
	assert_int_equal(result.record.answered, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, interview_fixture_set_up, interview_fixture_tear_down)
		WITH_FIXTURE(test_adapt__the_interview_goes_on_without_the_scoring_service),
		WITH_FIXTURE(test_adapt__a_choice_left_open_is_made_once_by_whoever_needs_it),
		WITH_FIXTURE(test_adapt__good_answers_make_the_next_question_harder),
		WITH_FIXTURE(test_adapt__fixed_sets_recruitment_and_the_switch_keep_the_order),
		WITH_FIXTURE(test_adapt__an_answer_out_of_order_is_taken_and_leaves_what_was_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
