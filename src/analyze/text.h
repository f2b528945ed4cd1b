// SPDX-License-Identifier: Apache-2.0
//
// What was seen, for people.
//
// Threads: one owner at a time; blocks on the file.
#ifndef VIVA_ANALYZE_TEXT_H
#define VIVA_ANALYZE_TEXT_H

#include "analyze/writer.h"

void analyze_text_picture(const struct analyze_writer *writer, const struct analyze_record *record);
void analyze_text_summary(const struct analyze_writer *writer, struct analyze_summary *summary);

// A hint as a sentence; "" for none.
const char *analyze_hint_sentence(enum viva_vision_hint hint);

#endif
