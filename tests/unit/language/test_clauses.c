// SPDX-License-Identifier: Apache-2.0
//
// Speech as recognisers give it, without punctuation and capitals, is judged as if it were written down. Needs the
// models.
#include "language/clauses.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "arena_fixture.h"
#include "language/analyze.h"
#include "language_fixture.h"
#include "viva_test.h"

static const char *const POINTS[] = {
	"A process has its own address space, isolated from other processes.",
	"Threads of one process share its memory and open files, and each has its own stack and registers.",
	"Creating and switching threads is cheaper than creating and switching processes.",
	"Shared memory needs synchronisation such as locks to avoid data races.",
};
static const char THREADS[] =
	"Okay, so a process is a program that is running, and it has its own memory. The operating system keeps the "
	"processes apart, so one can't simply read what another one has. A thread lives inside a process, and all the "
	"threads share the same memory, but each of them has its own stack. That makes threads cheaper, because "
	"nothing "
	"has to be copied when you start one, and switching is faster too. The bad side is that you need locks, or two "
	"threads write the same variable at the same time.";
static const char *const STORY_POINTS[] = {
	"My colleague and I disagreed, because each of us wanted something different.",
	"I asked what bothered the other person, listened and understood their reasons.",
	"I suggested a compromise, or that we try it out and look at the result.",
	"In the end we agreed, and we have worked well together ever since.",
};
static const char STORY[] =
	"Last spring a colleague and I couldn't agree about a database migration. He wanted to do it in one night, and "
	"I "
	"was afraid that we wouldn't be able to go back. So I asked him to have a coffee with me, and I just listened "
	"first. He told me that he had promised the customer a date. Then I drew the steps on a napkin, and we found "
	"out "
	"that we could move the big tables in advance. In the end we needed only forty minutes of downtime, and he "
	"told "
	"me later that he was glad about it.";

static struct viva_text read_text(const char *input)
{
	struct viva_text text;
	assert_ok(viva_text_read(viva_bytes_of_text(input), 50000, arena, &text));
	return text;
}

static const char *without_punctuation(const char *text)
{
	char *spoken = viva_arena_text(arena, text, strlen(text));
	for (char *at = spoken; *at; at++)
		*at = strchr(".,;:!?", *at) ? ' ' : (char)tolower((unsigned char)*at);
	return spoken;
}

static struct viva_answer_analysis analyze(const struct viva_answer *asked, const char *transcript)
{
	struct viva_answer answer = *asked;
	struct viva_answer_analysis analysis;
	struct viva_error error = {0};
	answer.transcript = viva_bytes_of_text(transcript);
	assert_ok(viva_language_analyze(language, &answer, arena, &analysis, &error));
	return analysis;
}

static void assert_sentence(const struct viva_text *text, size_t index, const char *expected)
{
	const struct viva_sentence *sentence = &text->sentences[index];
	assert_int_equal(sentence->end - sentence->begin, strlen(expected));
	assert_memory_equal(text->data + sentence->begin, expected, strlen(expected));
}

static void test_clauses__speech_without_punctuation_is_cut_where_clauses_begin(void **state)
{
	(void)state;
	struct viva_text text = read_text(
		"last spring a colleague and i couldn't agree about a database migration he wanted to do it in one "
		"night and i was afraid that we wouldn't be able to go back so i asked him to have a coffee with "
		"me and i just listened first");
	assert_int_equal(text.sentence_count, 3);
	assert_sentence(&text, 0, "last spring a colleague and i couldn't agree about a database migration");
	assert_sentence(&text, 1,
			"he wanted to do it in one night and i was afraid that we wouldn't be able to go back");
	assert_sentence(&text, 2, "so i asked him to have a coffee with me and i just listened first");
	assert_true(text.sentences[0].goes_on && text.sentences[1].is_continued && text.sentences[1].goes_on);
	assert_true(text.sentences[2].is_continued && !text.sentences[2].goes_on);
}

static void test_clauses__fillers_change_no_cut(void **state)
{
	(void)state;
	struct viva_text plain = read_text(
		"we had a trade fair in june and the supplier told us that the displays would be late so i made a "
		"list of what visitors really see and i asked my boss to drop the rest");
	struct viva_text filled = read_text(
		"um we had a trade fair in june and um the supplier told us that uh the displays would be late um "
		"um so i made a list of what visitors really see and i um asked my boss to drop the rest er");
	assert_true(plain.sentence_count > 1);
	assert_int_equal(filled.sentence_count, plain.sentence_count);
	for (size_t i = 0; i < plain.sentence_count; i++) {
		assert_string_equal(filled.words[filled.sentences[i].first_word + (i == 0)].text,
				    plain.words[plain.sentences[i].first_word].text);
	}
	assert_int_equal(read_text("um uh um").sentence_count, 1);
}

