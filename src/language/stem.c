// SPDX-License-Identifier: Apache-2.0
#include "language/stem.h"

#include <libstemmer.h>
#include <string.h>

#include "base/error.h"

int viva_stemmer_create(struct viva_stemmer **ret_stemmer)
{
	struct sb_stemmer *stemmer = sb_stemmer_new("english", "UTF_8");
	if (!stemmer)
		return VIVA_ENOMEM;
	*ret_stemmer = (struct viva_stemmer *)stemmer;
	return 0;
}

struct viva_stemmer *viva_stemmer_destroy(struct viva_stemmer *stemmer)
{
	sb_stemmer_delete((struct sb_stemmer *)stemmer);
	return NULL;
}

const char *viva_stem(struct viva_stemmer *stemmer, struct viva_arena *arena, const char *word)
{
	struct sb_stemmer *snowball = (struct sb_stemmer *)stemmer;
	const sb_symbol *stem = sb_stemmer_stem(snowball, (const sb_symbol *)word, (int)strlen(word));
	return stem ? viva_arena_text(arena, (const char *)stem, (size_t)sb_stemmer_length(snowball)) : NULL;
}
