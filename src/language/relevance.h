// SPDX-License-Identifier: Apache-2.0
//
// How relevant an answer is to a question: its nearness to the question, and to what a full answer holds, compared with
// its nearness to the other questions of a bank. docs/scoring.md, "Relevance", has the formula.
//
// Threads: open and destroy from one; judge from any, and does not block.
#ifndef VIVA_LANGUAGE_RELEVANCE_H
#define VIVA_LANGUAGE_RELEVANCE_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "language/analyze.h"
#include "language/embed.h"

struct viva_background;

// Embeds the questions and their points; of a large bank, VIVA_BACKGROUND_MAX questions spread over it. What was
// computed is kept in the file at `path` (NULL = nowhere), and taken from there when it is of the same questions and
// model; a file that can't be read or written only costs time. VIVA_EINVAL (not UTF-8), VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_background_open(struct viva_embedder *embedder,
					 const struct viva_background_question *questions, size_t count,
					 const char *path, struct viva_background **ret_background,
					 struct viva_error *error);
struct viva_background *viva_background_destroy(struct viva_background *background);
VIVA_DEFINE_AUTO(viva_background)

enum { VIVA_BACKGROUND_MAX = 64 };  // questions compared with; more would not make the comparison better

// In [0, 1]; `about` is the answer's direction, `points` are those of the question (count may be 0), which asks for
// experience or conduct if `is_narrative`.
double viva_background_relevance(const struct viva_background *background, const struct viva_embedding *about,
				 const struct viva_embedding *question, const struct viva_embedding *points,
				 size_t point_count, bool is_narrative);

#endif
