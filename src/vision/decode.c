// SPDX-License-Identifier: Apache-2.0
#include <spng.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <turbojpeg.h>

#include "vision/jpeg_scan.h"
#include "vision/picture.h"

enum {
	BYTES_PER_PIXEL = 4,
	// A JPEG is decoded smaller while its longer side stays at least this: a face that fills a quarter of it still
	// has the 192 pixels that the mesh network sees.
	ENOUGH_PIXELS = 960,
	MAX_PNG_CHUNK_BYTES = 1 << 20,  // of a chunk that is no image data: text, profiles
	MAX_PNG_CACHE_BYTES = 4 << 20,  // of all such chunks together
};

static const uint8_t png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

int viva_image_format_parse(const char *text, enum viva_image_format *ret_format, struct viva_error *error)
{
	static const struct {
		const char *name;
		enum viva_image_format format;
	} names[] = {{"", VIVA_IMAGE_ANY},     {"jpeg", VIVA_IMAGE_JPEG},
		     {"jpg", VIVA_IMAGE_JPEG}, {"image/jpeg", VIVA_IMAGE_JPEG},
		     {"png", VIVA_IMAGE_PNG},  {"image/png", VIVA_IMAGE_PNG}};
	for (size_t i = 0; i < VIVA_COUNT(names); i++) {
		if (strcasecmp(text ? text : "", names[i].name) == 0) {
			*ret_format = names[i].format;
			return 0;
		}
	}
	return viva_fail(error, VIVA_EFIELD, "format", "the format must be jpeg or png");
}

static int refuse_size(struct viva_error *error, uint64_t width, uint64_t height)
{
	return viva_fail(error, VIVA_EFRAMESIZE, NULL, "a picture of %llu × %llu pixels is too large",
			 (unsigned long long)width, (unsigned long long)height);
}

