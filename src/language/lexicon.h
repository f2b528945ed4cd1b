// SPDX-License-Identifier: Apache-2.0
//
// What the analysis knows about single English words: closed classes, fillers, words that announce reasons.
//
// Threads: any; constants.
#ifndef VIVA_LANGUAGE_LEXICON_H
#define VIVA_LANGUAGE_LEXICON_H

#include <stdbool.h>
#include <stddef.h>

enum viva_word_flag {
	VIVA_WORD_FUNCTION = 1 << 0,              // a stop word: carries grammar, not content
	VIVA_WORD_DETERMINER = 1 << 1,            // asks for a noun phrase: "the", "my"
	VIVA_WORD_NOT_AFTER_DETERMINER = 1 << 2,  // "the is", "a of" are no English
	VIVA_WORD_PREPOSITION = 1 << 3,
	VIVA_WORD_NOT_AFTER_PREPOSITION = 1 << 4,  // "of is", "with they"
	VIVA_WORD_NOT_LAST = 1 << 5,               // does not end a sentence
	VIVA_WORD_FILLER = 1 << 6,                 // "um"
	VIVA_WORD_SOFT_FILLER = 1 << 7,            // "basically"
	VIVA_WORD_REASON = 1 << 8,                 // announces a reason, condition or contrast
	VIVA_WORD_EXAMPLE = 1 << 9,                // announces an example
	VIVA_WORD_SUBJECT = 1 << 10,               // asks for a verb: "I", "they"
	VIVA_WORD_MODAL = 1 << 11,                 // asks for a verb's plain form: "can", "didn't"
	VIVA_WORD_FINITE = 1 << 12,                // a verb that has its subject: "is", "had"
};

// The entry of a table in strcmp's order whose entries begin with their word (a list of words is one); NULL = none.
const void *viva_lexicon_find(const char *word, const void *table, size_t count, size_t entry_size);

// The flags of a lower-case word; 0 = none.
unsigned viva_lexicon_flags(const char *word);
// Whether it is a frequent function word of another language in Latin script, and not an English word.
bool viva_lexicon_is_foreign(const char *word);

// Whether a lower-case word says little about what a text is about, though it is no function word: "use", "various",
// "paper", and adverbs. Such words stand in no key phrase.
bool viva_lexicon_is_light(const char *word);

#endif
