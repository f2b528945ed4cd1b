// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pictures.h"
#include "vision/jpeg_scan.h"
#include "vision/picture.h"
#include "viva_test.h"

static const struct viva_picture_limits limits = {.max_bytes = 10 << 20, .max_side = 4096, .max_pixels = 16 << 20};

static struct viva_picture picture;

static int free_pixels(void **state)
{
	(void)state;
	viva_picture_finish(&picture);
	return 0;
}

static int decode(struct viva_bytes image, enum viva_image_format format)
{
	struct viva_error error = {0};
	int code = viva_picture_decode(&picture, image, format, NULL, &limits, &error);
	if (code != 0)
		assert_true(strlen(error.message) > 10);
	return code;
}

static void assert_pixel_near(int x, int y, const uint8_t rgb[3], int tolerance)
{
	const uint8_t *pixel = picture.pixels + ((size_t)y * (size_t)picture.width + (size_t)x) * 4;
	for (int i = 0; i < 3; i++)
		assert_in_range(pixel[i] + 256, rgb[i] + 256 - tolerance, rgb[i] + 256 + tolerance);
}

static void assert_looks_like(const uint8_t *rgb, int width, int height, int tolerance)
{
	assert_int_equal(picture.source_width, width);
	assert_int_equal(picture.source_height, height);
	for (int i = 1; i < 8; i++) {
		int x = width * i / 8, y = height * i / 8;
		assert_pixel_near(x * picture.width / width, y * picture.height / height, rgb + (y * width + x) * 3,
				  tolerance);
	}
}

static void test_decode__a_jpeg_of_any_usual_kind_is_read(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(320, 200);
	const struct jpeg_options kinds[] = {{0}, {.is_progressive = true}, {.quality = 30}};
	for (size_t i = 0; i < VIVA_COUNT(kinds); i++) {
		struct viva_bytes jpeg = make_jpeg(rgb, 320, 200, kinds[i]);
		assert_ok(decode(jpeg, VIVA_IMAGE_JPEG));
		assert_looks_like(rgb, 320, 200, 24);
		free_picture(jpeg);
	}
	struct viva_bytes grey = make_jpeg(rgb, 320, 200, (struct jpeg_options){.is_grey = true});
	assert_ok(decode(grey, VIVA_IMAGE_ANY));
	assert_int_equal(picture.pixels[0], picture.pixels[1]);
	free_picture(grey);
	free(rgb);
}

static void test_decode__a_png_is_read_exactly(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(123, 45);
	struct viva_bytes png = make_png(rgb, 123, 45);
	assert_ok(decode(png, VIVA_IMAGE_PNG));
	assert_looks_like(rgb, 123, 45, 0);
	free_picture(png);
	free(rgb);
}

static void test_decode__a_large_jpeg_is_scaled_down_and_remembers_its_size(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(1920, 1080);
	struct viva_bytes jpeg = make_jpeg(rgb, 1920, 1080, (struct jpeg_options){0});
	assert_ok(decode(jpeg, VIVA_IMAGE_ANY));
	assert_int_equal(picture.width, 960);
	assert_int_equal(picture.height, 540);
	assert_looks_like(rgb, 1920, 1080, 24);
	free_picture(jpeg);
	free(rgb);
}

// A picture whose neighbouring pixels differ, so that a part that is off by one is seen.
static uint8_t *make_plaid(int width, int height)
{
	uint8_t *rgb = make_gradient(width, height);
	for (int i = 0; i < width * height; i++) {
		int x = i % width, y = i / width;
		rgb[i * 3] = (uint8_t)(128 + 100 * sin(x / 9.0) * cos(y / 7.0));
		rgb[i * 3 + 1] = (uint8_t)(128 + 100 * cos(x / 5.0 + y / 11.0));
	}
	return rgb;
}

static void assert_part_is_as_in(const struct viva_picture *whole)
{
	const struct viva_window *window = &picture.window;
	assert_int_equal(picture.width, whole->width);
	assert_int_equal(picture.height, whole->height);
	assert_true(window->left >= 0 && window->left + window->width <= picture.width);
	assert_true(window->top >= 0 && window->top + window->height <= picture.height);
	for (int y = 0; y < window->height; y++) {
		// The decoder lacks the neighbours of the first and the last column's colours.
		for (int x = 2; x < window->width - 2; x++) {
			const uint8_t *part = picture.pixels + ((size_t)y * (size_t)window->width + (size_t)x) * 4;
			size_t at = (size_t)(y + window->top) * (size_t)whole->width + (size_t)(x + window->left);
			assert_memory_equal(part, whole->pixels + at * 4, 3);
		}
	}
}

