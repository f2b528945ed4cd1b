// SPDX-License-Identifier: Apache-2.0
//
// A light stemmer after the first steps of Porter (1980): endings of number and tense, and a few that make nouns.
#include <string.h>

#include "language/words.h"

struct stem {
	char *text;
	size_t size;
};

static bool is_vowel(char c)
{
	return strchr("aeiouy", c) != NULL;
}

static bool has_vowel(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (is_vowel(text[i]))
			return true;
	}
	return false;
}

static bool ends_with(const struct stem *stem, const char *ending, size_t min_left)
{
	size_t size = strlen(ending);
	return stem->size >= size + min_left && memcmp(stem->text + stem->size - size, ending, size) == 0 &&
	       has_vowel(stem->text, stem->size - size);
}

static bool drop(struct stem *stem, const char *ending, size_t min_left)
{
	if (!ends_with(stem, ending, min_left))
		return false;
	stem->size -= strlen(ending);
	return true;
}

static void drop_plural(struct stem *stem)
{
	if (drop(stem, "'s", 1))
		return;
	if (ends_with(stem, "sses", 1) || ends_with(stem, "xes", 1) || ends_with(stem, "ches", 1) ||
	    ends_with(stem, "shes", 1))
		stem->size -= 2;
	else if (ends_with(stem, "ies", 2))
		stem->size -= 2;  // queries → queri, as query → queri below
	else if (!ends_with(stem, "ss", 1) && !ends_with(stem, "us", 1) && !ends_with(stem, "is", 1))
		drop(stem, "s", 2);
}

static void drop_tense(struct stem *stem)
{
	if (!drop(stem, "ing", 3) && !drop(stem, "ed", 3))
		return;
	char last = stem->text[stem->size - 1];
	// "stopped" → "stop", but "passed" → "pass".
	if (stem->size > 3 && last == stem->text[stem->size - 2] && !is_vowel(last) && !strchr("lsz", last))
		stem->size--;
}

static void drop_derivation(struct stem *stem)
{
	static const char *const endings[] = {"ation", "ment", "ness", "ful", "ly", "ity", "able", "er", "or"};
	if (ends_with(stem, "tion", 3) || ends_with(stem, "sion", 3)) {
		stem->size -= 3;
		return;
	}
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		if (drop(stem, endings[i], 4))
			return;
	}
}

static void drop_last_vowel(struct stem *stem)
{
	char *last = &stem->text[stem->size - 1];
	if (stem->size > 3 && *last == 'e')
		stem->size--;
	else if (stem->size > 2 && *last == 'y')
		*last = 'i';
}

const char *viva_stem(struct viva_arena *arena, const char *word)
{
	size_t size = strlen(word);
	struct stem stem = {.text = viva_arena_text(arena, word, size), .size = size};
	if (!stem.text)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		// Endings are English: leave words in other letters alone.
		if ((word[i] < 'a' || word[i] > 'z') && word[i] != '\'')
			return stem.text;
	}
	if (size > 3) {
		drop_plural(&stem);
		drop_tense(&stem);
		drop_derivation(&stem);
		drop_last_vowel(&stem);
	}
	stem.text[stem.size] = '\0';
	return stem.text;
}
