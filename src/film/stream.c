// SPDX-License-Identifier: Apache-2.0
#include "film/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "film/film.h"
#include "film/jpeg_cut.h"

enum { READ_BYTES = 256 << 10, START_BYTES = 8 };

void viva_film_stream_init(struct viva_film_stream *stream, int fd)
{
	*stream = (struct viva_film_stream){.fd = fd};
	// One byte more than a picture may have, so that one of the full size is told from one that goes on.
	viva_buffer_init(&stream->buffer, VIVA_FILM_MAX_PICTURE + 1);
}

void viva_film_stream_finish(struct viva_film_stream *stream)
{
	viva_buffer_finish(&stream->buffer);
}

static struct viva_bytes bytes_of(const struct viva_film_stream *stream)
{
	return viva_bytes_of(stream->buffer.data, stream->buffer.size);
}

// Adds what comes next, or sets is_at_end.
static int read_more(struct viva_film_stream *stream, struct viva_error *error)
{
	struct viva_buffer *buffer = &stream->buffer;
	size_t room = buffer->limit - buffer->size;
	if (room == 0)
		return viva_fail(error, VIVA_ELIMIT, NULL, "a picture has more than %d MiB",
				 VIVA_FILM_MAX_PICTURE >> 20);
	room = VIVA_MIN(room, (size_t)READ_BYTES);
	if (viva_buffer_reserve(buffer, room))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a picture");
	ssize_t got;
	do
		got = read(stream->fd, buffer->data + buffer->size, room);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return viva_fail(error, VIVA_EIO, NULL, "can't be read: %s", strerror(errno));
	buffer->size += (size_t)got;
	stream->is_at_end = got == 0;
	return 0;
}

static void skip(struct viva_film_stream *stream, size_t size)
{
	viva_buffer_consume(&stream->buffer, size);
	stream->skipped += size;
}

static int read_whole(struct viva_film_stream *stream, struct viva_error *error)
{
	int code = 0;
	while (code == 0 && !stream->is_at_end)
		code = read_more(stream, error);
	return code;
}

// Brings the next JPEG's start to the buffer's. False in *ret_is_there: there is none any more.
static int find_start(struct viva_film_stream *stream, bool *ret_is_there, struct viva_error *error)
{
	size_t at = 0;
	int code = 0;
	while (!viva_jpeg_find(bytes_of(stream), 0, &at)) {
		// The last two bytes may be the beginning of a start.
		size_t kept = stream->is_at_end ? 0 : VIVA_MIN(stream->buffer.size, (size_t)2);
		skip(stream, stream->buffer.size - kept);
		*ret_is_there = false;
		if (stream->is_at_end)
			return 0;
		code = read_more(stream, error);
		if (code != 0)
			return code;
	}
	skip(stream, at);
	*ret_is_there = true;
	return 0;
}

static int cut(struct viva_film_stream *stream, size_t *ret_size, struct viva_error *error)
{
	for (;;) {
		size_t size = 0;
		enum viva_jpeg_end end = viva_jpeg_measure(bytes_of(stream), &size);
		if (end == VIVA_JPEG_BROKEN && !viva_jpeg_find(bytes_of(stream), size, &size)) {
			size = stream->buffer.size;
			end = VIVA_JPEG_UNFINISHED;
		} else if (end == VIVA_JPEG_UNFINISHED) {
			size = stream->buffer.size;
		}
		if (end != VIVA_JPEG_UNFINISHED || stream->is_at_end) {
			*ret_size = size;
			return 0;
		}
		int code = read_more(stream, error);
		if (code != 0)
			return code;
	}
}

int viva_film_stream_next(struct viva_film_stream *stream, struct viva_bytes *ret_picture, struct viva_error *error)
{
	int code = 0;
	bool is_there = false;
	viva_buffer_consume(&stream->buffer, stream->given);
	stream->given = 0;
	*ret_picture = (struct viva_bytes){0};
	while (code == 0 && !stream->is_begun && !stream->is_at_end && stream->buffer.size < START_BYTES)
		code = read_more(stream, error);
	bool is_png = !stream->is_begun && viva_is_png(bytes_of(stream));
	stream->is_begun = true;
	if (code == 0 && is_png) {
		code = read_whole(stream, error);
		is_there = true;
		stream->given = stream->buffer.size;
	} else if (code == 0) {
		code = find_start(stream, &is_there, error);
		if (code == 0 && is_there)
			code = cut(stream, &stream->given, error);
	}
	if (code == 0 && is_there)
		*ret_picture = viva_bytes_of(stream->buffer.data, stream->given);
	return code;
}
