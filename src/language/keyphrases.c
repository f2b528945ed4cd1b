// SPDX-License-Identifier: Apache-2.0
#include "language/keyphrases.h"

#include <math.h>
#include <string.h>

#include "language/fluency.h"
#include "language/lexicon.h"

enum {
	MAX_PHRASE_WORDS = 4,
	MAX_PHRASE_BYTES = 80,
	MAX_RUNS = 1500,            // looked at in a very long text, so that its time is bounded
	CANDIDATES_PER_PHRASE = 4,  // embedded for each one that is asked for: the most frequent
	MAX_CANDIDATES = 64,
};

// Chosen on Inspec and SemEval-2017 (docs/scoring.md).
static const double DIVERSITY = .2;   // λ
static const double LATENESS = .3;    // of nearness that a phrase at the very end loses
static const double REPETITION = .3;  // × ln(times) that a repeated phrase gains

struct candidate {
	const char *phrase;
	const char *stems;  // by which "neural network" and "neural networks" are one
	size_t count;
	size_t first;  // its place in the text
};

static bool breaks_run(const struct viva_text *text, size_t word)
{
	const struct viva_word *at = &text->words[word];
	bool is_soft = false;
	return (at->flags & VIVA_WORD_FUNCTION) != 0 || at->is_number || strlen(at->text) < 2 ||
	       viva_lexicon_is_light(at->text) || viva_is_filler(text, word, &is_soft);
}

// Whether only a space or a hyphen stands between a word and the next.
static bool touches_next(const struct viva_text *text, size_t word)
{
	size_t end = text->words[word].end;
	return text->words[word + 1].begin == end + 1 && (text->data[end] == ' ' || text->data[end] == '-');
}

static bool is_participle(const struct viva_word *word)
{
	size_t size = strlen(word->text);
	return size > 4 && strcmp(word->text + size - 2, "ed") == 0;
}

static const char *join(const struct viva_text *text, size_t first, size_t count, bool as_stems,
			struct viva_arena *arena)
{
	char *phrase = viva_arena_text(arena, "", 0);
	for (size_t i = first; phrase && i < first + count; i++)
		phrase = viva_arena_printf(arena, "%s%s%s", phrase, i == first ? "" : " ",
					   as_stems ? text->words[i].stem : text->words[i].text);
	return phrase;
}

static int add_candidate(const struct viva_text *text, size_t first, size_t length, struct viva_arena *arena,
			 struct candidate *candidates, size_t *count)
{
	const char *phrase = join(text, first, length, false, arena);
	const char *stems = join(text, first, length, true, arena);
	if (!phrase || !stems)
		return VIVA_ENOMEM;
	if (strlen(phrase) > MAX_PHRASE_BYTES)
		return 0;
	for (size_t i = 0; i < *count; i++) {
		if (strcmp(candidates[i].stems, stems) == 0) {
			candidates[i].count++;
			return 0;
		}
	}
	candidates[(*count)++] = (struct candidate){.phrase = phrase, .stems = stems, .count = 1, .first = first};
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
		size_t kept = length;
		while (kept > 0 && is_participle(&text->words[i + kept - 1]))
			kept--;  // "the model developed"
		if (kept > 0 && kept <= MAX_PHRASE_WORDS) {
			int code = add_candidate(text, i, kept, arena, candidates, &count);
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

// What a phrase is worth by itself.
static double worth(const struct candidate *candidate, double nearness, size_t words)
{
	return fmax(nearness, 0) * (1 - LATENESS * (double)candidate->first / (double)words) *
	       (1 + REPETITION * log((double)candidate->count));
}

static int rank(struct viva_embedder *embedder, const struct candidate *candidates, size_t count, size_t words,
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
		nearness[i] = worth(&candidates[i], viva_embedding_cosine(&vectors[i], about), words);
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
	size_t keep = VIVA_MIN(count, VIVA_MIN(max * CANDIDATES_PER_PHRASE, (size_t)MAX_CANDIDATES));
	keep_frequent(candidates, count, keep);
	code = rank(embedder, candidates, keep, text->word_count, about, max, arena, phrases, ret_count, error);
	if (code == 0)
		*ret_phrases = phrases;
	return code;
}
