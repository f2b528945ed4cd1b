// SPDX-License-Identifier: Apache-2.0
//
// A text made uniform and cut into sentences and words (Unicode UAX #29 by ICU). Case, spacing and the normalisation
// form of the input change nothing but the spelling of what is quoted.
//
// Threads: any; nothing blocks. Everything lives in the caller's arena.
#ifndef VIVA_LANGUAGE_WORDS_H
#define VIVA_LANGUAGE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/macros.h"

struct viva_word {
	const char *text;   // case-folded
	const char *stem;   // see stem.h
	size_t begin, end;  // bytes of the canonical text
	unsigned flags;     // enum viva_word_flag
	bool is_number;
	bool is_foreign;  // a function word of another language
};

struct viva_sentence {
	size_t begin, end;  // bytes of the canonical text, without spaces around
	size_t first_word, word_count;
	bool is_continued, goes_on;  // a piece of a longer one, which began before it, or ends after it
};

struct viva_text {
	const char *data;  // NFC, single spaces, no control characters; NUL behind it
	size_t size;
	size_t characters;
	bool is_capped;  // the input was longer than max_characters
	struct viva_word *words;
	size_t word_count;
	struct viva_sentence *sentences;  // each with at least one word
	size_t sentence_count;
	size_t letters, latin_letters;
	bool has_punctuation;  // of sentences: . ! ?
};

enum {
	VIVA_TEXT_MAX_SENTENCE_WORDS = 40,  // a longer run, as speech recognisers give, is cut into such pieces
};

// Whether the word counts where a run of words is measured: fillers ("um") don't.
bool viva_word_is_counted(const struct viva_word *word);
// Whether punctuation, or the text's end, is right behind word `word`.
bool viva_word_ends_at_mark(const struct viva_text *text, size_t word);

// Reads at most max_characters of `input`. VIVA_EINVAL (not UTF-8), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_text_read(struct viva_bytes input, size_t max_characters, struct viva_arena *arena,
				   struct viva_text *ret_text);

#endif
