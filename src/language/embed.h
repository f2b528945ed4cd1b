// SPDX-License-Identifier: Apache-2.0
//
// Sentence embeddings by all-MiniLM-L6-v2 (encoder.h): unit vectors whose dot product tells how near two texts are in
// meaning. A text has one vector, bit for bit, whatever it is embedded with.
//
// Threads: open and destroy from one; embed from any. A call computes on the caller's thread's behalf and blocks while
// as many others compute as may.
#ifndef VIVA_LANGUAGE_EMBED_H
#define VIVA_LANGUAGE_EMBED_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "language/tokenizer.h"

enum {
	VIVA_EMBEDDING_SIZE = 384,
	VIVA_EMBEDDING_MAX_TOKENS = 256,  // what the model was trained for; the rest of a longer text is not read
};

struct viva_embedding {
	float values[VIVA_EMBEDDING_SIZE];  // length 1, or all 0 for a text without tokens
};

struct viva_embedder;

struct viva_embedder_options {
	const char *model_directory;  // with sentence.json, sentence.bin and vocab.txt
	size_t max_concurrent;        // callers that compute at a time, each on its thread (3 MB each). Default 2.
	// Embeddings kept of texts asked for by viva_embed_cached: about 7 a question of the bank, and 100 where it has
	// a reference answer. Default 8192 (13 MB when full).
	size_t cache_entries;
};

struct viva_embedder_options viva_embedder_defaults(void);

// Checks the files against their sums and maps them: .1 s, 22 MB that are read again and again. VIVA_EMODEL (which
// file, and the cure), VIVA_EINVAL (a limit is 0), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_embedder_open(const struct viva_embedder_options *options, struct viva_embedder **ret_embedder,
				       struct viva_error *error);
struct viva_embedder *viva_embedder_destroy(struct viva_embedder *embedder);  // after the last call returned
VIVA_DEFINE_AUTO(viva_embedder)

const struct viva_tokenizer *viva_embedder_tokenizer(const struct viva_embedder *embedder);
// What its embeddings depend on beside the text: the model files' sums, the instruction set.
const char *viva_embedder_identity(const struct viva_embedder *embedder);

// Embeds `count` texts (valid UTF-8). Scratch memory comes from the arena. VIVA_EINVAL (not UTF-8), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_embed(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count,
			       struct viva_arena *arena, struct viva_embedding *ret_embeddings,
			       struct viva_error *error);
// The same for texts that come again and again (questions, reference points): remembers those used last.
VIVA_MUST_CHECK int viva_embed_cached(struct viva_embedder *embedder, const struct viva_bytes *texts, size_t count,
				      struct viva_arena *arena, struct viva_embedding *ret_embeddings,
				      struct viva_error *error);

// The cosine of two embeddings, in [-1, 1].
double viva_embedding_cosine(const struct viva_embedding *a, const struct viva_embedding *b);

#endif
