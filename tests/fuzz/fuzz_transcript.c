// SPDX-License-Identifier: Apache-2.0
//
// What a candidate says, any bytes: words and sentences lie in the text in their order, and what is measured on them
// stays in its range.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "language/declines.h"
#include "language/essence.h"
#include "language/fluency.h"
#include "language/structure.h"
#include "language/words.h"

enum { MAX_CHARACTERS = 4000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static bool is_share(double value)
{
	return value >= 0 && value <= 1;
}

static void check_text(const struct viva_text *text)
{
	require(viva_utf8_is_valid((const uint8_t *)text->data, text->size) && text->data[text->size] == '\0');
	size_t end = 0, next_word = 0;
	for (size_t i = 0; i < text->word_count; i++) {
		const struct viva_word *word = &text->words[i];
		require(word->begin >= end && word->end > word->begin && word->end <= text->size);
		require(word->text && word->stem);
		end = word->end;
	}
	for (size_t i = 0; i < text->sentence_count; i++) {
		const struct viva_sentence *sentence = &text->sentences[i];
		require(sentence->word_count > 0 && sentence->first_word >= next_word);
		require(sentence->begin < sentence->end && sentence->end <= text->size);
		next_word = sentence->first_word + sentence->word_count;
		require(next_word <= text->word_count);
		require(sentence->end >= text->words[next_word - 1].end);
	}
}

static void check_features(const struct viva_text *text, double seconds)
{
	struct viva_features features;
	viva_features_measure(text, seconds, &features);
	require(features.words <= text->word_count && features.content_words <= features.words);
	require(is_share(features.disorder) && is_share(features.function_share));
	require(isfinite(features.diversity) && features.diversity >= 0);
	require(isfinite(features.words_per_minute) && features.words_per_minute >= 0);
	require(is_share(viva_features_clarity(&features)));
}

static void check_story(const struct viva_text *text)
{
	size_t sentences[VIVA_STORY_PARTS];
	viva_story_find(text, sentences);
	for (size_t i = 0; i < VIVA_STORY_PARTS; i++)
		require(sentences[i] <= text->sentence_count);
}

// The text is answer and question in one: all of its sentences are copied ones.
static void check_essence(const struct viva_text *text, struct viva_arena *arena)
{
	struct viva_text question = {.data = ""};
	struct viva_essence essence;
	require(viva_essence_extract(text, text, arena, &essence) == 0);
	require(essence.count <= text->sentence_count && is_share(essence.copied_share));
	require(viva_essence_extract(text, &question, arena, &essence) == 0);
	require(essence.count <= text->sentence_count && essence.content_words <= text->word_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_text text;
	require(viva_arena_create(0, &arena) == 0);
	if (viva_text_read(viva_bytes_of(data, size), MAX_CHARACTERS, arena, &text) != 0)
		return 0;
	require(text.characters <= MAX_CHARACTERS);
	check_text(&text);
	check_features(&text, 0);
	check_features(&text, size > 0 ? data[0] : 1);
	check_story(&text);
	check_essence(&text, arena);
	// Called for its effects on memory only.
	(void)viva_text_declines(&text);
	return 0;
}
