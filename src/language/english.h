// SPDX-License-Identifier: Apache-2.0
//
// Whether a text is English: the only language that this version judges.
//
// Threads: any; nothing blocks.
#ifndef VIVA_LANGUAGE_ENGLISH_H
#define VIVA_LANGUAGE_ENGLISH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/macros.h"
#include "language/tokenizer.h"
#include "language/words.h"

// In doubt (a short text, a list of terms) the answer is yes. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_english_check(const struct viva_tokenizer *tokenizer, const struct viva_text *text,
				       struct viva_arena *arena, bool *ret_is_english);

#endif
