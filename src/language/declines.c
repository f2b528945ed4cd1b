// SPDX-License-Identifier: Apache-2.0
#include "language/declines.h"

#include <string.h>

#include "language/fluency.h"

enum { MAX_WORDS = 12 };  // more say something

// Each a phrase with spaces around.
static const char *const phrases[] = {
	" i do not know ",    " i don't know ", " don't know ",    " dont know ",    " do not know ", " idk ",
	" i have no idea ",   " no idea ",      " no clue ",       " not answered ", " no answer ",   " n a ",
	" i am not sure ",    " i'm not sure ", " not sure ",      " pass ",         " skip ",        " next question ",
	" i have no answer ", " can't answer ", " cannot answer ", " no comment ",
};
// What may stand around it.
static const char *const around[] = {"sorry", "i'm",   "i",   "am",     "really", "well", "honestly", "this", "that",
				     "to",    "about", "the", "answer", "it",     "one",  "please",   "just", "so"};

static bool is_around(const char *word, size_t size)
{
	for (size_t i = 0; i < VIVA_COUNT(around); i++) {
		if (strlen(around[i]) == size && memcmp(around[i], word, size) == 0)
			return true;
	}
	return false;
}

// Whether only words of `around` are left outside [begin, end).
static bool is_all(const char *text, const char *begin, const char *end)
{
	for (const char *at = text; *at;) {
		size_t size = strcspn(at, " ");
		bool is_within = at >= begin && at + size <= end;
		if (size > 0 && !is_within && !is_around(at, size))
			return false;
		at += size + (at[size] == ' ');
	}
	return true;
}

bool viva_text_declines(const struct viva_text *text)
{
	char words[256] = " ";
	size_t size = 1;
	if (text->word_count == 0 || text->word_count > MAX_WORDS)
		return false;
	for (size_t i = 0; i < text->word_count; i++) {
		bool is_soft = false;
		size_t length = strlen(text->words[i].text);
		if (viva_is_filler(text, i, &is_soft) && !is_soft)
			continue;
		if (size + length + 2 > sizeof words)
			return false;
		memcpy(words + size, text->words[i].text, length);
		size += length;
		words[size++] = ' ';
		words[size] = '\0';
	}
	for (size_t i = 0; i < VIVA_COUNT(phrases); i++) {
		const char *at = strstr(words, phrases[i]);
		if (at && is_all(words, at, at + strlen(phrases[i])))
			return true;
	}
	return false;
}