static void test_clauses__what_has_punctuation_is_cut_by_it_alone(void **state)
{
	(void)state;
	struct viva_text text = read_text(
		"When I came back from lunch the whole page was slow and I looked at the log and then I saw that "
		"somebody had taken away the index so I put it back. It was fast again.");
	assert_int_equal(text.sentence_count, 2);
	assert_false(text.sentences[0].goes_on);
}

// Whatever stands in a run, all its words are in pieces, in order.
static void test_clauses__every_word_of_a_run_is_in_one_piece(void **state)
{
	(void)state;
	static const char *const repeated[] = {"the ", "i ", "and ", "so ", "in i ", "um the "};
	for (size_t i = 0; i < VIVA_COUNT(repeated); i++) {
		const size_t size = strlen(repeated[i]);
		char input[3001];
		for (size_t at = 0; at < sizeof input; at++)
			input[at] = repeated[i][at % size];
		input[sizeof input - 1] = '\0';
		struct viva_text text = read_text(input);
		size_t next = 0;
		for (size_t s = 0; s < text.sentence_count; s++) {
			assert_int_equal(text.sentences[s].first_word, next);
			assert_true(text.sentences[s].word_count > 0);
			next += text.sentences[s].word_count;
		}
		assert_int_equal(next, text.word_count);
	}
}

static void assert_alike(const struct viva_answer_analysis *written, const struct viva_answer_analysis *bare,
			 size_t longest_quote)
{
	assert_true(fabs(bare->relevance - written->relevance) <= .05);
	assert_true(fabs(bare->clarity - written->clarity) <= .03);
	assert_true(fabs(bare->depth - written->depth) <= .08);
	assert_true(fabs(bare->coverage - written->coverage) <= .12);
	assert_int_equal(bare->remark_count, 0);
	assert_null(strstr(bare->feedback, "sentences are"));
	for (size_t i = 0; i < bare->point_count; i++)
		assert_true(strlen(bare->points[i].evidence) <= longest_quote);
}

static void test_clauses__missing_punctuation_moves_no_score_far(void **state)
{
	(void)state;
	const struct viva_answer threads = {
		.question = viva_bytes_of_text("What is the difference between a process and a thread?"),
		.reference_points = POINTS,
		.reference_point_count = VIVA_COUNT(POINTS),
	};
	struct viva_answer_analysis written = analyze(&threads, THREADS);
	struct viva_answer_analysis bare = analyze(&threads, without_punctuation(THREADS));
	assert_true(written.depth > .4);
	assert_alike(&written, &bare, 200);
}

static void test_clauses__a_story_keeps_its_parts_without_punctuation(void **state)
{
	(void)state;
	const struct viva_answer disagreement = {
		.question = viva_bytes_of_text("Tell me about a disagreement with a colleague. How did you handle it?"),
		.reference_points = STORY_POINTS,
		.reference_point_count = VIVA_COUNT(STORY_POINTS),
		.is_narrative = true,
		.asks_for_story = true,
	};
	struct viva_answer_analysis written = analyze(&disagreement, STORY);
	struct viva_answer_analysis bare = analyze(&disagreement, without_punctuation(STORY));
	assert_alike(&written, &bare, 200);
	for (size_t i = 0; i < VIVA_STORY_PARTS; i++) {
		assert_int_equal(bare.story[i] != NULL, written.story[i] != NULL);
		assert_true(!bare.story[i] || strlen(bare.story[i]) <= 200);
	}
	assert_non_null(bare.story[VIVA_STORY_RESULT]);
}

// A pronoun right after a preposition is where two sentences meet, not bad English.
static void test_clauses__a_sentence_that_ends_in_a_preposition_is_not_out_of_order(void **state)
{
	(void)state;
	const struct viva_answer anything = {0};
	static const char written[] =
		"I'd run it first and see what it does today, and write a few tests that hold on to exactly that, even "
		"if "
		"it's ugly. Then I look for the smallest place to put the feature in. I don't rewrite, but whatever I "
		"touch I leave with better names.";
	double clarity = analyze(&anything, written).clarity;
	assert_true(fabs(analyze(&anything, without_punctuation(written)).clarity - clarity) <= .05);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clauses__speech_without_punctuation_is_cut_where_clauses_begin),
		TEST(test_clauses__fillers_change_no_cut),
		TEST(test_clauses__what_has_punctuation_is_cut_by_it_alone),
		TEST(test_clauses__every_word_of_a_run_is_in_one_piece),
		TEST(test_clauses__missing_punctuation_moves_no_score_far),
		TEST(test_clauses__a_story_keeps_its_parts_without_punctuation),
		TEST(test_clauses__a_sentence_that_ends_in_a_preposition_is_not_out_of_order),
	};
	return cmocka_run_group_tests(tests, open_language, close_language);
}
