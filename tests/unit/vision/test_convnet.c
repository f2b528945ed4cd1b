// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "vision/convnet.h"
#include "viva_test.h"

static float between(struct viva_seeded_random *random, float min, float max)
{
	return min + (max - min) * (float)viva_random_below(&random->random, 100001) / 100000;
}

// On the heap, so that a step past the end is seen.
static float *noise(struct viva_seeded_random *random, size_t count)
{
	float *values = malloc(count * sizeof *values);
	assert_non_null(values);
	for (size_t i = 0; i < count; i++)
		values[i] = between(random, -1, 1);
	return values;
}

static void assert_near(const float *a, const float *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_float_equal(a[i], b[i], 2e-5f);
}

static void test_convnet__fast_multiplication_gives_what_the_plain_one_gives(void **state)
{
	(void)state;
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 1);
	for (size_t count = 1; count <= 20; count++) {
		const size_t stretches = 1 + count % 3, length = 1 + count * 5 % 23, step = length + count % 2;
		const size_t inputs = stretches * length;
		float *pixels = noise(&random, (count - 1) * step + inputs);
		float *weights = noise(&random, inputs * VIVA_PANEL), *bias = noise(&random, VIVA_PANEL);
		float *slopes = noise(&random, VIVA_PANEL), *addend = noise(&random, count * VIVA_PANEL);
		float *fast = noise(&random, count * VIVA_PANEL), *plain = noise(&random, count * VIVA_PANEL);
		const struct viva_patches patches = {.first = pixels,
						     .pixel_step = step,
						     .count = count,
						     .stretches = stretches,
						     .stretch_step = length,
						     .length = length};
		struct viva_panel panel = {.weights = weights,
					   .bias = bias,
					   .slopes = slopes,
					   .addend = count % 2 == 0 ? addend : NULL,
					   .addend_step = VIVA_PANEL,
					   .output = fast,
					   .output_step = VIVA_PANEL};
		viva_convnet_kernels()->multiply(&patches, &panel);
		panel.output = plain;
		viva_convnet_plain_kernels()->multiply(&patches, &panel);
		assert_near(fast, plain, count * VIVA_PANEL);
		float *const all[] = {pixels, weights, bias, slopes, addend, fast, plain};
		for (size_t i = 0; i < VIVA_COUNT(all); i++)
			free(all[i]);
	}
}

static void test_convnet__fast_depthwise_rows_are_the_plain_ones(void **state)
{
	(void)state;
	enum { CHANNELS = 16 };
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 2);
	for (size_t width = 1; width <= 21; width++) {
		float *kernel = noise(&random, 9 * CHANNELS), *bias = noise(&random, CHANNELS), *rows[3];
		for (size_t i = 0; i < 3; i++)
			rows[i] = noise(&random, width * CHANNELS);
		for (size_t kind = 0; kind < 4; kind++) {
			const size_t stride = 1 + kind / 2, output = (width + stride - 1) / stride;
			float *fast = noise(&random, output * CHANNELS), *plain = noise(&random, output * CHANNELS);
			struct viva_depthwise row = {.rows = {rows[0], rows[1], rows[2]},
						     .width = width,
						     .channels = CHANNELS,
						     .stride = stride,
						     .padding = kind % 2,
						     .kernel = kernel,
						     .bias = bias,
						     .output = fast,
						     .output_width = output};
			viva_convnet_kernels()->depthwise(&row);
			row.output = plain;
			viva_convnet_plain_kernels()->depthwise(&row);
			assert_near(fast, plain, output * CHANNELS);
			free(fast);
			free(plain);
		}
		for (size_t i = 0; i < 3; i++)
			free(rows[i]);
		free(kernel);
		free(bias);
	}
}

