// SPDX-License-Identifier: Apache-2.0
//
// CSV by RFC 4180: fields in quotes may hold commas, quotes and line ends; lines end in LF or CRLF.
//
// Threads: any; nothing blocks.
#ifndef VIVA_QUESTIONS_CSV_H
#define VIVA_QUESTIONS_CSV_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum { VIVA_CSV_MAX_FIELDS = 64 };

struct viva_csv_reader {
	struct viva_bytes text;
	size_t position;
	size_t row;      // number of the row last read, from 1
	char separator;  // ',' or ';', by the first row
};

// Begins; a byte order mark is skipped.
struct viva_csv_reader viva_csv_read(struct viva_bytes text);
// The next row's fields, in the arena; *ret_count = 0 at the end; empty lines are skipped. VIVA_EFIELD (a quote that is
// not closed, too many fields, a NUL; the sentence names the row), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_csv_next(struct viva_csv_reader *reader, struct viva_arena *arena,
				  const char *ret_fields[VIVA_CSV_MAX_FIELDS], size_t *ret_count,
				  struct viva_error *error);
// Appends one field, in quotes where needed. VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_csv_append(struct viva_buffer *out, const char *field);

#endif