static void test_decode__a_part_has_the_pixels_of_the_whole(void **state)
{
	(void)state;
	static const struct viva_tracker_region regions[] = {
		{.5f, .5f, .45f, 0},      {.1f, .2f, .4f, .5f},   {.95f, .95f, .5f, 3},  {.5f, .5f, 4, 1},
		{-.2f, 1.2f, .31f, -.5f}, {.5f, .02f, .35f, .1f}, {.3f, .6f, .31f, 1.5f}};
	const struct jpeg_options kinds[] = {{0}, {.is_progressive = true}, {.is_grey = true}};
	uint8_t *rgb = make_plaid(640, 480);
	for (size_t k = 0; k < VIVA_COUNT(kinds); k++) {
		struct viva_bytes jpeg = make_jpeg(rgb, 640, 480, kinds[k]);
		for (size_t i = 0; i < VIVA_COUNT(regions); i++) {
			struct viva_picture whole = {0};
			assert_ok(viva_picture_decode(&picture, jpeg, VIVA_IMAGE_ANY, &regions[i], &limits, NULL));
			assert_int_equal(picture.source_width, 640);
			// At the scale of the part.
			struct viva_tracker_region all = {.5f, .5f, regions[i].size > 1 ? 4 : regions[i].size, 0};
			if (regions[i].size > 1)
				assert_int_equal(picture.width, 80);
			else
				assert_int_equal(picture.width, 640);
			if (picture.width == 640)
				assert_ok(viva_picture_decode(&whole, jpeg, VIVA_IMAGE_ANY, NULL, &limits, NULL));
			else
				assert_ok(viva_picture_decode(&whole, jpeg, VIVA_IMAGE_ANY, &all, &limits, NULL));
			assert_true(viva_picture_is_whole(&whole));
			assert_part_is_as_in(&whole);
			viva_picture_finish(&whole);
		}
		free_picture(jpeg);
	}
	free(rgb);
}

static void test_decode__a_part_covers_its_region_and_is_no_larger_than_needed(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(1280, 720);
	struct viva_bytes jpeg = make_jpeg(rgb, 1280, 720, (struct jpeg_options){0});
	const struct viva_tracker_region focus = {.5f, .4f, .32f, .3f};
	assert_ok(viva_picture_decode(&picture, jpeg, VIVA_IMAGE_ANY, &focus, &limits, NULL));
	// 410 pixels of the source are 205 of the half: enough for the mesh network, where a quarter would not be.
	assert_int_equal(picture.width, 640);
	assert_int_equal(picture.source_width, 1280);
	assert_false(viva_picture_is_whole(&picture));
	assert_true(picture.window.width * picture.window.height < 640 * 360 / 2);
	struct viva_region region = {.x = 320, .y = 144, .size = 204, .angle = .3f};
	assert_true(viva_picture_covers(&picture, &region));
	region.x += 60;
	assert_false(viva_picture_covers(&picture, &region));
	free_picture(jpeg);
	free(rgb);
}

static void test_decode__a_part_of_a_png_is_the_whole(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(123, 45);
	struct viva_bytes png = make_png(rgb, 123, 45);
	const struct viva_tracker_region focus = {.5f, .5f, .2f, 0};
	assert_ok(viva_picture_decode(&picture, png, VIVA_IMAGE_ANY, &focus, &limits, NULL));
	assert_true(viva_picture_is_whole(&picture));
	assert_looks_like(rgb, 123, 45, 0);
	free_picture(png);
	free(rgb);
}

