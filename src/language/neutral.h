// SPDX-License-Identifier: Apache-2.0
//
// Words that must not matter: given names, third-person pronouns, British or American spelling. What is compared in
// meaning is read with one form for all of them.
//
// Threads: any; constants.
#ifndef VIVA_LANGUAGE_NEUTRAL_H
#define VIVA_LANGUAGE_NEUTRAL_H

#include <stddef.h>

enum { VIVA_NEUTRAL_MAX_BYTES = 64 };

// The form in which a case-folded word is compared: `word` itself, a constant, or what is written into `room`.
const char *viva_neutral_word(const char *word, char room[VIVA_NEUTRAL_MAX_BYTES]);
// The same for spelling alone, by which stems are made.
const char *viva_neutral_spelling(const char *word, char room[VIVA_NEUTRAL_MAX_BYTES]);

#endif