static void test_convnet__every_half_becomes_the_same_float_in_both_ways(void **state)
{
	(void)state;
	uint16_t halves[8];
	float fast[8], plain[8];
	for (uint32_t first = 0; first < 1 << 16; first += 8) {
		for (uint32_t i = 0; i < 8; i++)
			halves[i] = (uint16_t)(first + i);
		viva_convnet_kernels()->widen(halves, 8, fast);
		viva_convnet_plain_kernels()->widen(halves, 8, plain);
		for (int i = 0; i < 8; i++)
			assert_true(fast[i] == plain[i] || (isnan(fast[i]) && isnan(plain[i])));
	}
	const uint16_t known[8] = {0x3c00, 0xc000, 0x0001, 0x7bff};  // 1, -2, the smallest, the largest
	viva_convnet_plain_kernels()->widen(known, 8, plain);
	assert_true(plain[0] == 1 && plain[1] == -2 && plain[2] == 0x1p-24f && plain[3] == 65504);
}

static void test_convnet__bytes_become_the_same_floats_in_both_ways(void **state)
{
	(void)state;
	enum { ROWS = 17, COUNT = ROWS * VIVA_PANEL };
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 4);
	int8_t *bytes = malloc(COUNT);
	assert_non_null(bytes);
	for (int i = 0; i < COUNT; i++)
		bytes[i] = (int8_t)(i - 128);
	float *factors = noise(&random, VIVA_PANEL), *fast = noise(&random, COUNT), *plain = noise(&random, COUNT);
	viva_convnet_kernels()->widen_bytes(bytes, factors, COUNT, fast);
	viva_convnet_plain_kernels()->widen_bytes(bytes, factors, COUNT, plain);
	assert_memory_equal(fast, plain, COUNT * sizeof *fast);
	assert_float_equal(plain[3], -125 * factors[3], 0);
	assert_float_equal(plain[18], -110 * factors[2], 0);
	float *const all[] = {factors, fast, plain};
	for (size_t i = 0; i < VIVA_COUNT(all); i++)
		free(all[i]);
	free(bytes);
}

static void test_convnet__fast_transforms_of_tiles_are_the_plain_ones(void **state)
{
	(void)state;
	enum { CHANNELS = 24, STEP = CHANNELS * VIVA_PANEL + 3, COUNT = 16 * STEP };
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 5);
	float *pixels = noise(&random, 4 * 4 * CHANNELS), *panel = noise(&random, 8 * STEP + CHANNELS * VIVA_PANEL);
	float *fast = noise(&random, COUNT), *plain = noise(&random, COUNT);
	float sums[2][4][VIVA_PANEL];
	const struct viva_convnet_kernels *kernels[2] = {viva_convnet_kernels(), viva_convnet_plain_kernels()};
	memcpy(plain, fast, COUNT * sizeof *plain);
	for (int i = 0; i < 2; i++)
		kernels[i]->transform_tile(pixels, (size_t)4 * CHANNELS, CHANNELS, i == 0 ? fast : plain, STEP);
	assert_near(fast, plain, COUNT);
	for (int i = 0; i < 2; i++)
		kernels[i]->transform_kernel(panel, CHANNELS, STEP, i == 0 ? fast : plain);
	assert_near(fast, plain, COUNT);
	for (int i = 0; i < 2; i++)
		kernels[i]->sum_products(plain, STEP, sums[i]);
	assert_near(sums[0][0], sums[1][0], (size_t)4 * VIVA_PANEL);
	for (size_t with = 0; with < 2; with++) {
		struct viva_panel finish = {.bias = pixels,
					    .slopes = pixels + VIVA_PANEL,
					    .addend = with ? pixels + (size_t)2 * VIVA_PANEL : NULL};
		finish.output = fast;
		kernels[0]->finish(sums[0][1], &finish);
		finish.output = plain;
		kernels[1]->finish(sums[0][1], &finish);
		assert_near(fast, plain, VIVA_PANEL);
	}
	float *const all[] = {pixels, panel, fast, plain};
	for (size_t i = 0; i < VIVA_COUNT(all); i++)
		free(all[i]);
}

