// SPDX-License-Identifier: Apache-2.0
//
// WordPiece, uncased, as BERT defines it: text to the numbers that the sentence model reads. Gives the same ids as the
// `tokenizers` library with encode_special_tokens: "[SEP]" within a text is text, never a control token.
//
// Threads: open and destroy from one; encode from any. Nothing blocks but open (one read).
#ifndef VIVA_LANGUAGE_TOKENIZER_H
#define VIVA_LANGUAGE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_tokenizer;

// Ids of the vocabulary's special entries.
enum { VIVA_TOKEN_PAD = 0, VIVA_TOKEN_UNKNOWN = 100, VIVA_TOKEN_BEGIN = 101, VIVA_TOKEN_END = 102 };

struct viva_tokens {
	int64_t *ids;   // [CLS] … [SEP]
	size_t count;   // ≥ 2
	size_t words;   // words and punctuation marks that the pieces come from
	size_t pieces;  // count - 2, before truncation
	bool is_truncated;
};

// Reads a vocabulary: one entry a line, its number is its id. VIVA_EMODEL (not there or not a BERT vocabulary),
// VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_tokenizer_open(const char *path, struct viva_tokenizer **ret_tokenizer,
					struct viva_error *error);
struct viva_tokenizer *viva_tokenizer_destroy(struct viva_tokenizer *tokenizer);
VIVA_DEFINE_AUTO(viva_tokenizer)

size_t viva_tokenizer_entry_count(const struct viva_tokenizer *tokenizer);  // above every id

// Tokens of valid UTF-8, at most max_tokens (≥ 2) with [CLS] and [SEP]; what is over is dropped. In the arena.
// VIVA_EINVAL (not UTF-8), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_tokenizer_encode(const struct viva_tokenizer *tokenizer, struct viva_bytes text,
					  size_t max_tokens, struct viva_arena *arena, struct viva_tokens *ret_tokens);

#endif
