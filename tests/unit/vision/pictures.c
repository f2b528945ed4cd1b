// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <limits.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "viva_test.h"

uint8_t *make_gradient(int width, int height)
{
	uint8_t *pixels = malloc((size_t)width * (size_t)height * 3);
	assert_non_null(pixels);
	uint8_t *at = pixels;
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			*at++ = (uint8_t)(x * 255 / width);
			*at++ = (uint8_t)(y * 255 / height);
			*at++ = (uint8_t)((x + y) * 255 / (width + height));
		}
	}
	return pixels;
}

struct viva_bytes make_jpeg(const uint8_t *rgb, int width, int height, struct jpeg_options options)
{
	tjhandle encoder = tjInitCompress();
	unsigned char *data = NULL;
	unsigned long size = 0;
	int subsampling = options.is_grey ? TJSAMP_GRAY : TJSAMP_420;
	int flags = options.is_progressive ? TJFLAG_PROGRESSIVE : 0;
	assert_int_equal(tjCompress2(encoder, rgb, width, 0, height, TJPF_RGB, &data, &size, subsampling,
				     options.quality > 0 ? options.quality : 85, flags),
			 0);
	uint8_t *copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, data, size);
	tjFree(data);
	tjDestroy(encoder);
	return viva_bytes_of(copy, size);
}

struct viva_bytes make_png(const uint8_t *rgb, int width, int height)
{
	spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
	struct spng_ihdr header = {.width = (uint32_t)width,
				   .height = (uint32_t)height,
				   .bit_depth = 8,
				   .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
	int status = 0;
	size_t size = 0;
	assert_int_equal(spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1), 0);
	assert_int_equal(spng_set_ihdr(png, &header), 0);
	assert_int_equal(
		spng_encode_image(png, rgb, (size_t)width * (size_t)height * 3, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
	uint8_t *data = spng_get_png_buffer(png, &size, &status);
	assert_non_null(data);
	spng_ctx_free(png);
	return viva_bytes_of(data, size);
}

void free_picture(struct viva_bytes picture)
{
	free((void *)(uintptr_t)picture.data);
}

uint8_t *read_astronaut(void)
{
	char path[PATH_MAX];
	const char *cache = getenv("VIVA_CACHE_DIR");
	snprintf(path, sizeof path, "%s/demo/astronaut.png", cache ? cache : ".");
	FILE *file = fopen(path, "rbe");
	if (!file)
		return NULL;
	size_t size = 512 * 512 * 3;
	uint8_t *pixels = malloc(size);
	assert_non_null(pixels);
	spng_ctx *png = spng_ctx_new(0);
	assert_int_equal(spng_set_png_file(png, file), 0);
	assert_int_equal(spng_decode_image(png, pixels, size, SPNG_FMT_RGB8, 0), 0);
	spng_ctx_free(png);
	fclose(file);
	return pixels;
}

struct viva_bytes film_astronaut(const uint8_t *astronaut, int x, int y)
{
	enum { WIDTH = 640, HEIGHT = 480, SIDE = 512 };
	uint8_t *frame = calloc(WIDTH * HEIGHT, 3);
	assert_non_null(frame);
	for (int row = 0; row < HEIGHT; row++) {
		for (int column = 0; column < WIDTH; column++) {
			int from_x = column - x, from_y = row - y;
			if (from_x >= 0 && from_y >= 0 && from_x < SIDE && from_y < SIDE)
				memcpy(frame + (row * WIDTH + column) * 3, astronaut + (from_y * SIDE + from_x) * 3, 3);
		}
	}
	struct viva_bytes picture = make_jpeg(frame, WIDTH, HEIGHT, (struct jpeg_options){0});
	free(frame);
	return picture;
}