// A network of most kinds of steps: a picture of 6 × 4 × 3 is convolved to 16 channels; of that the largest of each
// 2 × 2, of 16 channels, are added to what a separable convolution of stride 2 makes of it, of 32; and that is enlarged
// twice, the second time with the first added.
enum {
	HEIGHT = 6,
	WIDTH = 4,
	COLOURS = 3,
	MIDDLE = 16,
	LAST = 32,
	INPUT = HEIGHT * WIDTH * COLOURS,
	SMALL = HEIGHT / 2 * WIDTH / 2 * LAST,
	OUTPUT = HEIGHT * WIDTH * LAST,
	FIRST_BYTES = 9 * COLOURS * MIDDLE * 2 + 2 * MIDDLE * 4,
	LAST_BYTES = 10 * MIDDLE * 4 + MIDDLE * LAST * 2 + 2 * LAST * 4,
	NUMBERS = 4 + 5 * 16 + 2,
	WEIGHTS_AT = 8 + NUMBERS * 4,
	FILE_BYTES = WEIGHTS_AT + FIRST_BYTES + LAST_BYTES,
};

static const struct viva_convnet_shape shape = {.file = "small.net", .input = INPUT, .outputs = {OUTPUT}};

// Powers of two and their sums, so that sums are exact in whatever order.
static uint16_t half_at(size_t index)
{
	static const uint16_t halves[5] = {0x3c00, 0xb800, 0x3400, 0, 0xbc00};  // 1, -.5, .25, 0, -1
	return halves[index * 7 % 5];
}

static float float_at(size_t index)
{
	return (float)(int)(index * 5 % 9) / 4 - 1;
}

static void fill(uint8_t *at, size_t depthwise, size_t halves, size_t floats)
{
	size_t number = 0;
	for (size_t i = 0; i < depthwise + halves + floats; i++) {
		if (i >= depthwise && i < depthwise + halves) {
			uint16_t half = half_at(i - depthwise);
			memcpy(at, &half, sizeof half);
			at += sizeof half;
		} else {
			float value = float_at(number++);
			memcpy(at, &value, sizeof value);
			at += sizeof value;
		}
	}
}

static void write_numbers(uint8_t *at, const uint32_t *numbers, size_t count)
{
	for (size_t i = 0; i < count * 4; i++)
		at[i] = (uint8_t)(numbers[i / 4] >> 8 * (i % 4));
}

static void make_file(uint8_t ret_file[FILE_BYTES])
{
	static const uint32_t numbers[NUMBERS] = {
		6, 5, 1, FIRST_BYTES + LAST_BYTES,
		// kind, source, addend, output; from; to; kernel, stride, padding; weights' place and size; 0
		0, 0, UINT32_MAX, 1, HEIGHT, WIDTH, COLOURS, HEIGHT, WIDTH, MIDDLE, 3, 1, 1, 0, FIRST_BYTES, 0, 2, 1,
		UINT32_MAX, 2, HEIGHT, WIDTH, MIDDLE, HEIGHT / 2, WIDTH / 2, MIDDLE, 2, 2, 0, FIRST_BYTES, 0, 0, 1, 1,
		2, 3, HEIGHT, WIDTH, MIDDLE, HEIGHT / 2, WIDTH / 2, LAST, 3, 2, 0, FIRST_BYTES, LAST_BYTES, 0, 3, 3,
		UINT32_MAX, 4, HEIGHT / 2, WIDTH / 2, LAST, HEIGHT, WIDTH, LAST, 1, 1, 0, 0, 0, 0, 3, 3, 4, 5,
		HEIGHT / 2, WIDTH / 2, LAST, HEIGHT, WIDTH, LAST, 1, 1, 0, 0, 0, 0,
		// the output's place and size
		5, OUTPUT};
	memcpy(ret_file, "VIVANET1", 8);
	write_numbers(ret_file + 8, numbers, NUMBERS);
	fill(ret_file + WEIGHTS_AT, 0, 9 * COLOURS * MIDDLE, 2 * MIDDLE);
	fill(ret_file + WEIGHTS_AT + FIRST_BYTES, 10 * MIDDLE, MIDDLE * LAST, 2 * LAST);
}

static float half_of(size_t index)
{
	static const float values[5] = {1, -.5f, .25f, 0, -1};
	return values[index * 7 % 5];
}

static float sloped(float value, float slope)
{
	return value < 0 ? value * slope : value;
}

