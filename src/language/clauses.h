// SPDX-License-Identifier: Apache-2.0
//
// Where a run of words without punctuation, as speech recognisers give it, may be cut so that each piece can be read.
//
// Threads: any; nothing blocks. Everything lives in the caller's arena.
#ifndef VIVA_LANGUAGE_CLAUSES_H
#define VIVA_LANGUAGE_CLAUSES_H

#include <stddef.h>

#include "base/arena.h"
#include "base/macros.h"
#include "language/words.h"

// Cuts `count` words into pieces of at most VIVA_TEXT_MAX_SENTENCE_WORDS, before words that begin a clause where there
// are such. Fillers don't count and change no cut. Returns the pieces' ends, as numbers of words from the first one, in
// rising order; the last is `count`. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_clauses_cut(const struct viva_word *words, size_t count, struct viva_arena *arena,
				     size_t **ret_ends, size_t *ret_count);

#endif
