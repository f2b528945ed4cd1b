// SPDX-License-Identifier: Apache-2.0
//
// Tells what was seen: for people, as JSON (an object a line), or as a CSV table (RFC 4180).
//
// Threads: one owner at a time; blocks on the file.
#ifndef VIVA_ANALYZE_WRITER_H
#define VIVA_ANALYZE_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#include "analyze/record.h"
#include "base/error.h"
#include "base/macros.h"

enum analyze_format { ANALYZE_TEXT, ANALYZE_JSON, ANALYZE_CSV };

// What the pictures are: whole ones, or faces (only looks are told of) or eyes (only their state) that were cut out.
enum analyze_crop { ANALYZE_WHOLE, ANALYZE_FACE, ANALYZE_EYE };

struct analyze_writer {
	FILE *out;
	enum analyze_format format;
	bool is_film;  // pictures follow one another; else each stands by itself
	enum analyze_crop crop;
	double fps;  // of a film
	bool with_points;
	const char *input;  // the path, for people
};

// One picture. People are told of single ones at the end. VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_write_record(const struct analyze_writer *writer, const struct analyze_record *record,
					 struct viva_error *error);
// All of them; `last` is the latest readable one. VIVA_ENOMEM, VIVA_EIO (something could not be written).
VIVA_MUST_CHECK int analyze_write_end(const struct analyze_writer *writer, const struct analyze_record *last,
				      struct analyze_summary *summary, struct viva_error *error);

#endif
