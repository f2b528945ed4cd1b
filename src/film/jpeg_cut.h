// SPDX-License-Identifier: Apache-2.0
//
// Where pictures begin and end in a run of bytes.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_FILM_JPEG_CUT_H
#define VIVA_FILM_JPEG_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

// WHOLE: its end was found. UNFINISHED: so far it may be one, but the bytes end first. BROKEN: no bytes could mend it.
enum viva_jpeg_end { VIVA_JPEG_WHOLE, VIVA_JPEG_UNFINISHED, VIVA_JPEG_BROKEN };

// Walks the markers (ITU-T T.81 §B) of the JPEG that begins with the bytes, so that the end of a thumbnail inside it is
// not taken for its own. *ret_size is that of a WHOLE one, and how far a BROKEN one goes.
enum viva_jpeg_end viva_jpeg_measure(struct viva_bytes bytes, size_t *ret_size);
// The first place at or after `from` that looks like the start of a JPEG. False: there is none.
bool viva_jpeg_find(struct viva_bytes bytes, size_t from, size_t *ret_at);
// Finds the next whole JPEG at or after *offset. Moves *offset behind it. False: there is none.
bool viva_jpeg_next(struct viva_bytes bytes, size_t *offset, struct viva_bytes *ret_jpeg);

bool viva_is_png(struct viva_bytes bytes);  // by its signature

#endif
