// SPDX-License-Identifier: Apache-2.0
//
// Whether an answer only says that there is none: "I don't know", "no idea", "not answered".
//
// Threads: any; nothing blocks.
#ifndef VIVA_LANGUAGE_DECLINES_H
#define VIVA_LANGUAGE_DECLINES_H

#include <stdbool.h>

#include "language/words.h"

// True if nothing is left of the text without fillers, words of regret and such a phrase. "No" alone may be an answer.
bool viva_text_declines(const struct viva_text *text);

#endif
