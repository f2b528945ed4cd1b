// SPDX-License-Identifier: Apache-2.0
#include "vision/thumbnail.h"

#include <stdlib.h>

#include "jpeg/jpeg_guard.h"

enum { CHANNELS = 3, PICTURE_CHANNELS = 4 };

// Tried one after the other until the file is small enough.
static const int qualities[] = {75, 50, 25};

struct encoder {
	struct jpeg_compress_struct jpeg;
	uint8_t *pixels;
	const struct viva_thumbnail *size;
	int quality;
	unsigned char *bytes;
	unsigned long byte_count;
};

static struct viva_thumbnail fit(const struct viva_picture *picture)
{
	int longer = VIVA_MAX(picture->width, picture->height);
	if (longer <= VIVA_THUMBNAIL_MAX_SIDE)
		return (struct viva_thumbnail){.width = picture->width, .height = picture->height};
	return (struct viva_thumbnail){
		.width = VIVA_MAX(picture->width * VIVA_THUMBNAIL_MAX_SIDE / longer, 1),
		.height = VIVA_MAX(picture->height * VIVA_THUMBNAIL_MAX_SIDE / longer, 1),
	};
}

// The mean of the pixels of [left, right) × [top, bottom).
static void average(const struct viva_picture *picture, int left, int right, int top, int bottom, uint8_t *ret_pixel)
{
	uint32_t sums[CHANNELS] = {0};
	uint32_t count = (uint32_t)((right - left) * (bottom - top));
	for (int y = top; y < bottom; y++) {
		const uint8_t *pixel =
			picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)left) * PICTURE_CHANNELS;
		for (int x = left; x < right; x++, pixel += PICTURE_CHANNELS)
			for (int i = 0; i < CHANNELS; i++)
				sums[i] += pixel[i];
	}
	for (int i = 0; i < CHANNELS; i++)
		ret_pixel[i] = (uint8_t)((sums[i] + count / 2) / count);
}

static void shrink(const struct viva_picture *picture, const struct viva_thumbnail *size, uint8_t *ret_pixels)
{
	for (int y = 0; y < size->height; y++) {
		int top = y * picture->height / size->height, bottom = (y + 1) * picture->height / size->height;
		for (int x = 0; x < size->width; x++, ret_pixels += CHANNELS)
			average(picture, x * picture->width / size->width, (x + 1) * picture->width / size->width, top,
				bottom, ret_pixels);
	}
}

static int encode(void *context)
{
	struct encoder *encoder = context;
	struct jpeg_compress_struct *jpeg = &encoder->jpeg;
	jpeg_create_compress(jpeg);
	jpeg_mem_dest(jpeg, &encoder->bytes, &encoder->byte_count);
	jpeg->image_width = (JDIMENSION)encoder->size->width;
	jpeg->image_height = (JDIMENSION)encoder->size->height;
	jpeg->input_components = CHANNELS;
	jpeg->in_color_space = JCS_RGB;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, encoder->quality, TRUE);
	jpeg->optimize_coding = TRUE;
	jpeg_start_compress(jpeg, TRUE);
	size_t stride = (size_t)encoder->size->width * CHANNELS;
	while (jpeg->next_scanline < jpeg->image_height) {
		JSAMPROW row = encoder->pixels + jpeg->next_scanline * stride;
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
	return 0;
}

static int append_encoded(uint8_t *pixels, const struct viva_thumbnail *size, int quality, struct viva_buffer *out)
{
	struct viva_jpeg_guard guard;
	struct encoder encoder = {.pixels = pixels, .size = size, .quality = quality};
	encoder.jpeg.err = viva_jpeg_guard_init(&guard, 0);
	int code = 0;
	// An encoder that is used rightly gives up for a lack of memory only.
	if (!viva_jpeg_guarded(&guard, encode, &encoder, &code))
		code = VIVA_ENOMEM;
	if (code == 0 && encoder.byte_count > VIVA_THUMBNAIL_MAX_BYTES)
		code = VIVA_ELIMIT;
	if (code == 0)
		code = viva_buffer_append(out, encoder.bytes, encoder.byte_count);
	jpeg_destroy_compress(&encoder.jpeg);
	free(encoder.bytes);
	return code;
}

int viva_thumbnail_write(const struct viva_picture *picture, struct viva_buffer *out,
			 struct viva_thumbnail *ret_thumbnail)
{
	struct viva_thumbnail size = fit(picture);
	VIVA_AUTO_FREE uint8_t *pixels = malloc((size_t)size.width * (size_t)size.height * CHANNELS);
	if (!pixels)
		return VIVA_ENOMEM;
	shrink(picture, &size, pixels);
	int code = VIVA_ELIMIT;
	for (size_t i = 0; i < VIVA_COUNT(qualities) && code == VIVA_ELIMIT; i++)
		code = append_encoded(pixels, &size, qualities[i], out);
	if (code == 0)
		*ret_thumbnail = size;
	return code;
}
