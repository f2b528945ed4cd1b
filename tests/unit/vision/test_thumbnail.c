// SPDX-License-Identifier: Apache-2.0
//
// Small copies of pictures: their size, and that nothing but pixels is in them.
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>

#include "pictures.h"
#include "vision_fixture.h"
#include "viva_test.h"

static struct viva_thumbnail thumbnail(struct viva_bytes picture, struct viva_buffer *out)
{
	struct viva_thumbnail size;
	*out = (struct viva_buffer){.limit = 1 << 20};
	assert_ok(viva_vision_thumbnail(vision, picture, VIVA_IMAGE_ANY, out, &size, NULL));
	return size;
}

static void test_thumbnail__a_thumbnail_is_small_in_proportion_and_like_the_picture(void **state)
{
	(void)state;
	static const int sizes[][4] = {
		{640, 480, 320, 240}, {480, 640, 240, 320}, {4000, 50, 320, 4}, {4000, 2, 320, 1}, {33, 17, 33, 17}};
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		uint8_t *rgb = make_gradient(sizes[i][0], sizes[i][1]);
		struct viva_bytes png = make_png(rgb, sizes[i][0], sizes[i][1]);
		struct viva_buffer out;
		struct viva_thumbnail size = thumbnail(png, &out);
		assert_int_equal(size.width, sizes[i][2]);
		assert_int_equal(size.height, sizes[i][3]);
		assert_in_range(out.size, 100, VIVA_THUMBNAIL_MAX_BYTES);
		// A thumbnail's thumbnail has the same size: it is what it says it is.
		struct viva_buffer again;
		size = thumbnail(viva_bytes_of(out.data, out.size), &again);
		assert_int_equal(size.width, sizes[i][2]);
		assert_int_equal(size.height, sizes[i][3]);
		viva_buffer_finish(&out);
		viva_buffer_finish(&again);
		free_picture(png);
		free(rgb);
	}
}

static void test_thumbnail__a_thumbnail_carries_nothing_but_pixels(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(640, 480);
	struct viva_bytes jpeg = make_jpeg(rgb, 640, 480, (struct jpeg_options){0});
	const uint8_t place[] = {0xff, 0xd8, 0xff, 0xe1, 0,   18,  'E', 'x', 'i', 'f',
				 0,    0,    'G',  'P',  'S', ' ', 'h', 'o', 'm', 'e'};
	uint8_t *tagged = malloc(jpeg.size + sizeof place);
	memcpy(tagged, place, sizeof place);
	memcpy(tagged + sizeof place, jpeg.data + 2, jpeg.size - 2);
	struct viva_buffer out;
	thumbnail(viva_bytes_of(tagged, jpeg.size + sizeof place - 2), &out);
	assert_null(memmem(out.data, out.size, "GPS", 3));
	assert_null(memmem(out.data, out.size, "Exif", 4));
	viva_buffer_finish(&out);
	free(tagged);
	free_picture(jpeg);
	free(rgb);
}

static void test_thumbnail__a_thumbnail_of_noise_is_coarser_and_of_no_picture_none(void **state)
{
	(void)state;
	uint32_t random = 1;
	uint8_t *rgb = malloc((size_t)3 * 320 * 320);
	for (size_t i = 0; i < (size_t)3 * 320 * 320; i++) {
		random = random * 1664525u + 1013904223u;
		rgb[i] = (uint8_t)(random >> 24);
	}
	struct viva_bytes noise = make_png(rgb, 320, 320);
	struct viva_buffer out;
	struct viva_thumbnail size = thumbnail(noise, &out);
	assert_int_equal(size.width, 320);
	assert_in_range(out.size, 10000, VIVA_THUMBNAIL_MAX_BYTES);
	viva_buffer_finish(&out);
	// No room: nothing was appended.
	out = (struct viva_buffer){.limit = 1000};
	assert_error(viva_vision_thumbnail(vision, noise, VIVA_IMAGE_ANY, &out, &size, NULL), VIVA_ELIMIT);
	assert_int_equal(out.size, 0);
	assert_error(viva_vision_thumbnail(vision, viva_bytes_of(noise.data, noise.size / 2), VIVA_IMAGE_ANY, &out,
					   &size, NULL),
		     VIVA_EIMAGE);
	viva_buffer_finish(&out);
	free_picture(noise);
	free(rgb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thumbnail__a_thumbnail_is_small_in_proportion_and_like_the_picture),
		cmocka_unit_test(test_thumbnail__a_thumbnail_carries_nothing_but_pixels),
		cmocka_unit_test(test_thumbnail__a_thumbnail_of_noise_is_coarser_and_of_no_picture_none),
	};
	return cmocka_run_group_tests(tests, open_vision, close_vision);
}