static float at(const float *map, int y, int x, int channels, int channel)
{
	return y < 0 || x < 0 || y >= HEIGHT || x >= WIDTH ? 0 : map[(y * WIDTH + x) * channels + channel];
}

static float convolved(const float *input, int y, int x, int channel)
{
	float sum = float_at((size_t)channel);
	for (int i = 0; i < 9 * COLOURS; i++) {
		float number = at(input, y + i / COLOURS / 3 - 1, x + i / COLOURS % 3 - 1, COLOURS, i % COLOURS);
		sum += number * half_of((size_t)(i * MIDDLE + channel));
	}
	return sloped(sum, float_at((size_t)(MIDDLE + channel)));
}

static float separable(const float *middle, int y, int x, int channel)
{
	const size_t bias = 10 * MIDDLE, panel = (size_t)(channel / VIVA_PANEL) * MIDDLE * VIVA_PANEL;
	float sum = float_at(bias + (size_t)channel), largest = -INFINITY;
	for (int from = 0; from < MIDDLE; from++) {
		float mixed = float_at((size_t)(9 * MIDDLE + from));
		for (int i = 0; i < 9; i++)
			mixed += at(middle, 2 * y + i / 3, 2 * x + i % 3, MIDDLE, from) *
				 float_at((size_t)(i * MIDDLE + from));
		sum += mixed * half_of(panel + (size_t)(from * VIVA_PANEL + channel % VIVA_PANEL));
	}
	for (int i = 0; i < 4 && channel < MIDDLE; i++)
		largest = fmaxf(largest, at(middle, 2 * y + i / 2, 2 * x + i % 2, MIDDLE, channel));
	return sloped(sum + (channel < MIDDLE ? largest : 0), float_at(bias + (size_t)(LAST + channel)));
}

// Between the middles of the small map's pixels; at its edge as there.
static float enlarged(const float *small, int y, int x, int channel)
{
	float down = fminf(fmaxf(((float)y + .5f) / 2 - .5f, 0), HEIGHT / 2 - 1);
	float right = fminf(fmaxf(((float)x + .5f) / 2 - .5f, 0), WIDTH / 2 - 1);
	int top = (int)down, left = (int)right;
	int bottom = VIVA_MIN(top + 1, HEIGHT / 2 - 1), other = VIVA_MIN(left + 1, WIDTH / 2 - 1);
	float share_y = down - (float)top, share_x = right - (float)left;
	const float *upper = small + top * (WIDTH / 2) * LAST, *lower = small + bottom * (WIDTH / 2) * LAST;
	float above = upper[left * LAST + channel] * (1 - share_x) + upper[other * LAST + channel] * share_x;
	float below = lower[left * LAST + channel] * (1 - share_x) + lower[other * LAST + channel] * share_x;
	return above * (1 - share_y) + below * share_y;
}

static void test_convnet__a_network_computes_what_its_file_says(void **state)
{
	(void)state;
	uint8_t file[FILE_BYTES];
	make_file(file);
	struct viva_convnet network = {0};
	struct viva_error error = {0};
	assert_int_equal(viva_convnet_init_from(&network, viva_bytes_of(file, sizeof file), &shape, &error), 0);
	for (int i = 0; i < INPUT; i++)
		network.input[i] = float_at((size_t)i * 3);
	float middle[HEIGHT * WIDTH * MIDDLE];
	for (int i = 0; i < HEIGHT * WIDTH * MIDDLE; i++)
		middle[i] = convolved(network.input, i / MIDDLE / WIDTH, i / MIDDLE % WIDTH, i % MIDDLE);
	float small[SMALL];
	for (int i = 0; i < SMALL; i++)
		small[i] = separable(middle, i / LAST / (WIDTH / 2), i / LAST % (WIDTH / 2), i % LAST);
	for (int pass = 0; pass < 3; pass++) {
		if (pass == 2)
			network.kernels = viva_convnet_plain_kernels();
		viva_convnet_run(&network);
		for (int i = 0; i < OUTPUT; i++) {
			int pixel = i / LAST;
			assert_float_equal(network.outputs[0][i],
					   2 * enlarged(small, pixel / WIDTH, pixel % WIDTH, i % LAST), 1e-3f);
		}
	}
	viva_convnet_finish(&network);
}

