// SPDX-License-Identifier: Apache-2.0
#include "vision/convnet.h"

#include <string.h>

enum {
	// Rows of depthwise convolution that are made before their pointwise one takes them: as many as stay in the
	// first cache.
	CHUNK_FLOATS = 5120,
	// Rows of a map that get margins of zeros before they are convolved: as many as stay in the second.
	MARGINED_FLOATS = 16384,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t rows_at_a_time(const struct viva_convnet_step *step)
{
	size_t rows = CHUNK_FLOATS / (step->to.width * step->from.channels);
	return rows > 0 ? smaller(rows, step->to.height) : 1;
}

// Of all windows that begin in a row of the map, side by side.
static size_t margined_row_floats(const struct viva_convnet_step *step)
{
	return ((step->to.width - 1) * step->stride + step->kernel) * step->from.channels;
}

// Output rows whose windows' rows have room in MARGINED_FLOATS, at least one.
static size_t margined_rows_at_a_time(const struct viva_convnet_step *step)
{
	size_t rows = MARGINED_FLOATS / margined_row_floats(step);
	return rows > step->kernel ? smaller((rows - step->kernel) / step->stride + 1, step->to.height) : 1;
}

size_t viva_convnet_patch_floats(const struct viva_convnet_step *step)
{
	if (step->kind == VIVA_CONVNET_SEPARABLE)
		return rows_at_a_time(step) * step->to.width * step->from.channels;
	if (step->kind != VIVA_CONVNET_CONVOLUTION)
		return 0;
	if (viva_convnet_is_tiled(step))
		return viva_convnet_tiled_patch_floats(step);
	return ((margined_rows_at_a_time(step) - 1) * step->stride + step->kernel) * margined_row_floats(step);
}

// Of a separable convolution all, since each of its chunks needs them; else a panel at a time, which need not be large.
size_t viva_convnet_wide_weights(const struct viva_convnet_step *step)
{
	if (step->kind == VIVA_CONVNET_SEPARABLE)
		return step->from.channels * step->to.channels;
	if (step->kind != VIVA_CONVNET_CONVOLUTION)
		return 0;
	if (viva_convnet_is_tiled(step))
		return viva_convnet_tiled_wide_weights(step);
	return step->kernel * step->kernel * step->from.channels * VIVA_PANEL;
}

struct viva_panel viva_convnet_panel_at(const struct viva_convnet *network, const struct viva_convnet_step *step,
					const float *weights, size_t number, size_t x, size_t y)
{
	size_t channel = number * VIVA_PANEL, pixel = y * step->to.width + x;
	struct viva_panel panel = {
		.weights = weights,
		.bias = step->bias + channel,
		.slopes = step->slopes + channel,
		.output = network->places[step->output] + pixel * step->to.channels + channel,
		.output_step = step->to.channels,
	};
	// Channels that the addend lacks are zero.
	if (step->addend >= 0 && channel < step->addend_channels) {
		panel.addend = network->places[step->addend] + pixel * step->addend_channels + channel;
		panel.addend_step = step->addend_channels;
	}
	return panel;
}

static void make_depthwise_row(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t y,
			       float *ret_row)
{
	struct viva_depthwise row = {.width = step->from.width,
				     .channels = step->from.channels,
				     .stride = step->stride,
				     .padding = step->padding,
				     .kernel = step->depthwise,
				     .bias = step->depthwise_bias,
				     .output = ret_row,
				     .output_width = step->to.width};
	for (size_t i = 0; i < 3; i++) {
		size_t at = y * step->stride + i;
		bool is_inside = at >= step->padding && at - step->padding < step->from.height;
		row.rows[i] = is_inside ? network->places[step->source] +
						  (at - step->padding) * step->from.width * step->from.channels
					: network->zeros;
	}
	network->kernels->depthwise(&row);
}

static void run_separable(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	size_t chunk = rows_at_a_time(step), row_floats = step->to.width * step->from.channels;
	struct viva_patches patches = {.first = network->patch,
				       .pixel_step = step->from.channels,
				       .stretches = 1,
				       .length = step->from.channels};
	network->kernels->widen(step->weights, step->from.channels * step->to.channels, network->weights);
	for (size_t y = 0; y < step->to.height; y += chunk) {
		size_t rows = smaller(chunk, step->to.height - y);
		for (size_t i = 0; i < rows; i++)
			make_depthwise_row(network, step, y + i, network->patch + i * row_floats);
		patches.count = rows * step->to.width;
		for (size_t number = 0; number < step->to.channels / VIVA_PANEL; number++) {
			const float *weights = network->weights + number * VIVA_PANEL * step->from.channels;
			struct viva_panel panel = viva_convnet_panel_at(network, step, weights, number, 0, y);
			network->kernels->multiply(&patches, &panel);
		}
	}
}

void viva_convnet_add_margins(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t y,
			      size_t rows, size_t row_floats)
{
	const size_t before = step->padding * step->from.channels,
		     source_floats = step->from.width * step->from.channels;
	const size_t copied = smaller(source_floats, row_floats - before), after = row_floats - before - copied;
	float *output = network->patch;
	for (size_t row = y; row < y + rows; row++, output += row_floats) {
		if (row < step->padding || row - step->padding >= step->from.height) {
			memset(output, 0, row_floats * sizeof *output);
			continue;
		}
		const float *source = network->places[step->source] + (row - step->padding) * source_floats;
		memset(output, 0, before * sizeof *output);
		memcpy(output + before, source, copied * sizeof *output);
		memset(output + before + copied, 0, after * sizeof *output);
	}
}

void viva_convnet_widen(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t number,
			size_t first, size_t count, float *ret_weights)
{
	size_t at = number * step->kernel * step->kernel * step->from.channels * VIVA_PANEL + first;
	if (step->bytes)
		network->kernels->widen_bytes(step->bytes + at, step->factors + number * VIVA_PANEL, count,
					      ret_weights);
	else
		network->kernels->widen(step->weights + at, count, ret_weights);
}

static void convolve_row(const struct viva_convnet *network, const struct viva_convnet_step *step,
			 const float *margined, size_t number, size_t y)
{
	const size_t row_floats = margined_row_floats(step);
	const struct viva_patches patches = {.first = margined,
					     .pixel_step = step->stride * step->from.channels,
					     .count = step->to.width,
					     .stretches = step->kernel,
					     .stretch_step = row_floats,
					     .length = step->kernel * step->from.channels};
	struct viva_panel panel = viva_convnet_panel_at(network, step, network->weights, number, 0, y);
	network->kernels->multiply(&patches, &panel);
}

static void run_windows(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const size_t panel_size = step->kernel * step->kernel * step->from.channels * VIVA_PANEL;
	const size_t chunk = margined_rows_at_a_time(step), row_step = step->stride * margined_row_floats(step);
	for (size_t y = 0; y < step->to.height; y += chunk) {
		size_t rows = smaller(chunk, step->to.height - y);
		viva_convnet_add_margins(network, step, y * step->stride, (rows - 1) * step->stride + step->kernel,
					 margined_row_floats(step));
		for (size_t number = 0; number < step->to.channels / VIVA_PANEL; number++) {
			viva_convnet_widen(network, step, number, 0, panel_size, network->weights);
			for (size_t i = 0; i < rows; i++)
				convolve_row(network, step, network->patch + i * row_step, number, y + i);
		}
	}
}

static void run_pointwise(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const size_t panel_size = step->from.channels * VIVA_PANEL;
	const struct viva_patches all = {.first = network->places[step->source],
					 .pixel_step = step->from.channels,
					 .count = step->to.height * step->to.width,
					 .stretches = 1,
					 .length = step->from.channels};
	for (size_t number = 0; number < step->to.channels / VIVA_PANEL; number++) {
		viva_convnet_widen(network, step, number, 0, panel_size, network->weights);
		struct viva_panel panel = viva_convnet_panel_at(network, step, network->weights, number, 0, 0);
		network->kernels->multiply(&all, &panel);
	}
}

static void run_convolution(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	if (viva_convnet_is_tiled(step))
		viva_convnet_run_tiled(network, step);
	else if (step->kernel == 1 && step->stride == 1)
		run_pointwise(network, step);
	else
		run_windows(network, step);
}

static float larger(float a, float b)
{
	return a > b ? a : b;
}

// The largest of each 2 × 2 pixels.
static void run_pool(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	size_t channels = step->from.channels, row = step->from.width * channels;
	float *restrict output = network->places[step->output];
	for (size_t y = 0; y < step->to.height; y++) {
		const float *input = network->places[step->source] + 2 * y * row;
		for (size_t x = 0; x < step->to.width; x++, input += 2 * channels, output += channels) {
			for (size_t i = 0; i < channels; i++)
				output[i] = larger(larger(input[i], input[channels + i]),
						   larger(input[row + i], input[row + channels + i]));
		}
	}
}

// The two numbers that the one at `at` of an enlarged row or column lies between, three quarters of the way to
// `ret_near`.
static void neighbours(size_t at, size_t count, size_t *ret_near, size_t *ret_far)
{
	size_t middle = at / 2, before = middle > 0 ? middle - 1 : 0;
	*ret_near = middle;
	*ret_far = at % 2 == 0 ? before : smaller(middle + 1, count - 1);
}

// Bilinear, to twice the size.
static void run_enlarge(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const float *source = network->places[step->source];
	const float *addend = step->addend >= 0 ? network->places[step->addend] : NULL;
	size_t channels = step->from.channels, row = step->from.width * channels;
	float *restrict output = network->places[step->output];
	for (size_t y = 0; y < step->to.height; y++) {
		size_t near_y, far_y;
		neighbours(y, step->from.height, &near_y, &far_y);
		for (size_t x = 0; x < step->to.width; x++, output += channels) {
			size_t near_x, far_x;
			neighbours(x, step->from.width, &near_x, &far_x);
			const float *near = source + near_y * row, *far = source + far_y * row;
			const float *a = near + near_x * channels, *b = near + far_x * channels;
			const float *c = far + near_x * channels, *d = far + far_x * channels;
			for (size_t i = 0; i < channels; i++)
				output[i] = .5625f * a[i] + .1875f * (b[i] + c[i]) + .0625f * d[i];
			for (size_t i = 0; addend && i < channels; i++)
				output[i] += addend[i];
			addend = addend ? addend + channels : NULL;
		}
	}
}

// Of each channel the mean of all pixels.
static void run_mean(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const float *input = network->places[step->source];
	const size_t channels = step->from.channels, pixels = step->from.height * step->from.width;
	float *restrict output = network->places[step->output];
	memset(output, 0, channels * sizeof *output);
	for (size_t pixel = 0; pixel < pixels; pixel++, input += channels) {
		for (size_t i = 0; i < channels; i++)
			output[i] += input[i];
	}
	for (size_t i = 0; i < channels; i++)
		output[i] /= (float)pixels;
}

// Of each channel the largest of all pixels.
static void run_largest(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const float *input = network->places[step->source];
	const size_t channels = step->from.channels, pixels = step->from.height * step->from.width;
	float *restrict output = network->places[step->output];
	memcpy(output, input, channels * sizeof *output);
	for (size_t pixel = 1; pixel < pixels; pixel++) {
		input += channels;
		for (size_t i = 0; i < channels; i++)
			output[i] = larger(output[i], input[i]);
	}
}

void viva_convnet_run(struct viva_convnet *network)
{
	static void (*const runs[VIVA_CONVNET_KINDS])(const struct viva_convnet *, const struct viva_convnet_step *) = {
		[VIVA_CONVNET_CONVOLUTION] = run_convolution,
		[VIVA_CONVNET_SEPARABLE] = run_separable,
		[VIVA_CONVNET_POOL] = run_pool,
		[VIVA_CONVNET_ENLARGE] = run_enlarge,
		[VIVA_CONVNET_MEAN] = run_mean,
		[VIVA_CONVNET_LARGEST] = run_largest};
	for (size_t i = 0; i < network->step_count; i++)
		runs[network->steps[i].kind](network, &network->steps[i]);
}
