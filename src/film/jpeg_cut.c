// SPDX-License-Identifier: Apache-2.0
#include "film/jpeg_cut.h"

#include <string.h>

// ITU-T T.81 table B.1.
enum jpeg_marker { TEM = 0x01, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda };

static bool stands_alone(uint8_t marker)
{
	return marker == TEM || (marker >= RST0 && marker <= RST7);
}

// From the first byte of entropy-coded data to the marker that ends it: FF00 is data, FFD0–FFD7 are restarts.
static size_t skip_entropy(const uint8_t *data, size_t at, size_t size)
{
	while (at + 1 < size) {
		bool is_marker = data[at] == 0xff && data[at + 1] != 0x00 && data[at + 1] != 0xff;
		if (is_marker && !(data[at + 1] >= RST0 && data[at + 1] <= RST7))
			return at;
		at++;
	}
	return size;
}

static enum viva_jpeg_end break_at(size_t at, size_t *ret_size)
{
	*ret_size = at;
	return VIVA_JPEG_BROKEN;
}

enum viva_jpeg_end viva_jpeg_measure(struct viva_bytes bytes, size_t *ret_size)
{
	const uint8_t *data = bytes.data;
	size_t at = 2, size = bytes.size;
	while (at + 1 < size) {
		uint8_t marker = data[at + 1];
		if (data[at] != 0xff || marker == SOI)
			return break_at(at, ret_size);
		if (marker == 0xff) {  // fill byte
			at++;
			continue;
		}
		at += 2;
		if (marker == EOI) {
			*ret_size = at;
			return VIVA_JPEG_WHOLE;
		}
		if (stands_alone(marker))
			continue;
		if (at + 2 > size)
			return VIVA_JPEG_UNFINISHED;
		size_t length = (size_t)(data[at] << 8 | data[at + 1]);
		if (length < 2)
			return break_at(at, ret_size);
		if (length > size - at)
			return VIVA_JPEG_UNFINISHED;
		at += length;
		if (marker == SOS)
			at = skip_entropy(data, at, size);
	}
	return VIVA_JPEG_UNFINISHED;
}

bool viva_jpeg_find(struct viva_bytes bytes, size_t from, size_t *ret_at)
{
	static const uint8_t start[] = {0xff, SOI, 0xff};
	const uint8_t *found =
		from < bytes.size ? memmem(bytes.data + from, bytes.size - from, start, sizeof start) : NULL;
	if (found)
		*ret_at = (size_t)(found - bytes.data);
	return found;
}

bool viva_jpeg_next(struct viva_bytes bytes, size_t *offset, struct viva_bytes *ret_jpeg)
{
	size_t at = 0, size = 0;
	while (viva_jpeg_find(bytes, *offset, &at)) {
		struct viva_bytes rest = viva_bytes_of(bytes.data + at, bytes.size - at);
		if (viva_jpeg_measure(rest, &size) == VIVA_JPEG_WHOLE) {
			*offset = at + size;
			*ret_jpeg = viva_bytes_of(rest.data, size);
			return true;
		}
		*offset = at + 1;
	}
	return false;
}

bool viva_is_png(struct viva_bytes bytes)
{
	static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	return bytes.size >= sizeof signature && memcmp(bytes.data, signature, sizeof signature) == 0;
}
