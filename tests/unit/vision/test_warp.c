// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vision/picture.h"
#include "viva_test.h"

enum { WIDTH = 61, HEIGHT = 47, SIDE = 32 };

static const struct viva_warp_range range = {.scale = 1 / 255.f, .offset = {-.1f, -.2f, -.3f}};

static struct viva_picture noise(uint64_t seed)
{
	struct viva_picture picture = {.pixels = malloc(WIDTH * HEIGHT * 4),
				       .capacity = WIDTH * HEIGHT * 4,
				       .width = WIDTH,
				       .height = HEIGHT,
				       .window = {.width = WIDTH, .height = HEIGHT},
				       .source_width = WIDTH,
				       .source_height = HEIGHT};
	assert_non_null(picture.pixels);
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, seed);
	random.random.fill(&random.random, picture.pixels, picture.capacity);
	return picture;
}

static float between(struct viva_seeded_random *random, float min, float max)
{
	return min + (max - min) * (float)viva_random_below(&random->random, 100001) / 100000;
}

static void test_warp__the_fast_way_gives_what_the_plain_one_gives(void **state)
{
	(void)state;
	struct viva_picture picture = noise(1);
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 2);
	for (int round = 0; round < 200; round++) {
		struct viva_region region = {.x = between(&random, -30, WIDTH + 30),
					     .y = between(&random, -30, HEIGHT + 30),
					     .size = between(&random, .5f, 120),
					     .angle = between(&random, -4, 4)};
		// On the heap, so that a write past the end is seen.
		float *fast = malloc(SIDE * SIDE * 3 * sizeof *fast), *plain = malloc(SIDE * SIDE * 3 * sizeof *plain);
		assert_non_null(fast);
		assert_non_null(plain);
		viva_warp(&picture, &region, SIDE, &range, fast);
		viva_warp_plain(&picture, &region, SIDE, &range, plain);
		for (int i = 0; i < SIDE * SIDE * 3; i++)
			assert_float_equal(fast[i], plain[i], 2e-5f);
		free(fast);
		free(plain);
	}
	viva_picture_finish(&picture);
}

static void test_warp__a_window_is_sampled_where_it_lies_in_the_picture(void **state)
{
	(void)state;
	enum { LEFT = 11, TOP = 6, PART_WIDTH = 40, PART_HEIGHT = 33 };
	struct viva_picture picture = noise(6), part = noise(7);
	part.window = (struct viva_window){.left = LEFT, .top = TOP, .width = PART_WIDTH, .height = PART_HEIGHT};
	for (int y = 0; y < PART_HEIGHT; y++)
		memcpy(part.pixels + y * PART_WIDTH * 4, picture.pixels + ((y + TOP) * WIDTH + LEFT) * 4,
		       PART_WIDTH * 4);
	static float of_whole[SIDE * SIDE * 3], of_part[SIDE * SIDE * 3];
	const struct viva_region region = {.x = LEFT + 20.25f, .y = TOP + 16.5f, .size = 20, .angle = .4f};
	assert_true(viva_picture_covers(&part, &region));
	viva_warp(&picture, &region, SIDE, &range, of_whole);
	viva_warp(&part, &region, SIDE, &range, of_part);
	for (int i = 0; i < SIDE * SIDE * 3; i++)
		assert_float_equal(of_part[i], of_whole[i], 2e-5f);
	viva_picture_finish(&picture);
	viva_picture_finish(&part);
}

static void test_warp__a_region_that_is_no_number_reads_nothing_outside(void **state)
{
	(void)state;
	struct viva_picture picture = noise(3);
	static float pixels[SIDE * SIDE * 3];
	const struct viva_region regions[] = {{NAN, NAN, NAN, NAN},
					      {INFINITY, -INFINITY, 10, 0},
					      {1e30f, 1e30f, 1e30f, 1},
					      {10, 10, 0, 0},
					      {10, 10, -50, 0}};
	for (size_t i = 0; i < VIVA_COUNT(regions); i++)
		viva_warp(&picture, &regions[i], SIDE, &range, pixels);
	viva_picture_finish(&picture);
}

static void test_warp__a_region_of_the_pictures_own_pixels_copies_them(void **state)
{
	(void)state;
	struct viva_picture picture = noise(4);
	static float pixels[SIDE * SIDE * 3];
	struct viva_region region = {.x = 5 + SIDE / 2.f, .y = 9 + SIDE / 2.f, .size = SIDE};
	viva_warp(&picture, &region, SIDE, &range, pixels);
	for (int y = 0; y < SIDE; y++) {
		for (int x = 0; x < SIDE; x++) {
			const uint8_t *pixel = picture.pixels + ((y + 9) * WIDTH + x + 5) * 4;
			for (int channel = 0; channel < 3; channel++)
				assert_float_equal(pixels[(y * SIDE + x) * 3 + channel],
						   (float)pixel[channel] / 255 + range.offset[channel], 1e-4f);
		}
	}
	viva_picture_finish(&picture);
}

static void test_warp__a_view_averages_and_is_black_outside(void **state)
{
	(void)state;
	const struct viva_warp_range bytes = {.scale = 1};
	struct viva_picture picture = noise(5);
	memset(picture.pixels, 100, picture.capacity);
	static float pixels[SIDE * SIDE * 3];
	struct viva_view view = {.left = -(float)WIDTH / 2, .top = -(float)WIDTH / 2, .size = 2 * WIDTH};
	viva_view_fill(&picture, &view, SIDE, &bytes, pixels);
	assert_float_equal(pixels[0], 0, 0);
	assert_float_equal(pixels[(SIDE / 2 * SIDE + SIDE / 2) * 3], 100, 0);
	assert_float_equal(pixels[(SIDE * SIDE - 1) * 3], 0, 0);
	viva_picture_finish(&picture);
}

static void test_warp__mirroring_twice_changes_nothing(void **state)
{
	(void)state;
	float pixels[5 * 5], twice[5 * 5];
	for (int i = 0; i < 25; i++)
		pixels[i] = twice[i] = (float)i;
	viva_mirror(twice, 5);
	assert_float_equal(twice[0], 4, 0);
	assert_float_equal(twice[2], 2, 0);
	viva_mirror(twice, 5);
	assert_memory_equal(pixels, twice, sizeof pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warp__the_fast_way_gives_what_the_plain_one_gives),
		cmocka_unit_test(test_warp__a_window_is_sampled_where_it_lies_in_the_picture),
		cmocka_unit_test(test_warp__a_region_that_is_no_number_reads_nothing_outside),
		cmocka_unit_test(test_warp__a_region_of_the_pictures_own_pixels_copies_them),
		cmocka_unit_test(test_warp__a_view_averages_and_is_black_outside),
		cmocka_unit_test(test_warp__mirroring_twice_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
