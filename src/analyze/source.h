// SPDX-License-Identifier: Apache-2.0
//
// Where the pictures come from: a folder, a file of one picture or of JPEGs one after another, or the standard input.
//
// Threads: one owner at a time; next() blocks on the disk or the writer.
#ifndef VIVA_ANALYZE_SOURCE_H
#define VIVA_ANALYZE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct analyze_source;

// `path` is "-" for the standard input. VIVA_EUSAGE (nothing to read there; the path is named), VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_source_open(const char *path, struct analyze_source **ret_source, struct viva_error *error);
struct analyze_source *analyze_source_destroy(struct analyze_source *source);
VIVA_DEFINE_AUTO(analyze_source)

// Pictures a second as a folder's frames.json says; 0 = it doesn't.
double analyze_source_per_second(const struct analyze_source *source);

struct analyze_picture {
	struct viva_bytes bytes;  // valid until the next call
	const char *name;         // of a folder's file; NULL for others
	int code;                 // not 0: this one can't be read, see the error; the next may be
};

// The next picture. False in *ret_is_there: there is none any more. Fails only where no other can follow: VIVA_EIO,
// VIVA_ELIMIT (a film's picture of more than 8 MiB), VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_source_next(struct analyze_source *source, bool *ret_is_there,
					struct analyze_picture *ret_picture, struct viva_error *error);
// Bytes so far that belonged to no picture.
uint64_t analyze_source_skipped(const struct analyze_source *source);

#endif
