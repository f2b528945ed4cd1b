// SPDX-License-Identifier: Apache-2.0
//
// Pictures out of a stream of bytes (a file, a pipe), as they come: JPEGs one after another, or one PNG. One picture is
// held at a time.
//
// Threads: one owner at a time; next() waits for the writer.
#ifndef VIVA_FILM_STREAM_H
#define VIVA_FILM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_film_stream {
	int fd;  // borrowed
	bool is_at_end;
	bool is_begun;
	struct viva_buffer buffer;
	size_t given;      // bytes at the buffer's start that are the last picture
	uint64_t skipped;  // bytes so far that belong to no picture
};

void viva_film_stream_init(struct viva_film_stream *stream, int fd);
void viva_film_stream_finish(struct viva_film_stream *stream);

// The next picture, valid until the next call; of size 0: there is none any more. One that begins like a JPEG and is
// not whole is given as far as it goes (to the next one's start or the end), so that a decoder tells what is wrong with
// it. VIVA_EIO (reading fails), VIVA_ELIMIT (no end within VIVA_FILM_MAX_PICTURE), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_film_stream_next(struct viva_film_stream *stream, struct viva_bytes *ret_picture,
					  struct viva_error *error);

#endif
