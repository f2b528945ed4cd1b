// SPDX-License-Identifier: Apache-2.0
#include "interview/image.h"

#include <string.h>

#include "base/text.h"

const char *interview_image_format_name(enum interview_image_format format)
{
	return format == INTERVIEW_IMAGE_PNG ? "png" : "jpeg";
}

static uint32_t big_endian(const uint8_t *bytes, size_t size)
{
	uint32_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int check_dimensions(uint32_t width, uint32_t height, struct viva_error *error)
{
	if (width > INTERVIEW_MAX_IMAGE_SIDE || height > INTERVIEW_MAX_IMAGE_SIDE ||
	    (uint64_t)width * height > INTERVIEW_MAX_IMAGE_PIXELS)
		return viva_fail(error, VIVA_EFRAMESIZE, NULL, "a picture of %u x %u pixels is too large", width,
				 height);
	return 0;
}

// Frame headers: SOF0 … SOF15 but for DHT (C4), JPG (C8) and DAC (CC). ITU-T T.81, table B.1.
static bool is_frame_header(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// Walks from marker to marker up to the frame header. One that has none is for the decoder to refuse.
static int check_jpeg(struct viva_bytes image, struct viva_error *error)
{
	enum { START_OF_SCAN = 0xda, END_OF_IMAGE = 0xd9, FRAME_HEADER_BYTES = 9 };
	size_t at = 2;
	while (at + 4 <= image.size && image.data[at] == 0xff) {
		uint8_t marker = image.data[at + 1];
		if (marker == 0xff) {  // fill bytes may stand before a marker
			at++;
			continue;
		}
		if (marker == START_OF_SCAN || marker == END_OF_IMAGE)
			return 0;
		if (is_frame_header(marker) && at + FRAME_HEADER_BYTES <= image.size) {
			// Length, precision, height, width follow the marker.
			uint32_t height = big_endian(image.data + at + 5, 2);
			uint32_t width = big_endian(image.data + at + 7, 2);
			return check_dimensions(width, height, error);
		}
		at += 2 + big_endian(image.data + at + 2, 2);
	}
	return 0;
}

// IHDR comes first: length, type, width, height (PNG §11.2.2).
static int check_png(struct viva_bytes image, struct viva_error *error)
{
	enum { WIDTH_AT = 16, HEIGHT_AT = 20, NEEDED = 24 };
	if (image.size < NEEDED)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture is cut off");
	return check_dimensions(big_endian(image.data + WIDTH_AT, 4), big_endian(image.data + HEIGHT_AT, 4), error);
}

int interview_image_check(struct viva_bytes image, enum interview_image_format *ret_format, struct viva_error *error)
{
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};  // PNG §5.2
	if (image.size > INTERVIEW_MAX_IMAGE_BYTES)
		return viva_fail(error, VIVA_EFRAMESIZE, NULL, "a picture has at most %d bytes",
				 INTERVIEW_MAX_IMAGE_BYTES);
	bool is_jpeg = image.size >= sizeof jpeg && memcmp(image.data, jpeg, sizeof jpeg) == 0;
	bool is_png = image.size >= sizeof png && memcmp(image.data, png, sizeof png) == 0;
	if (!is_jpeg && !is_png)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture is neither a JPEG nor a PNG");
	int status = is_jpeg ? check_jpeg(image, error) : check_png(image, error);
	if (!status)
		*ret_format = is_jpeg ? INTERVIEW_IMAGE_JPEG : INTERVIEW_IMAGE_PNG;
	return status;
}

// Cuts "data:image/…;base64," off.
static struct viva_bytes without_data_url_head(struct viva_bytes text)
{
	static const char head[] = "data:image/";
	enum { MAX_HEAD = 64 };
	if (text.size < sizeof head - 1 || memcmp(text.data, head, sizeof head - 1) != 0)
		return text;
	const uint8_t *comma = memchr(text.data, ',', VIVA_MIN(text.size, (size_t)MAX_HEAD));
	static const char tail[] = ";base64";
	size_t head_size = comma ? (size_t)(comma - text.data) : 0;
	if (head_size < sizeof tail - 1 || memcmp(comma - (sizeof tail - 1), tail, sizeof tail - 1) != 0)
		return text;
	for (size_t i = 0; i < head_size; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return text;  // which is no base64 either
	}
	return viva_bytes_of(comma + 1, text.size - head_size - 1);
}

int interview_image_decode(struct viva_bytes text, struct viva_blob **ret_image,
			   enum interview_image_format *ret_format, struct viva_error *error)
{
	text = without_data_url_head(text);
	if (text.size > INTERVIEW_MAX_FRAME_MESSAGE_BYTES)
		return viva_fail(error, VIVA_EFRAMESIZE, NULL, "a picture has at most %d bytes",
				 INTERVIEW_MAX_IMAGE_BYTES);
	if (text.size == 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture is empty");
	VIVA_AUTO(viva_blob) decoded = NULL;
	uint8_t *data = NULL;
	if (viva_blob_create_uninitialised(viva_base64_decoded_bound(text.size), &decoded, &data))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the picture");
	size_t size = 0;
	if (viva_base64_decode((const char *)text.data, text.size, data, &size))
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture is not base64");
	int status = interview_image_check(viva_bytes_of(data, size), ret_format, error);
	if (status)
		return status;
	// Padding makes the bound too large by up to two bytes: the blob's end is moved without a copy.
	if (viva_blob_create_window(decoded, 0, size, ret_image))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the picture");
	return 0;
}
