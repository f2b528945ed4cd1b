// SPDX-License-Identifier: Apache-2.0
//
// The phrases that say what a text is about: runs of content words ranked by nearness to the whole, with variety
// (maximal marginal relevance; Carbonell & Goldstein 1998).
//
// Threads: any.
#ifndef VIVA_LANGUAGE_KEYPHRASES_H
#define VIVA_LANGUAGE_KEYPHRASES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "language/embed.h"
#include "language/words.h"

// At most `max` phrases of 1–4 words, best first, in lower case. `about` is the embedding of the whole text.
// Errors of viva_embed.
VIVA_MUST_CHECK int viva_keyphrases(struct viva_embedder *embedder, const struct viva_text *text,
				    const struct viva_embedding *about, size_t max, struct viva_arena *arena,
				    const char *const **ret_phrases, size_t *ret_count, struct viva_error *error);

#endif
