// SPDX-License-Identifier: Apache-2.0
#include "vision/jpeg_scan.h"

#include <stdbool.h>
#include <string.h>

// Markers of ITU-T T.81 table B.1; each follows a byte 0xff.
enum marker {
	MARKER_TEM = 0x01,
	MARKER_SOF0 = 0xc0,  // baseline
	MARKER_DHT = 0xc4,
	MARKER_JPG = 0xc8,
	MARKER_DAC = 0xcc,
	MARKER_SOF15 = 0xcf,
	MARKER_RST0 = 0xd0,
	MARKER_RST7 = 0xd7,
	MARKER_SOI = 0xd8,
	MARKER_EOI = 0xd9,
	MARKER_SOS = 0xda,
};

struct reader {
	const uint8_t *data;
	size_t size;
	size_t at;
};

static bool is_frame_header(uint8_t marker)
{
	return marker >= MARKER_SOF0 && marker <= MARKER_SOF15 && marker != MARKER_DHT && marker != MARKER_JPG &&
	       marker != MARKER_DAC;
}

// Baseline, extended and progressive, Huffman or arithmetic: SOF0–2, SOF9, SOF10.
static bool is_known_coding(uint8_t marker)
{
	return marker <= 0xc2 || marker == 0xc9 || marker == 0xca;
}

static bool stands_alone(uint8_t marker)
{
	return marker == MARKER_TEM || (marker >= MARKER_RST0 && marker <= MARKER_SOI);
}

static int truncated(struct viva_error *error)
{
	return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG is truncated");
}

// The next marker: skips what precedes it, entropy-coded data included (there 0xff 0x00 is a byte of data).
static bool next_marker(struct reader *reader, uint8_t *ret_marker)
{
	while (reader->at < reader->size) {
		const uint8_t *found = memchr(reader->data + reader->at, 0xff, reader->size - reader->at);
		if (!found)
			return false;
		reader->at = (size_t)(found - reader->data);
		while (reader->at < reader->size && reader->data[reader->at] == 0xff)
			reader->at++;
		if (reader->at == reader->size)
			return false;
		uint8_t marker = reader->data[reader->at++];
		if (marker != 0) {
			*ret_marker = marker;
			return true;
		}
	}
	return false;
}

// The parameters that follow most markers: their length counts its own two bytes.
static bool take_segment(struct reader *reader, struct viva_bytes *ret_segment)
{
	if (reader->size - reader->at < 2)
		return false;
	size_t length = (size_t)reader->data[reader->at] << 8 | reader->data[reader->at + 1];
	if (length < 2 || reader->size - reader->at < length)
		return false;
	*ret_segment = viva_bytes_of(reader->data + reader->at + 2, length - 2);
	reader->at += length;
	return true;
}

static int read_frame_header(uint8_t marker, struct viva_bytes segment, struct viva_jpeg_head *head,
			     struct viva_error *error)
{
	if (head->width != 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG has two frames");
	if (!is_known_coding(marker) || segment.size < 6 || segment.data[0] != 8)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG's coding is not supported");
	head->height = (uint32_t)(segment.data[1] << 8 | segment.data[2]);
	head->width = (uint32_t)(segment.data[3] << 8 | segment.data[4]);
	if (head->width == 0 || head->height == 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG has no pixels");
	return 0;
}

int viva_jpeg_scan(struct viva_bytes image, struct viva_jpeg_head *ret_head, struct viva_error *error)
{
	struct reader reader = {.data = image.data, .size = image.size};
	struct viva_jpeg_head head = {0};
	uint8_t marker = 0;
	if (image.size < 2 || image.data[0] != 0xff || image.data[1] != MARKER_SOI)
		return viva_fail(error, VIVA_EIMAGE, NULL, "not a JPEG");
	reader.at = 2;
	while (next_marker(&reader, &marker) && marker != MARKER_EOI) {
		if (stands_alone(marker))
			continue;
		struct viva_bytes segment;
		if (!take_segment(&reader, &segment))
			return truncated(error);
		if (is_frame_header(marker)) {
			int code = read_frame_header(marker, segment, &head, error);
			if (code != 0)
				return code;
		}
		if (marker == MARKER_SOS && ++head.scans > VIVA_JPEG_MAX_SCANS)
			return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG has too many scans");
	}
	if (marker != MARKER_EOI)
		return truncated(error);
	if (head.width == 0 || head.scans == 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG holds no picture");
	*ret_head = head;
	return 0;
}