static void test_decode__only_the_signature_decides_what_a_picture_is(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(16, 16);
	struct viva_bytes jpeg = make_jpeg(rgb, 16, 16, (struct jpeg_options){0});
	assert_error(decode(jpeg, VIVA_IMAGE_PNG), VIVA_EIMAGE);
	assert_error(decode(viva_bytes_of_text("GIF89a\x01\x01"), VIVA_IMAGE_JPEG), VIVA_EIMAGE);
	assert_error(decode(viva_bytes_of(NULL, 0), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	free_picture(jpeg);
	free(rgb);
}

static void test_decode__a_truncated_picture_is_refused_wherever_it_was_cut(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(96, 64);
	struct viva_bytes jpeg = make_jpeg(rgb, 96, 64, (struct jpeg_options){0});
	struct viva_bytes progressive = make_jpeg(rgb, 96, 64, (struct jpeg_options){.is_progressive = true});
	struct viva_bytes png = make_png(rgb, 96, 64);
	for (size_t size = 0; size < jpeg.size; size++)
		assert_error(decode(viva_bytes_of(jpeg.data, size), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	for (size_t size = 0; size < progressive.size; size += 3)
		assert_error(decode(viva_bytes_of(progressive.data, size), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	// The last chunk, IEND, is 12 bytes without content.
	for (size_t size = 0; size + 16 < png.size; size++)
		assert_error(decode(viva_bytes_of(png.data, size), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	free_picture(jpeg);
	free_picture(progressive);
	free_picture(png);
	free(rgb);
}

static void test_decode__a_jpeg_cut_short_and_closed_by_an_end_marker_is_refused(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(200, 200);
	struct viva_bytes jpeg = make_jpeg(rgb, 200, 200, (struct jpeg_options){0});
	uint8_t *cut = malloc(jpeg.size);
	assert_non_null(cut);
	memcpy(cut, jpeg.data, jpeg.size);
	size_t half = jpeg.size * 2 / 3;
	cut[half] = 0xff;
	cut[half + 1] = 0xd9;
	assert_error(decode(viva_bytes_of(cut, half + 2), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	free(cut);
	free_picture(jpeg);
	free(rgb);
}

// The same JPEG, whose frame header claims another size.
static void claim_size(uint8_t *jpeg, size_t size, unsigned width, unsigned height)
{
	for (size_t i = 0; i + 9 < size; i++) {
		if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) {
			const uint8_t claim[] = {(uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
						 (uint8_t)width};
			memcpy(jpeg + i + 5, claim, sizeof claim);
			return;
		}
	}
	fail_msg("no frame header");
}

static void test_decode__a_size_over_the_limit_is_refused_before_anything_is_allocated(void **state)
{
	(void)state;
	static const unsigned sizes[][2] = {{4097, 16}, {16, 4097}, {4096, 4097}, {65535, 65535}};
	uint8_t *rgb = make_gradient(64, 64);
	struct viva_bytes jpeg = make_jpeg(rgb, 64, 64, (struct jpeg_options){0});
	viva_picture_finish(&picture);
	for (size_t i = 0; i < VIVA_COUNT(sizes); i++) {
		claim_size((uint8_t *)(uintptr_t)jpeg.data, jpeg.size, sizes[i][0], sizes[i][1]);
		assert_error(decode(jpeg, VIVA_IMAGE_ANY), VIVA_EFRAMESIZE);
	}
	struct viva_bytes png = make_png(rgb, 64, 64);
	uint8_t *header = (uint8_t *)(uintptr_t)png.data + 16;
	memcpy(header, (const uint8_t[]){0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30}, 8);  // 30,000 × 30,000
	int code = decode(png, VIVA_IMAGE_ANY);
	assert_true(code == VIVA_EFRAMESIZE || code == VIVA_EIMAGE);  // the header's checksum is wrong now, too
	assert_int_equal(picture.capacity, 0);
	free_picture(jpeg);
	free_picture(png);
	free(rgb);
}

static void test_decode__too_many_bytes_are_refused_unread(void **state)
{
	(void)state;
	uint8_t *zeros = calloc(1, limits.max_bytes + 1);
	assert_non_null(zeros);
	assert_error(decode(viva_bytes_of(zeros, limits.max_bytes + 1), VIVA_IMAGE_ANY), VIVA_EFRAMESIZE);
	free(zeros);
}

static void test_decode__a_jpeg_of_many_scans_is_refused(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(64, 64);
	struct viva_bytes jpeg = make_jpeg(rgb, 64, 64, (struct jpeg_options){.is_progressive = true});
	static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 1, 5, 0};
	size_t size = jpeg.size - 2 + VIVA_JPEG_MAX_SCANS * sizeof scan + 2;
	uint8_t *bomb = malloc(size);
	assert_non_null(bomb);
	memcpy(bomb, jpeg.data, jpeg.size - 2);
	uint8_t *at = bomb + jpeg.size - 2;
	for (int i = 0; i < VIVA_JPEG_MAX_SCANS; i++, at += sizeof scan)
		memcpy(at, scan, sizeof scan);
	memcpy(at, (const uint8_t[]){0xff, 0xd9}, 2);
	struct viva_jpeg_head head;
	assert_ok(viva_jpeg_scan(jpeg, &head, NULL));
	assert_in_range(head.scans, 2, 20);
	assert_error(viva_jpeg_scan(viva_bytes_of(bomb, size), &head, NULL), VIVA_EIMAGE);
	assert_error(decode(viva_bytes_of(bomb, size), VIVA_IMAGE_ANY), VIVA_EIMAGE);
	free(bomb);
	free_picture(jpeg);
	free(rgb);
}

static void test_decode__any_byte_changed_is_read_or_refused_but_never_worse(void **state)
{
	(void)state;
	uint8_t *rgb = make_gradient(48, 48);
	struct viva_bytes pictures[] = {make_jpeg(rgb, 48, 48, (struct jpeg_options){.is_progressive = true}),
					make_png(rgb, 48, 48)};
	size_t refused = 0;
	for (size_t p = 0; p < VIVA_COUNT(pictures); p++) {
		uint8_t *bytes = (uint8_t *)(uintptr_t)pictures[p].data;
		for (size_t i = 0; i < pictures[p].size; i++) {
			uint8_t kept = bytes[i];
			bytes[i] ^= (uint8_t)(1u << i % 8);
			int code = decode(pictures[p], VIVA_IMAGE_ANY);
			assert_true(code == 0 || code == VIVA_EIMAGE || code == VIVA_EFRAMESIZE);
			refused += code != 0;
			bytes[i] = kept;
		}
		assert_ok(decode(pictures[p], VIVA_IMAGE_ANY));
		free_picture(pictures[p]);
	}
	assert_true(refused > 100);
	free(rgb);
}

static void test_decode__the_names_of_formats_are_known(void **state)
{
	(void)state;
	enum viva_image_format format;
	struct viva_error error = {0};
	assert_ok(viva_image_format_parse("image/JPEG", &format, NULL));
	assert_int_equal(format, VIVA_IMAGE_JPEG);
	assert_ok(viva_image_format_parse("png", &format, NULL));
	assert_int_equal(format, VIVA_IMAGE_PNG);
	assert_ok(viva_image_format_parse(NULL, &format, NULL));
	assert_int_equal(format, VIVA_IMAGE_ANY);
	assert_error(viva_image_format_parse("gif", &format, &error), VIVA_EFIELD);
	assert_string_equal(error.field, "format");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode__a_jpeg_of_any_usual_kind_is_read),
		cmocka_unit_test(test_decode__a_png_is_read_exactly),
		cmocka_unit_test(test_decode__a_large_jpeg_is_scaled_down_and_remembers_its_size),
		cmocka_unit_test(test_decode__a_part_has_the_pixels_of_the_whole),
		cmocka_unit_test(test_decode__a_part_covers_its_region_and_is_no_larger_than_needed),
		cmocka_unit_test(test_decode__a_part_of_a_png_is_the_whole),
		cmocka_unit_test(test_decode__only_the_signature_decides_what_a_picture_is),
		cmocka_unit_test(test_decode__a_truncated_picture_is_refused_wherever_it_was_cut),
		cmocka_unit_test(test_decode__a_jpeg_cut_short_and_closed_by_an_end_marker_is_refused),
		cmocka_unit_test(test_decode__a_size_over_the_limit_is_refused_before_anything_is_allocated),
		cmocka_unit_test(test_decode__too_many_bytes_are_refused_unread),
		cmocka_unit_test(test_decode__a_jpeg_of_many_scans_is_refused),
		cmocka_unit_test(test_decode__any_byte_changed_is_read_or_refused_but_never_worse),
		cmocka_unit_test(test_decode__the_names_of_formats_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, free_pixels);
}