// As Viva's own networks are: a grey picture of 7 × 5 is convolved by steps of 2 to 4 × 3 × 16, and that, by kernels
// of bytes both, with itself added; of what comes out the means and the largest values are weighed and added.
enum {
	OWN_HEIGHT = 7,
	OWN_WIDTH = 5,
	OWN_INPUT = OWN_HEIGHT * OWN_WIDTH,
	HALF_HEIGHT = 4,
	HALF_WIDTH = 3,
	HALF = HALF_HEIGHT * HALF_WIDTH,
	STEM_BYTES = 9 * 16 + 3 * 16 * 4,
	BLOCK_BYTES = 9 * 16 * 16 + 3 * 16 * 4,
	HEAD_BYTES = 16 * 16 * 2 + 2 * 16 * 4,
	OWN_WEIGHTS = STEM_BYTES + BLOCK_BYTES + 2 * HEAD_BYTES,
	OWN_NUMBERS = 4 + 6 * 16 + 2,
	OWN_WEIGHTS_AT = 8 + OWN_NUMBERS * 4,
	OWN_FILE_BYTES = OWN_WEIGHTS_AT + OWN_WEIGHTS,
};

static const struct viva_convnet_shape own_shape = {.file = "own.net", .input = OWN_INPUT, .outputs = {16}};

static int8_t byte_at(size_t index)
{
	return (int8_t)((int)(index * 7 % 11) - 5);
}

static void fill_bytes(uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*at++ = (uint8_t)byte_at(i);
	fill(at, 0, 0, 3 * 16);
}

static void make_own_file(uint8_t ret_file[OWN_FILE_BYTES])
{
	enum { BLOCK_AT = STEM_BYTES, HEAD_AT = BLOCK_AT + BLOCK_BYTES, LAST_AT = HEAD_AT + HEAD_BYTES };
	const uint32_t none = UINT32_MAX;
	const uint32_t steps[6][16] = {
		{0, 0, none, 1, OWN_HEIGHT, OWN_WIDTH, 1, HALF_HEIGHT, HALF_WIDTH, 16, 3, 2, 1, 0, STEM_BYTES, 1},
		{0, 1, 1, 2, HALF_HEIGHT, HALF_WIDTH, 16, HALF_HEIGHT, HALF_WIDTH, 16, 3, 1, 1, BLOCK_AT, BLOCK_BYTES,
		 1},
		{4, 2, none, 1, HALF_HEIGHT, HALF_WIDTH, 16, 1, 1, 16, 1, 1, 0, HEAD_AT, 0, 0},
		{5, 2, none, 3, HALF_HEIGHT, HALF_WIDTH, 16, 1, 1, 16, 1, 1, 0, HEAD_AT, 0, 0},
		{0, 1, none, 2, 1, 1, 16, 1, 1, 16, 1, 1, 0, HEAD_AT, HEAD_BYTES, 0},
		{0, 3, 2, 1, 1, 1, 16, 1, 1, 16, 1, 1, 0, LAST_AT, HEAD_BYTES, 0},
	};
	const uint32_t head[4] = {4, 6, 1, OWN_WEIGHTS}, output[2] = {1, 16};
	memcpy(ret_file, "VIVANET1", 8);
	write_numbers(ret_file + 8, head, 4);
	write_numbers(ret_file + 8 + sizeof head, steps[0], 6 * 16);
	write_numbers(ret_file + 8 + sizeof head + sizeof steps, output, 2);
	uint8_t *weights = ret_file + OWN_WEIGHTS_AT;
	fill_bytes(weights, 9 * 16);
	fill_bytes(weights + BLOCK_AT, 9 * 16 * 16);
	fill(weights + HEAD_AT, 0, 16 * 16, 2 * 16);
	fill(weights + LAST_AT, 0, 16 * 16, 2 * 16);
}

