// SPDX-License-Identifier: Apache-2.0
//
// Which reference points an answer covers, and which of its words show it.
//
// Threads: any.
#ifndef VIVA_LANGUAGE_RUBRIC_H
#define VIVA_LANGUAGE_RUBRIC_H

#include "language/analyze.h"
#include "language/essence.h"

struct viva_rubric {
	const char *const *points;
	struct viva_point_finding *findings;
	size_t count;
	double coverage;                    // mean over the points, each between 0 (not found) and 1 (covered)
	struct viva_embedding *embeddings;  // of the points
	double partly, covered;             // similarities from which on a point counts as such
	size_t min_stems;                   // content words in the evidence that covers a point
};

// Embeds the answer's reference points. Errors of viva_embed_cached.
VIVA_MUST_CHECK int viva_rubric_prepare(struct viva_embedder *embedder, const struct viva_answer *answer,
					struct viva_arena *arena, struct viva_rubric *ret_rubric,
					struct viva_error *error);
// Matches each point against the answer's sentences and pairs of neighbours. The sentences' embeddings must be set.
VIVA_MUST_CHECK int viva_rubric_match(struct viva_rubric *rubric, const struct viva_text *answer,
				      const struct viva_text *question, const struct viva_essence *essence,
				      struct viva_arena *arena);

#endif
