// SPDX-License-Identifier: Apache-2.0
//
// Text for an operator's terminal.
//
// Threads: any; nothing blocks.
#ifndef VIVA_OPERATE_TEXT_H
#define VIVA_OPERATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

// "-" for −1, else "850 ms", "12 s", "5 min", "3 h", "9 d".
void operate_age_text(int64_t age_ms, char ret_text[24]);
// A copy without control characters and broken UTF-8, which become "?": whoever wrote the text does not steer the
// operator's terminal. "?" when there is no memory.
const char *operate_clean_text(struct viva_arena *arena, const char *text);

enum { OPERATE_MAX_COLUMNS = 8 };

// Prints rows with each column as wide as its widest cell; `cells` are row by row, the first row is the heading.
// Columns in `right` (bits) are flush right.
void operate_print_table(const char *const *cells, size_t rows, size_t columns, unsigned right);

#endif
