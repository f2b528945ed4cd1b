// SPDX-License-Identifier: Apache-2.0
//
// Emoji as words, for paper: no font of outlines has them all, and coloured ones can't be embedded as outlines. The
// words are the characters' Unicode names, so that they are the same on each machine with the same ICU.
//
// Threads: any; pure.
#ifndef VIVA_REPORT_EMOJI_H
#define VIVA_REPORT_EMOJI_H

enum { VIVA_EMOJI_MAX_NAMED = 8 };

// A copy of valid UTF-8 with "[thumbs up sign]" for an emoji, "[man + personal computer]" for joined ones and "[flag
// NL]" for a flag; tones of skin are left out. The first VIVA_EMOJI_MAX_NAMED are named, each run of later ones is
// "[emoji]". Pictographs that are text by default (U+2764) stay. The caller's, to be freed; NULL = nothing to replace,
// or no memory.
char *viva_emoji_spell(const char *text);

#endif
