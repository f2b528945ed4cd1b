// SPDX-License-Identifier: Apache-2.0
//
// Honest answers from many walks of life to questions of the bank: each must be found relevant to its own question, and
// not to one about something else. Needs the models.
#include "language/analyze.h"

#include <stdlib.h>
#include <string.h>

#include "questions/question_bank.h"
#include "viva_test.h"

// Our own words.
static const struct honest {
	const char *key;    // of the question answered
	const char *other;  // of a question about something else
	const char *answer;
} HONEST[] = {
	{"about-yourself", "database-index",
	 "I have built billing systems in C for six years. Last year I led the move of our ledger to a new database, "
	 "without a minute of downtime, and now I look for a team that cares about reliability."},
	{"about-yourself", "tcp-and-udp",
	 "I'm a nurse on a cardiac ward in Leeds. I started as a care assistant straight after school because my "
	 "grandmother was ill for a long time, and I liked the calm way the nurses dealt with her. After four years I "
	 "did my degree, and these days I also train the new starters."},
	{"about-yourself", "hash-table",
	 "I drive trams in Vienna and have done so for nine years. Before that I was a baker, but the night shifts "
	 "broke "
	 "my back. What I like is that people rely on me to be on time, and lately I've been taking evening classes in "
	 "traffic planning."},
	{"why-this-role", "memory-leak",
	 "Your company works on wind turbines and that matters to me. I bring eight years of hydraulics and two years "
	 "of "
	 "leading a maintenance crew. The mix of field work and planning is exactly what I have been looking for."},
	{"tight-deadline", "web-security",
	 "During my final exams I was also working at a petrol station and my daughter was sick. I did the things with "
	 "a "
	 "fixed date first, asked my shift leader for two free days, and left the housework alone. It wasn't perfect "
	 "but I passed."},
	{"conflict-in-team", "http-request-path",
	 "In the kitchen the sous-chef and I argued about the menu nearly every day. I wanted fewer dishes, he wanted "
	 "more. In the end I suggested that we try my version for two weeks and count what comes back. He saw that "
	 "less "
	 "was thrown away, and we have got on well ever since."},
	{"helped-colleague", "transaction-isolation",
	 "We had an apprentice who was afraid of the milling machine. I stood next to him for a week, first I did it "
	 "and "
	 "he watched, then he did it and I watched. By Christmas he set it up by himself."},
	{"database-index", "conflict-in-team",
	 "It's like the index at the back of a book: instead of reading every row the database walks down a B-tree and "
	 "finds the few it needs. But every insert has to update that tree too, and it takes disk space."},
	{"memory-leak", "helped-colleague",
	 "I would first look at the graphs, does it grow with traffic or with time, and since which release. Then take "
	 "two heap dumps an hour apart and compare them. Very often it's a map that somebody uses as a cache and never "
	 "clears."},
	{"unclear-requirements", "hash-table",
	 "Waiting a week is not an option for me. I'd ask the ones who will use it in the end, a nurse or the front "
	 "desk, "
	 "what they need it for. I make a rough draft, mark everything I guessed in yellow, and keep the rest easy to "
	 "change."},
	{"estimate-under-pressure", "tcp-and-udp",
	 "I don't promise what I can't keep. As a builder I always explain what it depends on, the ground, the "
	 "weather, "
	 "the permits. I give them a date for the first stage and call them as soon as something slips."},
};

static struct viva_question_bank *bank;
static struct viva_language *language;

static int open_language(void **state)
{
	(void)state;
	static struct viva_background_question background[32];
	struct viva_language_options options = viva_language_defaults();
	struct viva_error error = {0};
	options.model_directory = getenv("VIVA_MODEL_DIR");
	if (!options.model_directory || viva_question_bank_open(NULL, &bank, &error))
		goto failed;
	options.background = background;
	options.background_count = VIVA_MIN(viva_question_bank_question_count(bank), VIVA_COUNT(background));
	for (size_t i = 0; i < options.background_count; i++) {
		const struct viva_question *question = viva_question_bank_question_at(bank, i);
		background[i] = (struct viva_background_question){.text = question->text,
								  .points = question->reference_points,
								  .point_count = question->reference_point_count};
	}
	if (viva_language_open(&options, &language, &error) == 0)
		return 0;
failed:
	print_error("the models can't be opened: %s\n", error.message);
	return -1;
}

static int close_language(void **state)
{
	(void)state;
	language = viva_language_destroy(language);
	bank = viva_question_bank_destroy(bank);
	return 0;
}

static struct viva_answer_analysis analyze(struct viva_arena *arena, const char *key, const char *transcript)
{
	const struct viva_question *question = viva_question_bank_find_key(bank, key);
	assert_non_null(question);
	struct viva_answer answer = {.question = viva_bytes_of_text(question->text),
				     .reference_points = question->reference_points,
				     .reference_point_count = question->reference_point_count,
				     .is_narrative = strcmp(question->category, "technical") != 0,
				     .transcript = viva_bytes_of_text(transcript)};
	struct viva_answer_analysis analysis;
	struct viva_error error = {0};
	assert_ok(viva_language_analyze(language, &answer, arena, &analysis, &error));
	return analysis;
}

static void test_relevance__honest_answers_are_relevant_to_their_question(void **state)
{
	(void)state;
	double sum = 0;
	for (size_t i = 0; i < VIVA_COUNT(HONEST); i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		struct viva_answer_analysis analysis = analyze(arena, HONEST[i].key, HONEST[i].answer);
		if (analysis.relevance < .6)
			fail_msg("%s: relevance %.2f of “%s”", HONEST[i].key, analysis.relevance, HONEST[i].answer);
		assert_non_null(strstr(analysis.feedback, "The answer addresses the question."));
		sum += analysis.relevance;
	}
	assert_true(sum / (double)VIVA_COUNT(HONEST) >= .9);
}

static void test_relevance__honest_answers_are_not_relevant_to_another_question(void **state)
{
	(void)state;
	double sum = 0;
	for (size_t i = 0; i < VIVA_COUNT(HONEST); i++) {
		VIVA_AUTO(viva_arena) arena = NULL;
		assert_ok(viva_arena_create(0, &arena));
		struct viva_answer_analysis analysis = analyze(arena, HONEST[i].other, HONEST[i].answer);
		if (analysis.relevance > .5)
			fail_msg("%s: relevance %.2f of “%s”", HONEST[i].other, analysis.relevance, HONEST[i].answer);
		for (size_t k = 0; k < analysis.point_count; k++)
			assert_int_not_equal(analysis.points[k].status, VIVA_POINT_COVERED);
		sum += analysis.relevance;
	}
	assert_true(sum / (double)VIVA_COUNT(HONEST) <= .2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relevance__honest_answers_are_relevant_to_their_question),
		cmocka_unit_test(test_relevance__honest_answers_are_not_relevant_to_another_question),
	};
	return cmocka_run_group_tests(tests, open_language, close_language);
}
