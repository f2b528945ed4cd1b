// SPDX-License-Identifier: Apache-2.0
//
// How much each sentence of an answer is about its question, so that what stands beside it earns nothing; and which
// sentences speak to whoever judges, instead of answering.
//
// Threads: any.
#ifndef VIVA_LANGUAGE_TOPIC_H
#define VIVA_LANGUAGE_TOPIC_H

#include <stdbool.h>

#include "language/essence.h"

struct viva_topic {
	const struct viva_embedding *question;  // NULL = unknown: then each sentence counts
	const struct viva_embedding *points;    // its reference points
	size_t point_count;
	bool is_story;  // sentences may belong to the question by what stands next to them
};

// Sets topicality and weight of the essence's sentences, whose embeddings must be set, and takes those out that speak
// to the judge, with what was counted of them. Errors of viva_embed_cached.
VIVA_MUST_CHECK int viva_topic_judge(struct viva_embedder *embedder, const struct viva_topic *topic,
				     struct viva_essence *essence, struct viva_arena *arena, struct viva_error *error);

#endif
