// SPDX-License-Identifier: Apache-2.0
#include "language/essence.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "language/fluency.h"
#include "language/lexicon.h"
#include "language/neutral.h"

enum {
	MIN_COPIED_RUN = 4,  // words: fewer in a row are an honest restatement
	MAX_QUESTION_WORDS = 400,
	REPEATED_RUN = 8,  // words in a row that were said before
};

// Length of the run of answer words from `at` that stands in the question from `from`.
static size_t run_length(const struct viva_text *answer, size_t at, const struct viva_text *question, size_t from)
{
	size_t length = 0;
	while (at + length < answer->word_count && from + length < question->word_count &&
	       strcmp(answer->words[at + length].text, question->words[from + length].text) == 0)
		length++;
	return length;
}

static size_t mark_copied(const struct viva_text *answer, const struct viva_text *question, bool *is_left_out)
{
	size_t copied = 0;
	size_t question_words = VIVA_MIN(question->word_count, (size_t)MAX_QUESTION_WORDS);
	for (size_t i = 0; i < answer->word_count;) {
		size_t longest = 0;
		for (size_t k = 0; k < question_words; k++)
			longest = VIVA_MAX(longest, run_length(answer, i, question, k));
		if (longest < MIN_COPIED_RUN) {
			i++;
			continue;
		}
		memset(is_left_out + i, true, longest * sizeof *is_left_out);
		copied += longest;
		i += longest;
	}
	return copied;
}

static uint64_t hash_run(const struct viva_text *text, size_t at)
{
	uint64_t hash = VIVA_HASH_START;
	for (size_t i = at; i < at + REPEATED_RUN; i++)
		hash = viva_hash_more(hash, text->words[i].text, strlen(text->words[i].text) + 1);
	return hash;
}

static bool is_same_run(const struct viva_text *text, size_t a, size_t b)
{
	size_t same = 0;
	while (same < REPEATED_RUN && strcmp(text->words[a + same].text, text->words[b + same].text) == 0)
		same++;
	return same == REPEATED_RUN;
}

// Leaves out what an earlier part has said word for word, wherever sentences begin and end.
static int mark_repeated(const struct viva_text *text, struct viva_arena *arena, bool *is_left_out)
{
	if (text->word_count < 2 * (size_t)REPEATED_RUN)
		return 0;
	size_t slots = 64;
	while (slots < 2 * text->word_count)
		slots *= 2;
	uint32_t *places = viva_arena_alloc(arena, slots * sizeof *places);  // of runs, + 1
	if (!places)
		return VIVA_ENOMEM;
	memset(places, 0, slots * sizeof *places);
	for (size_t i = 0; i + REPEATED_RUN <= text->word_count; i++) {
		size_t slot = hash_run(text, i) & (slots - 1);
		while (places[slot] != 0 && !is_same_run(text, places[slot] - 1, i))
			slot = (slot + 1) & (slots - 1);
		if (places[slot] == 0) {
			places[slot] = (uint32_t)i + 1;
			continue;
		}
		size_t first_end = places[slot] - 1 + REPEATED_RUN;
		for (size_t k = VIVA_MAX(i, first_end); k < i + REPEATED_RUN; k++)
			is_left_out[k] = true;
	}
	return 0;
}

