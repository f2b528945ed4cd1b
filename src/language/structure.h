// SPDX-License-Identifier: Apache-2.0
//
// Whether a story tells its situation, task, action and result (STAR), by the phrases that usually announce them. It is
// advice, not judgement: in rated interviews such patterns did not go with the ratings, so they weigh nothing.
//
// Threads: any; nothing blocks.
#ifndef VIVA_LANGUAGE_STRUCTURE_H
#define VIVA_LANGUAGE_STRUCTURE_H

#include <stddef.h>

#include "language/words.h"

enum viva_story_part {
	VIVA_STORY_SITUATION,  // when and where it was
	VIVA_STORY_TASK,       // what had to be done
	VIVA_STORY_ACTION,     // what the speaker did
	VIVA_STORY_RESULT,     // how it ended
	VIVA_STORY_PARTS,
};

// *ret_sentences[part] is the text's first sentence that has the part, or text->sentence_count if none. "A colleague
// and I disagreed" is a situation before it is an action: the action's is the first that tells neither how it was nor
// how it ended, if there is such a one.
void viva_story_find(const struct viva_text *text, size_t ret_sentences[VIVA_STORY_PARTS]);

const char *viva_story_part_text(enum viva_story_part part);  // "situation", …

#endif
