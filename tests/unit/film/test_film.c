// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "film/film.h"
#include "film/jpeg_cut.h"
#include "viva_test.h"

// The markers of a JPEG without a picture: SOI, an APP1 that holds a whole thumbnail, SOS, data with a stuffed FF and a
// restart, EOI.
static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe1, 0x00, 0x08, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9, 0xff, 0xda,
			       0x00, 0x04, 0x01, 0x02, 0x33, 0xff, 0x00, 0xff, 0xd0, 0x44, 0xff, 0xff, 0xd9};

static void test_jpeg__a_film_is_split_at_its_pictures_ends(void **state)
{
	(void)state;
	uint8_t film[3 * sizeof jpeg];
	for (size_t i = 0; i < 3; i++)
		memcpy(film + i * sizeof jpeg, jpeg, sizeof jpeg);
	size_t offset = 0;
	struct viva_bytes picture;
	for (size_t i = 0; i < 3; i++) {
		assert_true(viva_jpeg_next(viva_bytes_of(film, sizeof film), &offset, &picture));
		assert_ptr_equal(picture.data, film + i * sizeof jpeg);
		assert_int_equal(picture.size, sizeof jpeg);
	}
	assert_false(viva_jpeg_next(viva_bytes_of(film, sizeof film), &offset, &picture));
}

static void test_jpeg__rubbish_between_pictures_is_skipped(void **state)
{
	(void)state;
	uint8_t film[sizeof jpeg + 8] = {'-',  '-',  'b',  0xff,
					 0xd8, 0xff, 0xe0, 0x00};  // with a start that leads nowhere
	memcpy(film + 8, jpeg, sizeof jpeg);
	size_t offset = 0;
	struct viva_bytes picture;
	assert_true(viva_jpeg_next(viva_bytes_of(film, sizeof film), &offset, &picture));
	assert_ptr_equal(picture.data, film + 8);
}

static void test_jpeg__no_truncation_is_taken_for_a_picture(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof jpeg; size++) {
		uint8_t cut[sizeof jpeg];
		memcpy(cut, jpeg, size);
		size_t offset = 0;
		struct viva_bytes picture = {0};
		bool found = viva_jpeg_next(viva_bytes_of(cut, size), &offset, &picture);
		if (size >= 2)
			assert_int_equal(viva_jpeg_measure(viva_bytes_of(cut, size), &offset), VIVA_JPEG_UNFINISHED);
		// Only the thumbnail inside is a whole picture.
		assert_true(!found || (picture.data == cut + 6 && picture.size == 6));
	}
}

static void write_file(const char *folder, const char *name, const void *data, size_t size)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_frames__a_folder_is_read_in_the_order_of_names_and_begins_anew(void **state)
{
	(void)state;
	char folder[PATH_MAX];
	make_test_directory(folder, sizeof folder);
	write_file(folder, "b.JPG", "two", 3);
	write_file(folder, "a.jpeg", "one", 3);
	write_file(folder, "c.png", "three", 5);
	write_file(folder, "notes.txt", "no", 2);
	write_file(folder, ".hidden.jpg", "no", 2);
	write_file(folder, "frames.json", "{\"fps\": 12.5}", 13);

	VIVA_AUTO(viva_film) frames = NULL;
	assert_ok(viva_film_open(folder, &frames, NULL));
	assert_int_equal(viva_film_count(frames), 3);
	assert_true(viva_film_per_second(frames) == 12.5);
	static const char *const expected[] = {"one", "two", "three", "one"};
	for (size_t i = 0; i < VIVA_COUNT(expected); i++) {
		struct viva_bytes picture;
		assert_ok(viva_film_read(frames, i, &picture, NULL));
		assert_int_equal(picture.size, strlen(expected[i]));
		assert_memory_equal(picture.data, expected[i], picture.size);
	}
	remove_test_directory(folder);
}

static void test_frames__a_file_of_jpegs_is_a_film(void **state)
{
	(void)state;
	char folder[PATH_MAX];
	char path[PATH_MAX + 64];
	make_test_directory(folder, sizeof folder);
	write_file(folder, "film.mjpeg", jpeg, sizeof jpeg);
	snprintf(path, sizeof path, "%s/film.mjpeg", folder);
	VIVA_AUTO(viva_film) frames = NULL;
	assert_ok(viva_film_open(path, &frames, NULL));
	assert_int_equal(viva_film_count(frames), 1);
	assert_true(viva_film_per_second(frames) == 0);
	struct viva_bytes picture;
	assert_ok(viva_film_read(frames, 7, &picture, NULL));
	assert_memory_equal(picture.data, jpeg, sizeof jpeg);
	remove_test_directory(folder);
}

static void test_frames__what_holds_no_picture_is_refused_by_name(void **state)
{
	(void)state;
	char folder[PATH_MAX];
	char path[PATH_MAX + 64];
	make_test_directory(folder, sizeof folder);
	write_file(folder, "empty.mjpeg", "", 0);
	write_file(folder, "text.mjpeg", "no picture", 10);
	static const char *const names[] = {"", "/empty.mjpeg", "/text.mjpeg", "/missing", "/text.mjpeg/x"};
	for (size_t i = 0; i < VIVA_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s%s", folder, names[i]);
		struct viva_film *frames = NULL;
		struct viva_error error = {0};
		assert_error(viva_film_open(path, &frames, &error), VIVA_EUSAGE);
		assert_null(frames);
		assert_non_null(strstr(error.message, path));
	}
	remove_test_directory(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jpeg__a_film_is_split_at_its_pictures_ends),
		cmocka_unit_test(test_jpeg__rubbish_between_pictures_is_skipped),
		cmocka_unit_test(test_jpeg__no_truncation_is_taken_for_a_picture),
		cmocka_unit_test(test_frames__a_folder_is_read_in_the_order_of_names_and_begins_anew),
		cmocka_unit_test(test_frames__a_file_of_jpegs_is_a_film),
		cmocka_unit_test(test_frames__what_holds_no_picture_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