// The sum of a window of 3 × 3 about (y, x) by a kernel of bytes.
static float windowed(const float *map, int height, int width, int channels, int y, int x, int channel)
{
	float sum = 0;
	for (int i = 0; i < 9 * channels; i++) {
		int row = y + i / channels / 3 - 1, column = x + i / channels % 3 - 1;
		if (row < 0 || column < 0 || row >= height || column >= width)
			continue;
		float weight = (float)byte_at((size_t)(i * 16 + channel)) * float_at((size_t)channel);
		sum += weight * map[(row * width + column) * channels + i % channels];
	}
	return sum + float_at((size_t)(16 + channel));
}

static float weighed(const float *numbers, int channel)
{
	float sum = float_at((size_t)channel);
	for (int i = 0; i < 16; i++)
		sum += numbers[i] * half_of((size_t)(i * 16 + channel));
	return sum;
}

static void compute_own(const float *input, float ret_output[16])
{
	float stem[HALF * 16], block[HALF * 16], mean[16] = {0}, largest[16];
	for (int i = 0; i < HALF * 16; i++) {
		int y = i / 16 / HALF_WIDTH, x = i / 16 % HALF_WIDTH, channel = i % 16;
		stem[i] = sloped(windowed(input, OWN_HEIGHT, OWN_WIDTH, 1, 2 * y, 2 * x, channel),
				 float_at((size_t)(32 + channel)));
	}
	for (int i = 0; i < HALF * 16; i++) {
		int y = i / 16 / HALF_WIDTH, x = i / 16 % HALF_WIDTH, channel = i % 16;
		block[i] = sloped(windowed(stem, HALF_HEIGHT, HALF_WIDTH, 16, y, x, channel) + stem[i],
				  float_at((size_t)(32 + channel)));
		mean[channel] += block[i] / HALF;
		largest[channel] = i < 16 ? block[i] : fmaxf(largest[channel], block[i]);
	}
	for (int i = 0; i < 16; i++) {
		float slope = float_at((size_t)(16 + i));
		ret_output[i] = sloped(weighed(largest, i) + sloped(weighed(mean, i), slope), slope);
	}
}

static void test_convnet__a_network_of_bytes_computes_what_its_file_says(void **state)
{
	(void)state;
	uint8_t file[OWN_FILE_BYTES];
	make_own_file(file);
	struct viva_convnet network = {0};
	struct viva_error error = {0};
	assert_int_equal(viva_convnet_init_from(&network, viva_bytes_of(file, sizeof file), &own_shape, &error), 0);
	for (int i = 0; i < OWN_INPUT; i++)
		network.input[i] = float_at((size_t)i * 3) / 16;
	float expected[16];
	compute_own(network.input, expected);
	for (int pass = 0; pass < 3; pass++) {
		if (pass == 2)
			network.kernels = viva_convnet_plain_kernels();
		viva_convnet_run(&network);
		for (int i = 0; i < 16; i++)
			assert_float_equal(network.outputs[0][i], expected[i], 1e-4f * (1 + fabsf(expected[i])));
	}
	viva_convnet_finish(&network);
}

// Maps of many rows are convolved some rows at a time, which must fit together.
static void test_convnet__a_large_map_is_convolved_without_a_seam(void **state)
{
	(void)state;
	enum { SIDE = 96, FILE_SIZE = 8 + (4 + 16 + 2) * 4 + 9 * 16 * 16 + 3 * 16 * 4 };
	static const uint32_t numbers[] = {
		2, 1, 1, 9 * 16 * 16 + 3 * 16 * 4, 0, 0, UINT32_MAX,      1, SIDE, SIDE, 16, SIDE, SIDE, 16, 3,
		1, 1, 0, 9 * 16 * 16 + 3 * 16 * 4, 1, 1, SIDE * SIDE * 16};
	static const struct viva_convnet_shape large = {
		.file = "large.net", .input = SIDE * SIDE * 16, .outputs = {SIDE * SIDE * 16}};
	static uint8_t file[FILE_SIZE];
	memcpy(file, "VIVANET1", 8);
	write_numbers(file + 8, numbers, VIVA_COUNT(numbers));
	fill_bytes(file + 8 + sizeof numbers, 9 * 16 * 16);
	struct viva_convnet network = {0};
	struct viva_error error = {0};
	assert_int_equal(viva_convnet_init_from(&network, viva_bytes_of(file, sizeof file), &large, &error), 0);
	for (size_t i = 0; i < large.input; i++)
		network.input[i] = float_at(i * 3) / 64;
	viva_convnet_run(&network);
	for (int i = 0; i < SIDE * SIDE; i++) {
		float sum = windowed(network.input, SIDE, SIDE, 16, i / SIDE, i % SIDE, i % 16);
		float expected = sloped(sum, float_at((size_t)(32 + i % 16)));
		assert_float_equal(network.outputs[0][i * 16 + i % 16], expected, 1e-4f * (1 + fabsf(expected)));
	}
	viva_convnet_finish(&network);
}

