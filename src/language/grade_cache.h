// SPDX-License-Identifier: Apache-2.0
//
// What was measured of graded answers: the same ones come with each answer to their question, and measuring costs as
// much as judging. Bounded: an answer may push out another one, which is then measured again.
//
// Threads: any; a short lock around copies, measuring outside of it.
#ifndef VIVA_LANGUAGE_GRADE_CACHE_H
#define VIVA_LANGUAGE_GRADE_CACHE_H

#include "language/grade.h"

struct viva_grade_cache;

// Room for `capacity` (1 – 65,536) answers of about 1.7 KB, taken as they come. VIVA_EINVAL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_grade_cache_create(size_t capacity, struct viva_grade_cache **ret_cache);
struct viva_grade_cache *viva_grade_cache_destroy(struct viva_grade_cache *cache);
VIVA_DEFINE_AUTO(viva_grade_cache)

// As viva_grade_measure, but what was measured of the same three texts before is given again.
VIVA_MUST_CHECK int viva_grade_measure_cached(struct viva_grade_cache *cache, struct viva_embedder *embedder,
					      struct viva_bytes question, struct viva_bytes reference,
					      struct viva_bytes answer, struct viva_arena *arena,
					      struct viva_grade_features *ret_features, struct viva_error *error);

#endif
