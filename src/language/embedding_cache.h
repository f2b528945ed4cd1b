// SPDX-License-Identifier: Apache-2.0
//
// Embeddings by text, bounded: what was used longest ago goes first.
//
// Threads: any; a short lock, nothing else blocks.
#ifndef VIVA_LANGUAGE_EMBEDDING_CACHE_H
#define VIVA_LANGUAGE_EMBEDDING_CACHE_H

#include <stdbool.h>

#include "language/embed.h"

struct viva_embedding_cache;

// Room for max_entries (> 0) texts of at most 2,048 bytes. VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_embedding_cache_create(size_t max_entries, struct viva_embedding_cache **ret_cache);
struct viva_embedding_cache *viva_embedding_cache_destroy(struct viva_embedding_cache *cache);
VIVA_DEFINE_AUTO(viva_embedding_cache)

// Copies the embedding of `text` out; false = not there.
bool viva_embedding_cache_get(struct viva_embedding_cache *cache, struct viva_bytes text,
			      struct viva_embedding *ret_embedding);
// Keeps it. A text that is too long, or memory that is short, is no error: it is then not kept.
void viva_embedding_cache_put(struct viva_embedding_cache *cache, struct viva_bytes text,
			      const struct viva_embedding *embedding);

#endif
