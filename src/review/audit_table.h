// SPDX-License-Identifier: Apache-2.0
//
// A table from a CSV file (RFC 4180): the first row names the columns.
//
// Threads: one owner at a time; read blocks on the disk.
#ifndef VIVA_REVIEW_AUDIT_TABLE_H
#define VIVA_REVIEW_AUDIT_TABLE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

enum {
	AUDIT_MAX_FILE_BYTES = 32 << 20,
	AUDIT_MAX_ROWS = 200000,
	AUDIT_MAX_COLUMNS = 256,
	AUDIT_MAX_CELL_BYTES = 1000,
};

struct audit_table {
	size_t row_count, column_count;  // without the names
	const char *const *names;
	const char *const *cells;  // row by row, without white space at either end
	const size_t *lines;       // of the file, from 1, that each row begins in
};

// Reads a text: UTF-8, with or without a byte order mark, lines ended by LF or CRLF; empty lines are nothing. Cells
// live in the arena. VIVA_EUSAGE names the line at fault; VIVA_ENOMEM.
VIVA_MUST_CHECK int audit_table_parse(const char *text, size_t size, struct viva_arena *arena,
				      struct audit_table *ret_table, struct viva_error *error);
// The same of a file. VIVA_EUSAGE, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int audit_table_read(const char *path, struct viva_arena *arena, struct audit_table *ret_table,
				     struct viva_error *error);
// The column of this name (of `size` bytes); column_count = there is none.
size_t audit_table_column(const struct audit_table *table, const char *name, size_t size);
const char *audit_table_cell(const struct audit_table *table, size_t row, size_t column);

#endif
