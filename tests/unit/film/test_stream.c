// SPDX-License-Identifier: Apache-2.0
#include "film/stream.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "film/film.h"
#include "viva_test.h"

// The markers of a JPEG without a picture, with a whole thumbnail inside.
static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe1, 0x00, 0x08, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9, 0xff, 0xda,
			       0x00, 0x04, 0x01, 0x02, 0x33, 0xff, 0x00, 0xff, 0xd0, 0x44, 0xff, 0xff, 0xd9};
static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0xff, 0xd8, 0xff, 'x'};

struct writer {
	pthread_t thread;
	int fd;
	struct viva_bytes bytes;
	size_t step;  // bytes at a time
};

static void *write_slowly(void *context)
{
	struct writer *writer = context;
	for (size_t at = 0; at < writer->bytes.size; at += writer->step) {
		size_t size = VIVA_MIN(writer->step, writer->bytes.size - at);
		if (write(writer->fd, writer->bytes.data + at, size) != (ssize_t)size)
			break;
	}
	close(writer->fd);
	return NULL;
}

static int start(struct writer *writer, const void *data, size_t size, size_t step)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*writer = (struct writer){.fd = ends[1], .bytes = viva_bytes_of(data, size), .step = step};
	assert_int_equal(pthread_create(&writer->thread, NULL, write_slowly, writer), 0);
	return ends[0];
}

static void end(struct writer *writer, struct viva_film_stream *stream)
{
	close(stream->fd);
	viva_film_stream_finish(stream);
	pthread_join(writer->thread, NULL);
}

static void assert_next(struct viva_film_stream *stream, const void *expected, size_t size)
{
	struct viva_bytes picture;
	assert_ok(viva_film_stream_next(stream, &picture, NULL));
	assert_int_equal(picture.size, size);
	if (size > 0)
		assert_memory_equal(picture.data, expected, size);
}

static void test_stream__pictures_come_whole_however_the_bytes_come(void **state)
{
	(void)state;
	uint8_t film[2 * sizeof jpeg + 3];
	memcpy(film, jpeg, sizeof jpeg);
	memcpy(film + sizeof jpeg, "\n--", 3);
	memcpy(film + sizeof jpeg + 3, jpeg, sizeof jpeg);
	for (size_t step = 1; step < 40; step++) {
		struct writer writer;
		struct viva_film_stream stream;
		viva_film_stream_init(&stream, start(&writer, film, sizeof film, step));
		assert_next(&stream, jpeg, sizeof jpeg);
		assert_next(&stream, jpeg, sizeof jpeg);
		assert_next(&stream, NULL, 0);
		assert_next(&stream, NULL, 0);
		assert_int_equal(stream.skipped, 3);
		end(&writer, &stream);
	}
}

static void test_stream__a_png_is_the_whole_of_it(void **state)
{
	(void)state;
	struct writer writer;
	struct viva_film_stream stream;
	viva_film_stream_init(&stream, start(&writer, png, sizeof png, 1));
	assert_next(&stream, png, sizeof png);
	assert_next(&stream, NULL, 0);
	end(&writer, &stream);
}

static void test_stream__what_is_cut_short_is_given_as_far_as_it_goes(void **state)
{
	(void)state;
	enum { CUT = 19 };
	uint8_t film[2 * CUT + sizeof jpeg];
	memcpy(film, jpeg, CUT);
	memcpy(film + CUT, jpeg, sizeof jpeg);
	memcpy(film + CUT + sizeof jpeg, jpeg, CUT);
	struct writer writer;
	struct viva_film_stream stream;
	viva_film_stream_init(&stream, start(&writer, film, sizeof film, sizeof film));
	assert_next(&stream, jpeg, CUT);
	assert_next(&stream, jpeg, sizeof jpeg);
	assert_next(&stream, jpeg, CUT);
	assert_next(&stream, NULL, 0);
	end(&writer, &stream);
}

static void test_stream__rubbish_holds_no_picture_and_is_not_kept(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	uint8_t *rubbish = malloc(SIZE);
	assert_non_null(rubbish);
	memset(rubbish, 0xff, SIZE);
	struct writer writer;
	struct viva_film_stream stream;
	viva_film_stream_init(&stream, start(&writer, rubbish, SIZE, 4096));
	assert_next(&stream, NULL, 0);
	assert_int_equal(stream.skipped, SIZE);
	assert_true(stream.buffer.capacity < SIZE);
	end(&writer, &stream);
	free(rubbish);
}

static void test_stream__a_picture_without_an_end_is_refused_at_the_limit(void **state)
{
	(void)state;
	enum { SIZE = VIVA_FILM_MAX_PICTURE + 4096 };
	uint8_t *endless = calloc(1, SIZE);
	assert_non_null(endless);
	memcpy(endless, "\xff\xd8\xff\xda\x00\x02", 6);
	struct writer writer;
	struct viva_film_stream stream;
	struct viva_bytes picture;
	struct viva_error error = {0};
	viva_film_stream_init(&stream, start(&writer, endless, SIZE, 1 << 16));
	assert_error(viva_film_stream_next(&stream, &picture, &error), VIVA_ELIMIT);
	assert_non_null(strstr(error.message, "8 MiB"));
	uint8_t drain[4096];  // so that the writer ends
	while (read(stream.fd, drain, sizeof drain) > 0)
		continue;
	end(&writer, &stream);
	free(endless);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream__pictures_come_whole_however_the_bytes_come),
		cmocka_unit_test(test_stream__a_png_is_the_whole_of_it),
		cmocka_unit_test(test_stream__what_is_cut_short_is_given_as_far_as_it_goes),
		cmocka_unit_test(test_stream__rubbish_holds_no_picture_and_is_not_kept),
		cmocka_unit_test(test_stream__a_picture_without_an_end_is_refused_at_the_limit),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