// Opens it from memory of just its size, and runs what opens.
static int try_file(const struct viva_convnet_shape *as, const uint8_t *file, size_t size)
{
	struct viva_convnet network = {0};
	struct viva_error error = {0};
	uint8_t *copy = malloc(size > 0 ? size : 1);
	assert_non_null(copy);
	memcpy(copy, file, size);
	int code = viva_convnet_init_from(&network, viva_bytes_of(copy, size), as, &error);
	free(copy);
	if (code == 0)
		viva_convnet_run(&network);
	else
		assert_int_equal(code, VIVA_EMODEL);
	viva_convnet_finish(&network);
	return code;
}

static void damage(const struct viva_convnet_shape *as, uint8_t *file, size_t size, size_t weights_at)
{
	static const uint32_t hostile[] = {0,   1,   2,   3,    4,       5,         16,        17,
					   255, 256, 257, 2048, 1 << 16, INT32_MAX, UINT32_MAX};
	assert_int_equal(try_file(as, file, size), 0);
	for (size_t cut = 0; cut < size; cut += cut < weights_at ? 1 : 97)
		assert_int_equal(try_file(as, file, cut), VIVA_EMODEL);
	for (size_t i = 0; i < weights_at; i += 4) {
		for (size_t k = 0; k < VIVA_COUNT(hostile); k++) {
			uint8_t kept[4];
			memcpy(kept, file + i, 4);
			memcpy(file + i, &hostile[k], 4);
			(void)try_file(as, file, size);
			memcpy(file + i, kept, 4);
		}
	}
	struct viva_seeded_random random;
	viva_seeded_random_init(&random, 3);
	for (int round = 0; round < 2000; round++) {
		uint8_t kept[3];
		size_t places[3];
		for (int i = 0; i < 3; i++) {
			places[i] = viva_random_below(&random.random, (uint32_t)weights_at);
			kept[i] = file[places[i]];
			file[places[i]] = (uint8_t)viva_random_below(&random.random, 256);
		}
		(void)try_file(as, file, size);
		for (int i = 2; i >= 0; i--)
			file[places[i]] = kept[i];
	}
}

static void test_convnet__a_damaged_file_is_refused_or_harmless(void **state)
{
	(void)state;
	uint8_t file[FILE_BYTES], own[OWN_FILE_BYTES];
	make_file(file);
	damage(&shape, file, sizeof file, WEIGHTS_AT);
	make_own_file(own);
	damage(&own_shape, own, sizeof own, OWN_WEIGHTS_AT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convnet__fast_multiplication_gives_what_the_plain_one_gives),
		cmocka_unit_test(test_convnet__fast_depthwise_rows_are_the_plain_ones),
		cmocka_unit_test(test_convnet__every_half_becomes_the_same_float_in_both_ways),
		cmocka_unit_test(test_convnet__bytes_become_the_same_floats_in_both_ways),
		cmocka_unit_test(test_convnet__fast_transforms_of_tiles_are_the_plain_ones),
		cmocka_unit_test(test_convnet__a_network_computes_what_its_file_says),
		cmocka_unit_test(test_convnet__a_network_of_bytes_computes_what_its_file_says),
		cmocka_unit_test(test_convnet__a_large_map_is_convolved_without_a_seam),
		cmocka_unit_test(test_convnet__a_damaged_file_is_refused_or_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
