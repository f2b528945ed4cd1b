// SPDX-License-Identifier: Apache-2.0
#include "language/clauses.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "language/lexicon.h"

// Words of a piece that costs nothing, and what a cut costs beside that: chosen on answers with their punctuation taken
// out (docs/scoring.md, "Speech without punctuation").
static const double IDEAL_WORDS = 16;
static const double SURE = -.3;      // "the place to put it in | I": what no sentence has, two have
static const double CLAUSE = .15;    // before what surely begins a clause: "so i", "but"
static const double LIKELY = .35;    // "and we", "when"
static const double POSSIBLE = .75;  // "the", which begins a sentence as often as it goes on with one
static const double ANYWHERE = 1.2;  // for want of all that
static const double TORN_APART = 3;  // "of | the": in a run of nothing else

// In strcmp's order.
static const struct opener {
	const char *word;
	const double *cost;
} openers[] = {
	{"a", &POSSIBLE},     {"after", &LIKELY},      {"afterwards", &CLAUSE}, {"although", &LIKELY},
	{"an", &POSSIBLE},    {"because", &LIKELY},    {"before", &LIKELY},     {"besides", &LIKELY},
	{"but", &CLAUSE},     {"eventually", &CLAUSE}, {"finally", &CLAUSE},    {"first", &LIKELY},
	{"here's", &CLAUSE},  {"however", &CLAUSE},    {"if", &LIKELY},         {"instead", &LIKELY},
	{"it's", &CLAUSE},    {"later", &LIKELY},      {"let's", &CLAUSE},      {"maybe", &LIKELY},
	{"my", &POSSIBLE},    {"now", &LIKELY},        {"once", &LIKELY},       {"otherwise", &CLAUSE},
	{"our", &POSSIBLE},   {"since", &LIKELY},      {"so", &CLAUSE},         {"somebody", &LIKELY},
	{"that's", &CLAUSE},  {"the", &POSSIBLE},      {"then", &CLAUSE},       {"there", &LIKELY},
	{"there's", &CLAUSE}, {"therefore", &CLAUSE},  {"these", &POSSIBLE},    {"this", &POSSIBLE},
	{"unless", &LIKELY},  {"what's", &LIKELY},     {"when", &LIKELY},       {"whereas", &LIKELY},
	{"while", &LIKELY},   {"you", &LIKELY},
};

// Function words that end a clause as well; in strcmp's order.
static const char *const closers[] = {
	"again",   "all",      "anyone",     "anything", "did",       "done",    "down",       "each",
	"else",    "everyone", "everything", "her",      "here",      "herself", "him",        "himself",
	"it",      "itself",   "me",         "mine",     "more",      "most",    "myself",     "not",
	"nothing", "off",      "once",       "one",      "ones",      "other",   "ours",       "ourselves",
	"out",     "over",     "same",       "someone",  "something", "them",    "themselves", "there",
	"this",    "too",      "up",         "us",       "you",       "yours",
};

// Verbs after which a clause often follows without "that"; in strcmp's order.
static const char *const reporting[] = {
	"believe", "feel",    "felt", "guess", "hope",    "knew", "know",
	"mean",    "suppose", "sure", "think", "thought", "wish",
};

static bool is_listed(const char *word, const char *const *list, size_t count)
{
	return viva_lexicon_find(word, list, count, sizeof *list) != NULL;
}

// "i", "we'll", "he": what a verb follows.
static bool is_subject(const struct viva_word *word)
{
	static const char *const pronouns[] = {"he'", "i'", "she'", "they'", "we'", "you'"};
	if ((word->flags & VIVA_WORD_SUBJECT) != 0)
		return true;
	for (size_t i = 0; i < VIVA_COUNT(pronouns); i++) {
		if (strncmp(word->text, pronouns[i], strlen(pronouns[i])) == 0)
			return true;
	}
	return false;
}

static bool is_verb(const struct viva_word *word)
{
	size_t size = strlen(word->text);
	return (word->flags & (VIVA_WORD_FINITE | VIVA_WORD_MODAL)) != 0 ||
	       (size > 3 && strcmp(word->text + size - 2, "ed") == 0);
}

static bool is_one_of(const struct viva_word *word, const char *a, const char *b)
{
	return strcmp(word->text, a) == 0 || strcmp(word->text, b) == 0;
}

