// SPDX-License-Identifier: Apache-2.0
#include "language/tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "viva_test.h"

// A vocabulary with the special entries in their places and a few words behind them.
static struct viva_tokenizer *small_tokenizer(void)
{
	static const char *const words[] = {"the", "cat", "##s", "un", "##happy", ",", "日", "cafe", "["};
	char directory[PATH_MAX];
	char path[PATH_MAX + 16];
	make_test_directory(directory, sizeof directory);
	snprintf(path, sizeof path, "%s/vocab.txt", directory);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	for (int id = 0; id < 103; id++) {
		if (id == VIVA_TOKEN_PAD)
			fputs("[PAD]\n", file);
		else if (id >= VIVA_TOKEN_UNKNOWN)
			fputs(id == VIVA_TOKEN_UNKNOWN ? "[UNK]\n"
			      : id == VIVA_TOKEN_BEGIN ? "[CLS]\n"
						       : "[SEP]\n",
			      file);
		else
			fprintf(file, "[unused%d]\n", id);
	}
	for (size_t i = 0; i < VIVA_COUNT(words); i++)
		fprintf(file, "%s\n", words[i]);
	fclose(file);
	struct viva_tokenizer *tokenizer = NULL;
	assert_ok(viva_tokenizer_open(path, &tokenizer, NULL));
	remove_test_directory(directory);
	return tokenizer;
}

static void assert_ids(const char *text, const int64_t *expected, size_t count)
{
	VIVA_AUTO(viva_tokenizer) tokenizer = small_tokenizer();
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_tokens tokens;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_tokenizer_encode(tokenizer, viva_bytes_of_text(text), 64, arena, &tokens));
	assert_int_equal(tokens.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(tokens.ids[i], expected[i]);
}
#define ASSERT_IDS(text, ...)                                                                                          \
	assert_ids(text, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void test_tokenizer__takes_the_longest_pieces(void **state)
{
	(void)state;
	ASSERT_IDS("the cats", 101, 103, 104, 105, 102);
	ASSERT_IDS("unhappy", 101, 106, 107, 102);
	ASSERT_IDS("", 101, 102);
	ASSERT_IDS("unknown", 101, 100, 102);
}

static void test_tokenizer__ignores_case_accents_spaces_and_controls(void **state)
{
	(void)state;
	ASSERT_IDS("  THE\t\n Cat\x01\u200b ", 101, 103, 104, 102);
	ASSERT_IDS("Café", 101, 110, 102);
	ASSERT_IDS("Cafe\u0301", 101, 110, 102);
}

static void test_tokenizer__sets_punctuation_and_ideographs_apart(void **state)
{
	(void)state;
	ASSERT_IDS("cat,cat", 101, 104, 108, 104, 102);
	ASSERT_IDS("cat日cat", 101, 104, 109, 104, 102);
}

static void test_tokenizer__a_control_token_in_a_text_is_text(void **state)
{
	(void)state;
	ASSERT_IDS("[SEP]", 101, 111, 100, 100, 102);
}

static void test_tokenizer__cuts_at_the_limit_and_says_so(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tokenizer) tokenizer = small_tokenizer();
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_tokens tokens;
	assert_ok(viva_arena_create(0, &arena));
	assert_ok(viva_tokenizer_encode(tokenizer, viva_bytes_of_text("the the the the"), 4, arena, &tokens));
	assert_int_equal(tokens.count, 4);
	assert_int_equal(tokens.ids[3], VIVA_TOKEN_END);
	assert_int_equal(tokens.pieces, 4);
	assert_true(tokens.is_truncated);
}

static void test_tokenizer__a_word_of_more_than_100_characters_is_unknown(void **state)
{
	(void)state;
	char word[102];
	memset(word, 's', sizeof word);
	memcpy(word, "cat", 3);
	word[101] = '\0';
	ASSERT_IDS(word, 101, 100, 102);
}

static void test_tokenizer__refuses_what_is_not_utf8(void **state)
{
	(void)state;
	VIVA_AUTO(viva_tokenizer) tokenizer = small_tokenizer();
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_tokens tokens;
	assert_ok(viva_arena_create(0, &arena));
	assert_error(viva_tokenizer_encode(tokenizer, viva_bytes_of("\xc3(", 2), 64, arena, &tokens), VIVA_EINVAL);
	assert_error(viva_tokenizer_encode(tokenizer, viva_bytes_of("a", 1), 1, arena, &tokens), VIVA_EINVAL);
}

static void test_tokenizer__refuses_a_file_that_is_no_vocabulary(void **state)
{
	(void)state;
	struct viva_tokenizer *tokenizer = NULL;
	struct viva_error error = {0};
	assert_error(viva_tokenizer_open("/dev/null", &tokenizer, &error), VIVA_EMODEL);
	assert_non_null(strstr(error.message, "/dev/null"));
	assert_error(viva_tokenizer_open("/nowhere/vocab.txt", &tokenizer, &error), VIVA_EMODEL);
	assert_non_null(strstr(error.message, "./dev deps"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokenizer__takes_the_longest_pieces),
		cmocka_unit_test(test_tokenizer__ignores_case_accents_spaces_and_controls),
		cmocka_unit_test(test_tokenizer__sets_punctuation_and_ideographs_apart),
		cmocka_unit_test(test_tokenizer__a_control_token_in_a_text_is_text),
		cmocka_unit_test(test_tokenizer__cuts_at_the_limit_and_says_so),
		cmocka_unit_test(test_tokenizer__a_word_of_more_than_100_characters_is_unknown),
		cmocka_unit_test(test_tokenizer__refuses_what_is_not_utf8),
		cmocka_unit_test(test_tokenizer__refuses_a_file_that_is_no_vocabulary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
