// SPDX-License-Identifier: Apache-2.0
//
// English words without their endings (Snowball's English stemmer: Porter 2), so that "isolates" and "isolation" meet.
//
// Threads: a stemmer has one user at a time; nothing blocks.
#ifndef VIVA_LANGUAGE_STEM_H
#define VIVA_LANGUAGE_STEM_H

#include "base/arena.h"
#include "base/macros.h"

struct viva_stemmer;

VIVA_MUST_CHECK int viva_stemmer_create(struct viva_stemmer **ret_stemmer);  // VIVA_ENOMEM
struct viva_stemmer *viva_stemmer_destroy(struct viva_stemmer *stemmer);
VIVA_DEFINE_AUTO(viva_stemmer)

// The stem of a case-folded word in UTF-8, in the arena. NULL when memory is short.
const char *viva_stem(struct viva_stemmer *stemmer, struct viva_arena *arena, const char *word);

#endif
