// SPDX-License-Identifier: Apache-2.0
//
// What remains of an answer for judging its content: its sentences without fillers, without words copied from the
// question, each only once.
//
// Threads: any; nothing blocks. Everything lives in the caller's arena.
#ifndef VIVA_LANGUAGE_ESSENCE_H
#define VIVA_LANGUAGE_ESSENCE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "language/embed.h"
#include "language/words.h"

enum { VIVA_ESSENCE_MAX_SENTENCES = 150 };  // different ones; later ones are not judged, so that time is bounded

struct viva_essence_sentence {
	size_t index;            // of the text's sentences
	struct viva_bytes text;  // without what is left out
	const char **stems;      // of its content words, each once, sorted
	size_t stem_count;
	size_t words, function_words;
	double topicality;                // 0–1: how much it is about the question (topic.h)
	double weight;                    // of each of its words in the answer's vector (topic.h)
	struct viva_embedding embedding;  // set by the judge
};

struct viva_essence {
	struct viva_essence_sentence *sentences;
	size_t count;
	size_t content_words;  // different stems in all sentences
	double copied_share;   // 0–1: share of the words that stand in the question in the same order
	size_t order_count;    // sentences that were taken out, since they speak to the judge (topic.h)
};

// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_essence_extract(const struct viva_text *answer, const struct viva_text *question,
					 struct viva_arena *arena, struct viva_essence *ret_essence);

// Counts anew the different content words of the essence's sentences. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_essence_count_words(struct viva_arena *arena, struct viva_essence *essence);

// Whether a sorted array of stems has this one.
bool viva_stems_have(const char *const *stems, size_t count, const char *stem);
// The content stems of a text's words [first, first + count), each once, sorted. NULL when memory is short.
const char **viva_stems_of(const struct viva_text *text, size_t first, size_t count, const bool *is_left_out,
			   struct viva_arena *arena, size_t *ret_count);

#endif
