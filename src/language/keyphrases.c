// SPDX-License-Identifier: Apache-2.0
#include "language/keyphrases.h"

#include <string.h>

#include "language/fluency.h"
#include "language/lexicon.h"

enum {
	MAX_PHRASE_WORDS = 4,
	MAX_PHRASE_BYTES = 80,
	MAX_RUNS = 1500,      // looked at in a very long text, so that its time is bounded
	MAX_CANDIDATES = 32,  // embedded: the most frequent
};

static const double DIVERSITY = .3;  // λ, chosen on SemEval-2017 and Inspec

struct candidate {
	const char *phrase;
	size_t count;
	size_t first;  // its place in the text
};

static bool breaks_run(const struct viva_text *text, size_t word)
{
	const struct viva_word *at = &text->words[word];
	bool is_soft = false;
	return (at->flags & VIVA_WORD_FUNCTION) != 0 || at->is_number || strlen(at->text) < 2 ||
	       viva_is_filler(text, word, &is_soft);
}

// Whether only a space or a hyphen stands between a word and the next.
static bool touches_next(const struct viva_text *text, size_t word)
{
	size_t end = text->words[word].end;
	return text->words[word + 1].begin == end + 1 && (text->data[end] == ' ' || text->data[end] == '-');
}

static const char *join(const struct viva_text *text, size_t first, size_t count, struct viva_arena *arena)
{
	char *phrase = viva_arena_text(arena, "", 0);
	for (size_t i = first; phrase && i < first + count; i++)
		phrase = viva_arena_printf(arena, "%s%s%s", phrase, i == first ? "" : " ", text->words[i].text);
	return phrase;
}

static int add_candidate(struct candidate *candidates, size_t *count, const char *phrase, size_t place)
{
	if (!phrase)
		return VIVA_ENOMEM;
	if (strlen(phrase) > MAX_PHRASE_BYTES)
		return 0;
	for (size_t i = 0; i < *count; i++) {
		if (strcmp(candidates[i].phrase, phrase) == 0) {
			candidates[i].count++;
			return 0;
		}
	}
	candidates[(*count)++] = (struct candidate){.phrase = phrase, .count = 1, .first = place};
	return 0;
}

static int collect(const struct viva_text *text, struct viva_arena *arena, struct candidate *candidates,
		   size_t *ret_count)
{
	size_t count = 0;
	size_t runs = 0;
	for (size_t i = 0; i < text->word_count && runs < MAX_RUNS;) {
		size_t length = 0;
		while (i + length < text->word_count && !breaks_run(text, i + length)) {
			length++;
			if (i + length < text->word_count && !touches_next(text, i + length - 1))
				break;
		}
		if (length > 0 && length <= MAX_PHRASE_WORDS) {
			int code = add_candidate(candidates, &count, join(text, i, length, arena), i);
			if (code != 0)
				return code;
			runs++;
		}
		i += length > 0 ? length : 1;
	}
	*ret_count = count;
	return 0;
}

// Moves the `keep` most frequent candidates to the front, in the order of the text among equals.
static void keep_frequent(struct candidate *candidates, size_t count, size_t keep)
{
	for (size_t i = 0; i < keep; i++) {
		size_t best = i;
		for (size_t k = i + 1; k < count; k++) {
			if (candidates[k].count > candidates[best].count ||
			    (candidates[k].count == candidates[best].count &&
			     candidates[k].first < candidates[best].first))
				best = k;
		}
		struct candidate moved = candidates[best];
		candidates[best] = candidates[i];
		candidates[i] = moved;
	}
}

// Picks the candidate that is nearest to the whole and farthest from those already picked.
static size_t pick(const double *nearness, const double *taken, size_t count)
{
	size_t best = count;
	double best_score = -4;
	for (size_t i = 0; i < count; i++) {
		double score = taken[i] < 0 ? nearness[i] : (1 - DIVERSITY) * nearness[i] - DIVERSITY * taken[i];
		if (taken[i] <= 1 && score > best_score) {
			best = i;
			best_score = score;
		}
	}
	return best;
}

static int rank(struct viva_embedder *embedder, const struct candidate *candidates, size_t count,
		const struct viva_embedding *about, size_t max, struct viva_arena *arena, const char **ret_phrases,
		size_t *ret_count, struct viva_error *error)
{
	struct viva_bytes *texts = viva_arena_alloc(arena, (count + 1) * sizeof *texts);
	struct viva_embedding *vectors = viva_arena_alloc(arena, (count + 1) * sizeof *vectors);
	if (!texts || !vectors)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		texts[i] = viva_bytes_of_text(candidates[i].phrase);
	int code = viva_embed(embedder, texts, count, arena, vectors, error);
	if (code != 0)
		return code;

	double nearness[MAX_CANDIDATES];
	double taken[MAX_CANDIDATES];  // nearness to the nearest picked; -1 = none picked, 2 = picked itself
	for (size_t i = 0; i < count; i++) {
		nearness[i] = viva_embedding_cosine(&vectors[i], about);
		taken[i] = -1;
	}
	size_t picked = 0;
	while (picked < VIVA_MIN(max, count)) {
		size_t best = pick(nearness, taken, count);
		for (size_t i = 0; i < count; i++) {
			double near = viva_embedding_cosine(&vectors[i], &vectors[best]);
			if (taken[i] <= 1 && near > taken[i])
				taken[i] = VIVA_MIN(near, 1);
		}
		taken[best] = 2;
		ret_phrases[picked++] = candidates[best].phrase;
	}
	*ret_count = picked;
	return 0;
}

int viva_keyphrases(struct viva_embedder *embedder, const struct viva_text *text, const struct viva_embedding *about,
		    size_t max, struct viva_arena *arena, const char *const **ret_phrases, size_t *ret_count,
		    struct viva_error *error)
{
	struct candidate *candidates =
		viva_arena_alloc(arena, (VIVA_MIN(text->word_count, MAX_RUNS) + 1) * sizeof *candidates);
	const char **phrases = viva_arena_alloc(arena, (max + 1) * sizeof *phrases);
	if (!candidates || !phrases)
		return VIVA_ENOMEM;
	size_t count = 0;
	int code = collect(text, arena, candidates, &count);
	if (code != 0)
		return code;
	size_t keep = VIVA_MIN(count, (size_t)MAX_CANDIDATES);
	keep_frequent(candidates, count, keep);
	code = rank(embedder, candidates, keep, about, max, arena, phrases, ret_count, error);
	if (code == 0)
		*ret_phrases = phrases;
	return code;
}
