// SPDX-License-Identifier: Apache-2.0
//
// What people are told of an analysis, made up here.
#include "language/feedback.h"

#include <string.h>

#include "arena_fixture.h"
#include "viva_test.h"

static const struct viva_point_finding POINTS[] = {
	{.text = "An index is a sorted structure.",
	 .status = VIVA_POINT_COVERED,
	 .evidence = "It is a sorted tree.",
	 .similarity = .8},
	{.text = "Writes become slower.", .status = VIVA_POINT_PARTLY, .evidence = "It costs a bit.", .similarity = .4},
	{.text = "It takes space.", .evidence = ""},
	{.text = "It helps little for large results.", .evidence = ""},
};
static const struct viva_point_finding LABELS[] = {
	{.text = "what you built yourself",
	 .is_label = true,
	 .status = VIVA_POINT_COVERED,
	 .evidence = "I wrote the importer.",
	 .similarity = .8},
	{.text = "the hardest part", .is_label = true, .status = VIVA_POINT_PARTLY, .evidence = "It was hard."},
	{.text = "what got better", .is_label = true, .evidence = ""},
};

static struct viva_answer_analysis usual(void)
{
	return (struct viva_answer_analysis){.reason = "",
					     .has_relevance = true,
					     .relevance = .9,
					     .clarity = .9,
					     .depth = .6,
					     .features = {.words = 80, .content_words = 40}};
}

static void test_feedback__quotes_what_meets_a_point_and_lists_what_was_not_found(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.points = POINTS;
	analysis.point_count = VIVA_COUNT(POINTS);
	assert_string_equal(viva_feedback_write(&analysis, arena),
			    "The answer addresses the question. You say “It is a sorted tree”: that speaks to the "
			    "point “An index is a sorted structure”. Not found: “It takes space”; “It helps little "
			    "for large results”.");
	analysis.point_count = 3;
	assert_non_null(strstr(viva_feedback_write(&analysis, arena),
			       "Not found: “It takes space”. Only partly there: “Writes become slower”."));
}

static void test_feedback__puts_labels_into_its_sentences(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.points = LABELS;
	analysis.point_count = VIVA_COUNT(LABELS);
	assert_string_equal(viva_feedback_write(&analysis, arena),
			    "The answer addresses the question. You say “I wrote the importer”, which speaks to what "
			    "you built yourself. Worth adding, or saying more plainly: what got better; the hardest "
			    "part.");
}

static void test_feedback__has_no_advice_on_more_of_what_is_beside_the_question(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.relevance = .05;
	analysis.depth = .05;
	analysis.is_story = true;
	assert_string_equal(viva_feedback_write(&analysis, arena),
			    "Little of the answer is recognisably about the question.");
}

static void test_feedback__takes_no_answer_for_what_it_is(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.features.words = 3;
	analysis.remarks[0] = (struct viva_answer_remark){
		.code = "no_answer", .description = "The answer only says that there is none.", .impact = -1};
	analysis.remark_count = 1;
	analysis.points = POINTS;
	analysis.point_count = VIVA_COUNT(POINTS);
	assert_string_equal(viva_feedback_write(&analysis, arena),
			    "The answer only says that there is none. What you do know about it would count, even if "
			    "it is little.");
}

static void test_feedback__asks_for_figures_only_where_there_are_none(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.depth = .3;
	assert_non_null(strstr(viva_feedback_write(&analysis, arena), "A concrete example, a figure or a reason"));
	analysis.has_marks = true;  // but beside the question
	assert_non_null(strstr(viva_feedback_write(&analysis, arena), "where they are about what is asked"));
	analysis.specificity = .6;
	const char *feedback = viva_feedback_write(&analysis, arena);
	assert_null(strstr(feedback, "a figure"));
	assert_non_null(strstr(feedback, "more of what is asked"));
	analysis.features.words = 20;
	assert_non_null(strstr(viva_feedback_write(&analysis, arena), "short with 20 words"));
}

static void test_feedback__names_one_missing_part_of_a_story(void **state)
{
	(void)state;
	struct viva_answer_analysis analysis = usual();
	analysis.is_story = true;
	assert_non_null(strstr(viva_feedback_write(&analysis, arena), "What you yourself did is not easy to find"));
	analysis.story[VIVA_STORY_ACTION] = "I asked them.";
	assert_non_null(strstr(viva_feedback_write(&analysis, arena), "How it ended is not easy to find"));
	analysis.story[VIVA_STORY_RESULT] = "In the end it worked.";
	analysis.story[VIVA_STORY_SITUATION] = "Last year it broke.";
	assert_non_null(strstr(viva_feedback_write(&analysis, arena),
			       "The story is whole, up to its end: “In the end it worked”."));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_feedback__quotes_what_meets_a_point_and_lists_what_was_not_found),
		TEST(test_feedback__puts_labels_into_its_sentences),
		TEST(test_feedback__has_no_advice_on_more_of_what_is_beside_the_question),
		TEST(test_feedback__takes_no_answer_for_what_it_is),
		TEST(test_feedback__asks_for_figures_only_where_there_are_none),
		TEST(test_feedback__names_one_missing_part_of_a_story),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