static int check_size(uint64_t width, uint64_t height, const struct viva_picture_limits *limits,
		      struct viva_error *error)
{
	if (width == 0 || height == 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture has no pixels");
	if (width > limits->max_side || height > limits->max_side || width * height > limits->max_pixels)
		return refuse_size(error, width, height);
	return 0;
}

// Room for the pixels; what was there is lost.
static int make_room(struct viva_picture *picture, int width, int height)
{
	size_t size = (size_t)width * (size_t)height * BYTES_PER_PIXEL;
	if (size > picture->capacity) {
		free(picture->pixels);
		picture->capacity = 0;
		picture->pixels = malloc(size);
		if (!picture->pixels)
			return VIVA_ENOMEM;
		picture->capacity = size;
	}
	picture->width = width;
	picture->height = height;
	return 0;
}

void viva_picture_trim(struct viva_picture *picture, size_t keep_bytes)
{
	if (picture->capacity > keep_bytes)
		viva_picture_finish(picture);
}

void viva_picture_finish(struct viva_picture *picture)
{
	free(picture->pixels);
	*picture = (struct viva_picture){0};
}

static int scale_down(int side, int divisor)
{
	return (side + divisor - 1) / divisor;
}

static int jpeg_divisor(int width, int height)
{
	int divisor = 8;
	while (divisor > 1 && VIVA_MAX(width, height) / divisor < ENOUGH_PIXELS)
		divisor /= 2;
	return divisor;
}

// libjpeg mends damage silently and only warns; a picture that is half grey must not be judged.
static bool is_harmless_warning(const char *message)
{
	return strstr(message, "extraneous bytes before marker") != NULL;
}

static int decode_jpeg_with(tjhandle decoder, struct viva_picture *picture, struct viva_bytes image,
			    const struct viva_picture_limits *limits, struct viva_error *error)
{
	struct viva_jpeg_head head;
	int code = viva_jpeg_scan(image, &head, error);
	if (code == 0)
		code = check_size(head.width, head.height, limits, error);
	if (code != 0)
		return code;

	int width = 0, height = 0, subsampling = 0, colours = 0;
	unsigned long size = image.size;
	if (tjDecompressHeader3(decoder, image.data, size, &width, &height, &subsampling, &colours) != 0 ||
	    (uint32_t)width != head.width || (uint32_t)height != head.height)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG's header can't be read");
	if (colours == TJCS_CMYK || colours == TJCS_YCCK)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG has the colours of print; send RGB or grey");

	int divisor = jpeg_divisor(width, height);
	code = make_room(picture, scale_down(width, divisor), scale_down(height, divisor));
	if (code != 0)
		return code;
	picture->source_width = width;
	picture->source_height = height;
	int status = tjDecompress2(decoder, image.data, size, picture->pixels, picture->width,
				   picture->width * BYTES_PER_PIXEL, picture->height, TJPF_RGBX,
				   TJFLAG_FASTDCT | TJFLAG_LIMITSCANS);
	if (status == 0)
		return 0;
	const char *reason = tjGetErrorStr2(decoder);
	if (tjGetErrorCode(decoder) == TJERR_WARNING && is_harmless_warning(reason))
		return 0;
	return viva_fail(error, VIVA_EIMAGE, NULL, "the JPEG is truncated or damaged");
}

// A decoder of its own for each picture (a few microseconds): what a damaged one leaves behind in a decoder can make it
// refuse the sound one that comes next, which may be somebody else's.
static int decode_jpeg(struct viva_picture *picture, struct viva_bytes image, const struct viva_picture_limits *limits,
		       struct viva_error *error)
{
	tjhandle decoder = tjInitDecompress();
	if (!decoder)
		return VIVA_ENOMEM;
	int code = decode_jpeg_with(decoder, picture, image, limits, error);
	tjDestroy(decoder);
	return code;
}

static int decode_png_with(spng_ctx *png, struct viva_picture *picture, struct viva_bytes image,
			   const struct viva_picture_limits *limits, struct viva_error *error)
{
	struct spng_ihdr header;
	size_t size = 0;
	if (spng_set_chunk_limits(png, MAX_PNG_CHUNK_BYTES, MAX_PNG_CACHE_BYTES) != 0 ||
	    spng_set_crc_action(png, SPNG_CRC_ERROR, SPNG_CRC_DISCARD) != 0 ||
	    spng_set_png_buffer(png, image.data, image.size) != 0)
		return VIVA_ENOMEM;
	if (spng_get_ihdr(png, &header) != 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the PNG's header can't be read");
	int code = check_size(header.width, header.height, limits, error);
	if (code == 0)
		code = make_room(picture, (int)header.width, (int)header.height);
	if (code != 0)
		return code;
	picture->source_width = picture->width;
	picture->source_height = picture->height;
	if (spng_decoded_image_size(png, SPNG_FMT_RGBA8, &size) != 0 || size > picture->capacity)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the PNG's header can't be read");
	if (spng_decode_image(png, picture->pixels, size, SPNG_FMT_RGBA8, 0) != 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the PNG is truncated or damaged");
	return 0;
}

static int decode_png(struct viva_picture *picture, struct viva_bytes image, const struct viva_picture_limits *limits,
		      struct viva_error *error)
{
	spng_ctx *png = spng_ctx_new(0);
	if (!png)
		return VIVA_ENOMEM;
	int code = decode_png_with(png, picture, image, limits, error);
	spng_ctx_free(png);
	return code;
}

static enum viva_image_format signature_of(struct viva_bytes image)
{
	if (image.size >= 3 && image.data[0] == 0xff && image.data[1] == 0xd8 && image.data[2] == 0xff)
		return VIVA_IMAGE_JPEG;
	if (image.size >= sizeof png_signature && memcmp(image.data, png_signature, sizeof png_signature) == 0)
		return VIVA_IMAGE_PNG;
	return VIVA_IMAGE_ANY;
}

int viva_picture_decode(struct viva_picture *picture, struct viva_bytes image, enum viva_image_format format,
			const struct viva_picture_limits *limits, struct viva_error *error)
{
	if (image.size > limits->max_bytes)
		return viva_fail(error, VIVA_EFRAMESIZE, NULL, "a picture of %zu bytes is too large (limit %zu)",
				 image.size, limits->max_bytes);
	enum viva_image_format actual = signature_of(image);
	if (actual == VIVA_IMAGE_ANY)
		return viva_fail(error, VIVA_EIMAGE, NULL, "neither a JPEG nor a PNG");
	if (format != VIVA_IMAGE_ANY && format != actual)
		return viva_fail(error, VIVA_EIMAGE, NULL, "called a %s, but it is a %s",
				 format == VIVA_IMAGE_PNG ? "PNG" : "JPEG", actual == VIVA_IMAGE_PNG ? "PNG" : "JPEG");
	if (actual == VIVA_IMAGE_PNG)
		return decode_png(picture, image, limits, error);
	return decode_jpeg(picture, image, limits, error);
}
