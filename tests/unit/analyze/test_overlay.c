// SPDX-License-Identifier: Apache-2.0
#include "analyze/overlay.h"

#include <limits.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/draw.h"
#include "viva_test.h"

enum { WIDTH = 64, HEIGHT = 48 };

// A grey PNG, to be freed by free().
static struct viva_bytes make_picture(void)
{
	uint8_t pixels[WIDTH * HEIGHT];
	memset(pixels, 100, sizeof pixels);
	spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
	struct spng_ihdr header = {
		.width = WIDTH, .height = HEIGHT, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_GRAYSCALE};
	size_t size = 0;
	int status = 0;
	assert_non_null(png);
	spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
	spng_set_ihdr(png, &header);
	assert_int_equal(spng_encode_image(png, pixels, sizeof pixels, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
	uint8_t *bytes = spng_get_png_buffer(png, &size, &status);
	spng_ctx_free(png);
	return viva_bytes_of(bytes, size);
}

static struct analyze_record record_of(size_t index, bool is_detected)
{
	struct analyze_record record = {.index = index, .is_readable = true};
	record.result.width = WIDTH;
	record.result.height = HEIGHT;
	record.result.is_detected = is_detected;
	record.result.box = (struct viva_vision_box){20, 10, 20, 20};
	return record;
}

// Draws `count` pictures, with a face in all but those from `gone` to `gone` + 2, and writes the PNG.
static void draw(size_t count, size_t gone, const char *path, size_t *ret_shown)
{
	struct viva_bytes image = make_picture();
	VIVA_AUTO(analyze_overlay) overlay = NULL;
	assert_ok(analyze_overlay_create(true, &overlay, NULL));
	for (size_t i = 0; i < count; i++) {
		struct analyze_record record = record_of(i, i < gone || i > gone + 2);
		assert_ok(analyze_overlay_add(overlay, image, &record, NULL));
	}
	*ret_shown = analyze_overlay_count(overlay);
	assert_ok(analyze_overlay_write(overlay, path, NULL));
	free((void *)(uintptr_t)image.data);
}

static struct spng_ihdr header_of(const char *path)
{
	struct spng_ihdr header = {0};
	FILE *file = fopen(path, "re");
	spng_ctx *png = spng_ctx_new(0);
	assert_non_null(file);
	assert_int_equal(spng_set_png_file(png, file), 0);
	assert_int_equal(spng_get_ihdr(png, &header), 0);
	spng_ctx_free(png);
	fclose(file);
	return header;
}

static void test_overlay__one_picture_is_drawn_in_full_and_more_on_a_sheet(void **state)
{
	(void)state;
	char folder[PATH_MAX], path[PATH_MAX + 16];
	size_t shown = 0;
	make_test_directory(folder, sizeof folder);
	snprintf(path, sizeof path, "%s/o.png", folder);
	draw(1, 99, path, &shown);
	assert_int_equal(shown, 1);
	assert_int_equal(header_of(path).width, 640);
	assert_int_equal(header_of(path).height, 480);
	draw(2, 99, path, &shown);
	assert_int_equal(shown, 2);
	assert_true(header_of(path).width > 960 && header_of(path).height < 480);
	remove_test_directory(folder);
}

static void test_overlay__a_long_film_is_thinned_out_but_not_what_happened(void **state)
{
	(void)state;
	char folder[PATH_MAX], path[PATH_MAX + 16];
	size_t shown = 0;
	make_test_directory(folder, sizeof folder);
	snprintf(path, sizeof path, "%s/o.png", folder);
	// Every 16th of 100, and the two where the face went and came: 51 and 54.
	draw(100, 51, path, &shown);
	assert_int_equal(shown, 7 + 2);
	remove_test_directory(folder);
}

static void test_overlay__what_can_not_be_written_is_named(void **state)
{
	(void)state;
	VIVA_AUTO(analyze_overlay) overlay = NULL;
	struct viva_error error = {0};
	struct viva_bytes image = make_picture();
	struct analyze_record record = record_of(0, true);
	assert_ok(analyze_overlay_create(false, &overlay, NULL));
	assert_error(analyze_overlay_write(overlay, "/nowhere/o.png", &error), VIVA_ENOTFOUND);
	assert_ok(analyze_overlay_add(overlay, image, &record, NULL));
	assert_error(analyze_overlay_write(overlay, "/nowhere/o.png", &error), VIVA_EIO);
	assert_non_null(strstr(error.message, "/nowhere/o.png"));
	free((void *)(uintptr_t)image.data);
}

static uint32_t pixel_at(cairo_surface_t *surface, int x, int y)
{
	const unsigned char *rows = cairo_image_surface_get_data(surface);
	uint32_t pixel;
	memcpy(&pixel, rows + y * cairo_image_surface_get_stride(surface) + 4 * x, sizeof pixel);
	return pixel & 0xffffff;
}

static void test_draw__the_picture_keeps_its_colours_and_the_box_is_where_the_face_is(void **state)
{
	(void)state;
	uint8_t pixels[WIDTH * HEIGHT * 4];
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		memcpy(pixels + 4 * i, "\x10\x80\xf0", 4);
	struct viva_picture picture = {.pixels = pixels,
				       .width = WIDTH,
				       .height = HEIGHT,
				       .source_width = 2 * WIDTH,
				       .source_height = 2 * HEIGHT};
	struct analyze_record record = record_of(0, true);
	record.result.box = (struct viva_vision_box){40, 20, 40, 40};  // of a picture of twice the size
	cairo_surface_t *surface = NULL;
	assert_ok(analyze_draw(&picture, &record, false, 10 * WIDTH, &surface, NULL));
	assert_int_equal(cairo_image_surface_get_height(surface), 10 * HEIGHT);
	assert_int_equal(pixel_at(surface, 630, 240), 0x1080f0);
	uint32_t edge = pixel_at(surface, 200, 120);
	assert_true((edge >> 8 & 0xff) > 0xe0 && (edge & 0xff) < 0x90);
	cairo_surface_destroy(surface);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlay__one_picture_is_drawn_in_full_and_more_on_a_sheet),
		cmocka_unit_test(test_overlay__a_long_film_is_thinned_out_but_not_what_happened),
		cmocka_unit_test(test_overlay__what_can_not_be_written_is_named),
		cmocka_unit_test(test_draw__the_picture_keeps_its_colours_and_the_box_is_where_the_face_is),
	};
	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
