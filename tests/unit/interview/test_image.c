// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "interview/image.h"
#include "viva_test.h"

static void test_image__decodes_a_picture_with_and_without_a_data_urls_head(void **state)
{
	(void)state;
	static const char *const texts[] = {"/9j/4AAQ", "data:image/jpeg;base64,/9j/4AAQ",
					    "data:image/jpg;base64,/9j/4AAQ"};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		VIVA_AUTO(viva_blob) image = NULL;
		enum interview_image_format format = INTERVIEW_IMAGE_PNG;
		assert_ok(interview_image_decode(viva_bytes_of_text(texts[i]), &image, &format, NULL));
		assert_int_equal(format, INTERVIEW_IMAGE_JPEG);
		static const uint8_t expected[] = {0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10};
		assert_int_equal(viva_blob_bytes(image).size, sizeof expected);
		assert_memory_equal(viva_blob_bytes(image).data, expected, sizeof expected);
	}
	VIVA_AUTO(viva_blob) png = NULL;
	enum interview_image_format format = INTERVIEW_IMAGE_JPEG;
	assert_ok(interview_image_decode(viva_bytes_of_text("iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg"), &png, &format, NULL));
	assert_int_equal(format, INTERVIEW_IMAGE_PNG);
	assert_string_equal(interview_image_format_name(format), "png");
}

static void test_image__refuses_what_is_no_picture(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"AAAA",
		"not base64 !!",
		"/9j/4AA",
		"/9j/\n4AAQ",
		"R0lGODdh",
		"data:image/jpeg,/9j/4AAQ",
		"data:text/plain;base64,/9j/4AAQ",
		"data:image/jpeg;base64,",
		"data:image/\x01;base64,/9j/4AAQ",
		"/9g=",
	};
	for (size_t i = 0; i < VIVA_COUNT(texts); i++) {
		struct viva_blob *image = NULL;
		enum interview_image_format format;
		assert_error(interview_image_decode(viva_bytes_of_text(texts[i]), &image, &format, NULL), VIVA_EIMAGE);
		assert_null(image);
	}
}

static void test_image__refuses_a_picture_over_the_limit(void **state)
{
	(void)state;
	static uint8_t picture[INTERVIEW_MAX_IMAGE_BYTES + 1] = {0xff, 0xd8, 0xff};
	enum interview_image_format format;
	assert_ok(interview_image_check(viva_bytes_of(picture, INTERVIEW_MAX_IMAGE_BYTES), &format, NULL));
	assert_error(interview_image_check(viva_bytes_of(picture, sizeof picture), &format, NULL), VIVA_EFRAMESIZE);
}

static int check(const void *bytes, size_t size)
{
	enum interview_image_format format;
	return interview_image_check(viva_bytes_of(bytes, size), &format, NULL);
}

// Two segments before the frame header, and a fill byte.
static size_t jpeg_of(uint8_t ret_jpeg[64], uint8_t frame_marker, unsigned int width, unsigned int height)
{
	const uint8_t bytes[] = {
		0xff,
		0xd8,
		0xff,
		0xe0,
		0,
		4,
		1,
		2,
		0xff,
		0xff,
		0xdb,
		0,
		3,
		7,
		0xff,
		frame_marker,
		0,
		17,
		8,
		(uint8_t)(height >> 8),
		(uint8_t)height,
		(uint8_t)(width >> 8),
		(uint8_t)width,
		3,
	};
	memcpy(ret_jpeg, bytes, sizeof bytes);
	return sizeof bytes;
}

static size_t png_of(uint8_t ret_png[64], unsigned int width, unsigned int height)
{
	const uint8_t bytes[] = {
		0x89,
		'P',
		'N',
		'G',
		'\r',
		'\n',
		0x1a,
		'\n',
		0,
		0,
		0,
		13,
		'I',
		'H',
		'D',
		'R',
		(uint8_t)(width >> 24),
		(uint8_t)(width >> 16),
		(uint8_t)(width >> 8),
		(uint8_t)width,
		(uint8_t)(height >> 24),
		(uint8_t)(height >> 16),
		(uint8_t)(height >> 8),
		(uint8_t)height,
	};
	memcpy(ret_png, bytes, sizeof bytes);
	return sizeof bytes;
}

static void test_image__reads_a_jpegs_dimensions_behind_other_segments(void **state)
{
	(void)state;
	uint8_t jpeg[64];
	assert_ok(check(jpeg, jpeg_of(jpeg, 0xc0, 640, 480)));
	assert_ok(check(jpeg, jpeg_of(jpeg, 0xc2, 4096, 4096)));
	assert_error(check(jpeg, jpeg_of(jpeg, 0xc0, 10000, 10000)), VIVA_EFRAMESIZE);
	assert_error(check(jpeg, jpeg_of(jpeg, 0xc2, 4097, 1)), VIVA_EFRAMESIZE);
	assert_error(check(jpeg, jpeg_of(jpeg, 0xcf, 1, 65535)), VIVA_EFRAMESIZE);
	assert_ok(check(jpeg, jpeg_of(jpeg, 0xc4, 10000, 10000)));  // a Huffman table has no dimensions
}

static void test_image__reads_a_pngs_dimensions(void **state)
{
	(void)state;
	uint8_t png[64];
	assert_ok(check(png, png_of(png, 640, 480)));
	assert_error(check(png, png_of(png, 0x80000000U, 0x80000000U)), VIVA_EFRAMESIZE);
	assert_error(check(png, 20), VIVA_EIMAGE);
}

static void test_image__a_jpeg_cut_off_anywhere_is_read_within_its_bounds(void **state)
{
	(void)state;
	uint8_t jpeg[64];
	size_t size = jpeg_of(jpeg, 0xc0, 640, 480);
	for (size_t cut = 0; cut <= size; cut++) {
		// A copy of the very size, so that a sanitizer sees a read past the end.
		uint8_t *copy = malloc(cut + 1);
		assert_non_null(copy);
		memcpy(copy + 1, jpeg, cut);
		int status = check(copy + 1, cut);
		assert_true(status == 0 || status == VIVA_EIMAGE);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image__decodes_a_picture_with_and_without_a_data_urls_head),
		cmocka_unit_test(test_image__refuses_what_is_no_picture),
		cmocka_unit_test(test_image__refuses_a_picture_over_the_limit),
		cmocka_unit_test(test_image__reads_a_jpegs_dimensions_behind_other_segments),
		cmocka_unit_test(test_image__reads_a_pngs_dimensions),
		cmocka_unit_test(test_image__a_jpeg_cut_off_anywhere_is_read_within_its_bounds),
	};
	return cmocka_run_group_tests_name("interview/image", tests, NULL, NULL);
}