// Whether the clause might be over after the word.
static bool may_end(const struct viva_word *word)
{
	if ((word->flags & VIVA_WORD_NOT_LAST) != 0)
		return false;
	bool is_closer = is_listed(word->text, closers, VIVA_COUNT(closers));
	return is_closer || (word->flags & (VIVA_WORD_FUNCTION | VIVA_WORD_SUBJECT | VIVA_WORD_MODAL)) == 0;
}

static double opener_cost(const struct viva_word *word)
{
	const struct opener *opener = viva_lexicon_find(word->text, openers, VIVA_COUNT(openers), sizeof *openers);
	return opener ? *opener->cost : ANYWHERE;
}

// "and we", "and then", "and the": by what follows.
static double conjunction_cost(const struct viva_word *next)
{
	if (is_subject(next) || is_one_of(next, "it", "that"))
		return LIKELY;
	return fmax(opener_cost(next), LIKELY);
}

// What it costs to cut between `last` and `word`; `next`, the one after it, may be NULL.
static double cut_cost(const struct viva_word *last, const struct viva_word *word, const struct viva_word *next)
{
	if (is_subject(word) && (last->flags & (VIVA_WORD_PREPOSITION | VIVA_WORD_NOT_LAST)) == VIVA_WORD_PREPOSITION)
		return SURE;
	if (!may_end(last))
		return TORN_APART;
	if (is_subject(word))
		return is_listed(last->text, reporting, VIVA_COUNT(reporting)) ? POSSIBLE : CLAUSE;
	if (!next)
		return TORN_APART;
	if (is_one_of(word, "and", "or"))
		return conjunction_cost(next);
	if (is_one_of(word, "it", "that"))
		return is_verb(next) ? LIKELY : ANYWHERE;
	if (strcmp(word->text, "so") == 0)
		return strcmp(next->text, "that") == 0 || (next->flags & VIVA_WORD_FUNCTION) == 0 ? POSSIBLE : CLAUSE;
	if (is_one_of(word, "in", "at") && strcmp(next->text, "the") == 0)
		return POSSIBLE;
	if (strcmp(word->text, "for") == 0 && is_one_of(next, "example", "instance"))
		return CLAUSE;
	return opener_cost(word);
}

static double length_cost(size_t words)
{
	double off = ((double)words - IDEAL_WORDS) / IDEAL_WORDS;
	return off * off;
}

// The best way to cut the first words up to each place.
struct way {
	double cost;
	size_t from;  // where its last piece begins
};

static void find_ways(const struct viva_word *const *words, size_t count, struct way *ways)
{
	ways[0] = (struct way){0};
	for (size_t end = 1; end <= count; end++) {
		ways[end] = (struct way){.cost = INFINITY};
		double cut = end == count
				     ? 0
				     : cut_cost(words[end - 1], words[end], end + 1 < count ? words[end + 1] : NULL);
		size_t longest = VIVA_MIN(end, (size_t)VIVA_TEXT_MAX_SENTENCE_WORDS);
		for (size_t length = 1; length <= longest; length++) {
			double cost = ways[end - length].cost + length_cost(length) + cut;
			if (cost < ways[end].cost)
				ways[end] = (struct way){.cost = cost, .from = end - length};
		}
	}
}

int viva_clauses_cut(const struct viva_word *words, size_t count, struct viva_arena *arena, size_t **ret_ends,
		     size_t *ret_count)
{
	const struct viva_word **counted = viva_arena_alloc(arena, (count + 1) * sizeof *counted);
	struct way *ways = viva_arena_alloc(arena, (count + 1) * sizeof *ways);
	size_t *ends = viva_arena_alloc(arena, (count + 1) * sizeof *ends);
	if (!counted || !ways || !ends)
		return VIVA_ENOMEM;
	size_t counted_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (viva_word_is_counted(&words[i]))
			counted[counted_count++] = &words[i];
	}
	find_ways(counted, counted_count, ways);
	size_t pieces = 0;
	for (size_t end = counted_count; end > 0; end = ways[end].from)
		pieces++;
	size_t piece = VIVA_MAX(pieces, (size_t)1);
	*ret_count = piece;
	// Fillers before a cut stay with what was said before them.
	ends[--piece] = count;
	for (size_t end = counted_count; end > 0 && ways[end].from > 0; end = ways[end].from)
		ends[--piece] = (size_t)(counted[ways[end].from] - words);
	*ret_ends = ends;
	return 0;
}
