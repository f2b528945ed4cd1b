// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <spng.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vision/decode.h"
#include "vision/jpeg.h"

enum {
	BYTES_PER_PIXEL = 4,
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

int viva_picture_check_size(uint64_t width, uint64_t height, const struct viva_picture_limits *limits,
			    struct viva_error *error)
{
	if (width == 0 || height == 0)
		return viva_fail(error, VIVA_EIMAGE, NULL, "the picture has no pixels");
	if (width > limits->max_side || height > limits->max_side || width * height > limits->max_pixels)
		return viva_fail(error, VIVA_EFRAMESIZE, NULL,
				 "a picture of %llu × %llu pixels is too large (limit %llu on a side, %llu in all)",
				 (unsigned long long)width, (unsigned long long)height,
				 (unsigned long long)limits->max_side, (unsigned long long)limits->max_pixels);
	return 0;
}

int viva_picture_make_room(struct viva_picture *picture, int width, int height, const struct viva_window *window)
{
	size_t size = (size_t)window->width * (size_t)window->height * BYTES_PER_PIXEL;
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
	picture->window = *window;
	return 0;
}

bool viva_picture_is_whole(const struct viva_picture *picture)
{
	return picture->window.width == picture->width && picture->window.height == picture->height;
}

bool viva_picture_covers(const struct viva_picture *picture, const struct viva_region *region)
{
	const struct viva_window *window = &picture->window;
	float reach = region->size / 2 * (fabsf(cosf(region->angle)) + fabsf(sinf(region->angle)));
	float left = fmaxf(region->x - reach, 0), right = fminf(region->x + reach, (float)picture->width);
	float top = fmaxf(region->y - reach, 0), bottom = fminf(region->y + reach, (float)picture->height);
	return left >= (float)window->left && right <= (float)(window->left + window->width) &&
	       top >= (float)window->top && bottom <= (float)(window->top + window->height);
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
	int code = viva_picture_check_size(header.width, header.height, limits, error);
	const struct viva_window whole = {.width = (int)header.width, .height = (int)header.height};
	if (code == 0)
		code = viva_picture_make_room(picture, whole.width, whole.height, &whole);
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
			const struct viva_tracker_region *focus, const struct viva_picture_limits *limits,
			struct viva_error *error)
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
	return viva_jpeg_decode(picture, image, focus, limits, error);
}
