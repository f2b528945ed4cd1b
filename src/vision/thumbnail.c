// SPDX-License-Identifier: Apache-2.0
#include "vision/thumbnail.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
// After stdio.h, which it needs and does not include.
#include <jpeglib.h>

enum { CHANNELS = 3, PICTURE_CHANNELS = 4 };

// Tried one after the other until the file is small enough.
static const int qualities[] = {75, 50, 25};

struct encoder {
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	jmp_buf escape;
	unsigned char *bytes;
	unsigned long size;
};

static void give_up(j_common_ptr jpeg)
{
	struct encoder *encoder = jpeg->client_data;
	longjmp(encoder->escape, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
	(void)jpeg;
	(void)level;
}

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

// What the encoder says of damage ends here; there is no other failure than a lack of memory.
static int encode(struct encoder *encoder, uint8_t *pixels, const struct viva_thumbnail *size, int quality)
{
	struct jpeg_compress_struct *jpeg = &encoder->jpeg;
	if (setjmp(encoder->escape) != 0)
		return VIVA_ENOMEM;
	jpeg_create_compress(jpeg);
	jpeg_mem_dest(jpeg, &encoder->bytes, &encoder->size);
	jpeg->image_width = (JDIMENSION)size->width;
	jpeg->image_height = (JDIMENSION)size->height;
	jpeg->input_components = CHANNELS;
	jpeg->in_color_space = JCS_RGB;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, quality, TRUE);
	jpeg->optimize_coding = TRUE;
	jpeg_start_compress(jpeg, TRUE);
	while (jpeg->next_scanline < jpeg->image_height) {
		JSAMPROW row = pixels + (size_t)jpeg->next_scanline * (size_t)size->width * CHANNELS;
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
	return 0;
}

static int append_encoded(uint8_t *pixels, const struct viva_thumbnail *size, int quality, struct viva_buffer *out)
{
	struct encoder encoder = {0};
	encoder.jpeg.err = jpeg_std_error(&encoder.errors);
	encoder.jpeg.client_data = &encoder;
	encoder.errors.error_exit = give_up;
	encoder.errors.emit_message = on_message;
	int code = encode(&encoder, pixels, size, quality);
	if (code == 0)
		code = encoder.size > VIVA_THUMBNAIL_MAX_BYTES ? VIVA_ELIMIT
							       : viva_buffer_append(out, encoder.bytes, encoder.size);
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
