// SPDX-License-Identifier: Apache-2.0
//
// Feedback on one answer in whole sentences that quote it.
//
// Threads: any; nothing blocks.
#ifndef VIVA_LANGUAGE_FEEDBACK_H
#define VIVA_LANGUAGE_FEEDBACK_H

#include "language/analyze.h"

// At most VIVA_ANSWER_MAX_FEEDBACK_BYTES, in the arena; NULL when memory is short.
const char *viva_feedback_write(const struct viva_answer_analysis *analysis, struct viva_arena *arena);

#endif
