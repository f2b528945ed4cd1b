// SPDX-License-Identifier: Apache-2.0
#include "language/words.h"

#include <stdlib.h>
#include <string.h>

#include "language/stem.h"
#include "viva_test.h"

static int make_arena(void **state)
{
	struct viva_arena *arena = NULL;
	assert_ok(viva_arena_create(0, &arena));
	*state = arena;
	return 0;
}

static int free_arena(void **state)
{
	viva_arena_destroy(*state);
	return 0;
}

static struct viva_text read_text(void **state, const char *input)
{
	struct viva_text text;
	assert_ok(viva_text_read(viva_bytes_of_text(input), 50000, *state, &text));
	return text;
}

static void test_words__spacing_and_normalisation_form_do_not_matter(void **state)
{
	struct viva_text composed = read_text(state, "Un café, s'il vous plaît.");
	struct viva_text decomposed = read_text(state, "  Un\tcafe\u0301,\n s\u2019il  vous plai\u0302t.\u200b ");
	assert_string_equal(composed.data, decomposed.data);
	assert_int_equal(composed.word_count, 5);
	assert_string_equal(composed.words[1].text, "café");
}

static void test_words__case_changes_neither_words_nor_sentences(void **state)
{
	static const char sentence[] = "I did this, e.g. on Monday. Then I left! Was it right?";
	char lower[sizeof sentence];
	char upper[sizeof sentence];
	for (size_t i = 0; i < sizeof sentence; i++) {
		char c = sentence[i];
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	}
	struct viva_text texts[] = {read_text(state, sentence), read_text(state, lower), read_text(state, upper)};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		assert_int_equal(texts[i].sentence_count, 3);
		assert_int_equal(texts[i].word_count, texts[0].word_count);
		assert_string_equal(texts[i].words[0].text, "i");
	}
}

static void test_words__a_long_run_without_punctuation_is_cut_into_pieces(void **state)
{
	char input[600] = "";
	for (size_t i = 0; i < 100; i++)
		strcat(input, "word ");
	struct viva_text text = read_text(state, input);
	assert_int_equal(text.word_count, 100);
	assert_in_range(text.sentence_count, 3, 10);
	assert_false(text.has_punctuation);
	for (size_t i = 0; i < text.sentence_count; i++)
		assert_true(text.sentences[i].word_count <= VIVA_TEXT_MAX_SENTENCE_WORDS);
}

static void test_words__a_sentence_holds_its_last_word_whole(void **state)
{
	struct viva_text text = read_text(state, "I like אב.co and M.ס");
	assert_true(text.sentence_count > 0);
	for (size_t i = 0; i < text.sentence_count; i++) {
		const struct viva_sentence *sentence = &text.sentences[i];
		size_t last = sentence->first_word + sentence->word_count - 1;
		assert_true(sentence->end >= text.words[last].end);
	}
}

static void test_words__a_long_text_is_capped_at_its_first_characters(void **state)
{
	struct viva_text text;
	assert_ok(viva_text_read(viva_bytes_of_text("ééé ééé ééé"), 7, *state, &text));
	assert_true(text.is_capped);
	assert_string_equal(text.data, "ééé ééé");
	assert_int_equal(text.characters, 7);
}

static void test_words__an_empty_text_has_no_words(void **state)
{
	static const char *const empty[] = {"", "   ", "\u200b\n", "...!?", "\U0001f600"};
	for (size_t i = 0; i < VIVA_COUNT(empty); i++) {
		struct viva_text text = read_text(state, empty[i]);
		assert_int_equal(text.word_count, 0);
		assert_int_equal(text.sentence_count, 0);
	}
}

static void test_words__invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf"};
	struct viva_text text;
	for (size_t i = 0; i < VIVA_COUNT(bad); i++)
		assert_error(viva_text_read(viva_bytes_of_text(bad[i]), 50000, *state, &text), VIVA_EINVAL);
}

static void test_stem__related_words_share_their_stem(void **state)
{
	static const char *const pairs[][2] = {
		{"isolates", "isolated"}, {"isolates", "isolation"}, {"queries", "query"},     {"threads", "thread"},
		{"switching", "switch"},  {"stopped", "stopping"},   {"shared", "sharing"},    {"indexes", "index"},
		{"classes", "class"},     {"memory", "memory"},      {"process", "processes"},
	};
	VIVA_AUTO(viva_stemmer) stemmer = NULL;
	assert_ok(viva_stemmer_create(&stemmer));
	for (size_t i = 0; i < VIVA_COUNT(pairs); i++)
		assert_string_equal(viva_stem(stemmer, *state, pairs[i][0]), viva_stem(stemmer, *state, pairs[i][1]));
	assert_string_equal(viva_stem(stemmer, *state, "bus"), "bus");
	assert_string_equal(viva_stem(stemmer, *state, "café"), "café");
	assert_string_not_equal(viva_stem(stemmer, *state, "thing"), viva_stem(stemmer, *state, "the"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words__spacing_and_normalisation_form_do_not_matter, make_arena,
						free_arena),
		cmocka_unit_test_setup_teardown(test_words__case_changes_neither_words_nor_sentences, make_arena,
						free_arena),
		cmocka_unit_test_setup_teardown(test_words__a_long_run_without_punctuation_is_cut_into_pieces,
						make_arena, free_arena),
		cmocka_unit_test_setup_teardown(test_words__a_sentence_holds_its_last_word_whole, make_arena,
						free_arena),
		cmocka_unit_test_setup_teardown(test_words__a_long_text_is_capped_at_its_first_characters, make_arena,
						free_arena),
		cmocka_unit_test_setup_teardown(test_words__an_empty_text_has_no_words, make_arena, free_arena),
		cmocka_unit_test_setup_teardown(test_words__invalid_utf8_is_refused, make_arena, free_arena),
		cmocka_unit_test_setup_teardown(test_stem__related_words_share_their_stem, make_arena, free_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