static int compare_stems(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool viva_stems_have(const char *const *stems, size_t count, const char *stem)
{
	return count > 0 && bsearch(&stem, stems, count, sizeof *stems, compare_stems) != NULL;
}

static size_t sort_unique(const char **stems, size_t count)
{
	if (count == 0)
		return 0;
	qsort(stems, count, sizeof *stems, compare_stems);
	size_t unique = 1;
	for (size_t i = 1; i < count; i++) {
		if (strcmp(stems[i], stems[unique - 1]) != 0)
			stems[unique++] = stems[i];
	}
	return unique;
}

const char **viva_stems_of(const struct viva_text *text, size_t first, size_t count, const bool *is_left_out,
			   struct viva_arena *arena, size_t *ret_count)
{
	const char **stems = viva_arena_alloc(arena, (count + 1) * sizeof *stems);
	size_t used = 0;
	for (size_t i = first; stems && i < first + count; i++) {
		if ((!is_left_out || !is_left_out[i]) && (text->words[i].flags & VIVA_WORD_FUNCTION) == 0)
			stems[used++] = text->words[i].stem;
	}
	*ret_count = stems ? sort_unique(stems, used) : 0;
	return stems;
}

// The sentence's bytes without the words that are left out, and with neutral forms of those that must not matter.
static struct viva_bytes kept_text(const struct viva_text *answer, const struct viva_sentence *sentence,
				   const bool *is_left_out, struct viva_arena *arena)
{
	size_t size = 0;
	size_t most = sentence->end - sentence->begin + sentence->word_count * VIVA_NEUTRAL_MAX_BYTES;
	char *kept = viva_arena_alloc(arena, most + 1);
	size_t at = sentence->begin;
	for (size_t i = sentence->first_word; kept && i < sentence->first_word + sentence->word_count; i++) {
		const struct viva_word *word = &answer->words[i];
		if (!is_left_out[i]) {
			char room[VIVA_NEUTRAL_MAX_BYTES];
			const char *neutral = viva_neutral_word(word->text, room);
			bool is_same = neutral == word->text;
			size_t length = is_same ? word->end - word->begin : strlen(neutral);
			memcpy(kept + size, answer->data + at, word->begin - at);
			size += word->begin - at;
			memcpy(kept + size, is_same ? answer->data + word->begin : neutral, length);
			size += length;
		}
		at = word->end;
	}
	if (kept) {
		memcpy(kept + size, answer->data + at, sentence->end - at);
		size += sentence->end - at;
	}
	return viva_bytes_of(kept, size);
}

// Whether the sentence says word for word what an earlier one said.
static bool is_repeated(const struct viva_text *answer, const struct viva_essence *essence,
			const struct viva_sentence *sentence)
{
	for (size_t i = 0; i < essence->count; i++) {
		const struct viva_sentence *earlier = &answer->sentences[essence->sentences[i].index];
		if (earlier->word_count != sentence->word_count)
			continue;
		size_t same = 0;
		while (same < sentence->word_count && strcmp(answer->words[earlier->first_word + same].text,
							     answer->words[sentence->first_word + same].text) == 0)
			same++;
		if (same == sentence->word_count)
			return true;
	}
	return false;
}

static int add_sentence(const struct viva_text *answer, size_t index, const bool *is_left_out, struct viva_arena *arena,
			struct viva_essence *essence)
{
	const struct viva_sentence *sentence = &answer->sentences[index];
	struct viva_essence_sentence added = {.index = index};
	for (size_t i = sentence->first_word; i < sentence->first_word + sentence->word_count; i++) {
		added.words += !is_left_out[i];
		added.function_words += !is_left_out[i] && (answer->words[i].flags & VIVA_WORD_FUNCTION) != 0;
	}
	if (added.words == 0)
		return 0;
	added.text = kept_text(answer, sentence, is_left_out, arena);
	added.stems = viva_stems_of(answer, sentence->first_word, sentence->word_count, is_left_out, arena,
				    &added.stem_count);
	if (!added.text.data || !added.stems)
		return VIVA_ENOMEM;
	essence->sentences[essence->count++] = added;
	return 0;
}

int viva_essence_count_words(struct viva_arena *arena, struct viva_essence *essence)
{
	size_t room = 0;
	for (size_t i = 0; i < essence->count; i++)
		room += essence->sentences[i].stem_count;
	const char **all = viva_arena_alloc(arena, (room + 1) * sizeof *all);
	if (!all)
		return VIVA_ENOMEM;
	size_t used = 0;
	for (size_t i = 0; i < essence->count; i++) {
		for (size_t k = 0; k < essence->sentences[i].stem_count; k++)
			all[used++] = essence->sentences[i].stems[k];
	}
	essence->content_words = sort_unique(all, used);
	return 0;
}

int viva_essence_extract(const struct viva_text *answer, const struct viva_text *question, struct viva_arena *arena,
			 struct viva_essence *ret_essence)
{
	struct viva_essence essence = {0};
	bool *is_left_out = viva_arena_alloc(arena, (answer->word_count + 1) * sizeof *is_left_out);
	size_t most = VIVA_MIN(answer->sentence_count, (size_t)VIVA_ESSENCE_MAX_SENTENCES);
	essence.sentences = viva_arena_alloc(arena, (most + 1) * sizeof *essence.sentences);
	if (!is_left_out || !essence.sentences)
		return VIVA_ENOMEM;

	size_t copied = mark_copied(answer, question, is_left_out);
	if (answer->word_count > 0)
		essence.copied_share = (double)copied / (double)answer->word_count;
	for (size_t i = 0; i < answer->word_count; i++) {
		bool is_soft = false;
		if (viva_is_filler(answer, i, &is_soft) && !is_soft)
			is_left_out[i] = true;
	}
	int code = mark_repeated(answer, arena, is_left_out);
	for (size_t i = 0; i < answer->sentence_count && essence.count < most && code == 0; i++) {
		if (!is_repeated(answer, &essence, &answer->sentences[i]))
			code = add_sentence(answer, i, is_left_out, arena, &essence);
	}
	if (code == 0)
		code = viva_essence_count_words(arena, &essence);
	if (code == 0)
		*ret_essence = essence;
	return code;
}
