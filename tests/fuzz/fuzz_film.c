// SPDX-License-Identifier: Apache-2.0
//
// Films from anywhere: whatever the bytes, and however they are cut, they become pictures and what is skipped, in their
// order, to the last byte.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "film/film.h"
#include "film/jpeg_cut.h"
#include "film/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A pipe that has all the bytes and no writer any more; −1 where it can't take them.
static int pipe_with(const uint8_t *data, size_t size)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	ssize_t written = size > 0 ? write(ends[1], data, size) : 0;
	close(ends[1]);
	if (written == (ssize_t)size)
		return ends[0];
	close(ends[0]);
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = pipe_with(data, size);
	if (fd < 0)
		return 0;
	struct viva_film_stream stream;
	struct viva_bytes picture = {0};
	size_t given = 0;
	viva_film_stream_init(&stream, fd);
	do {
		if (viva_film_stream_next(&stream, &picture, NULL) != 0)
			abort();
		given += picture.size;
		size_t end = given + (size_t)stream.skipped;
		if (end > size ||
		    (picture.size > 0 && memcmp(data + end - picture.size, picture.data, picture.size) != 0))
			abort();
	} while (picture.size > 0);
	if (given + stream.skipped != size)
		abort();
	viva_film_stream_finish(&stream);
	close(fd);

	size_t offset = 0;
	while (viva_jpeg_next(viva_bytes_of(data, size), &offset, &picture))
		if (offset > size || picture.data + picture.size != data + offset)
			abort();
	return 0;
}
