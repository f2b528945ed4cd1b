// SPDX-License-Identifier: Apache-2.0
//
// A convolution of 3 × 3 by tiles of 2 × 2 output pixels, F(2×2, 3×3) of Lavin & Gray 2016 (Winograd's minimal
// filtering): 16 products for a tile, an input channel and an output channel, where the sum that defines it takes 36.
// For maps that are small enough to be held whole.
#include <string.h>

#include "vision/convnet.h"

enum { MAX_SIDE = 16, PRODUCTS = 16 };

// From one of the 16 results of a transform to the next. Most maps and panels are multiples of 4 KB, and at steps of
// those lines push each other out of the first cache: one line more keeps them apart.
static size_t spread(size_t floats)
{
	return floats + 16;
}

bool viva_convnet_is_tiled(const struct viva_convnet_step *step)
{
	return step->kind == VIVA_CONVNET_CONVOLUTION && step->kernel == 3 && step->stride == 1 &&
	       step->from.channels % VIVA_PANEL == 0 && step->to.height <= MAX_SIDE && step->to.width <= MAX_SIDE;
}

static size_t across(size_t pixels)
{
	return (pixels + 1) / 2;
}

static size_t tile_count(const struct viva_convnet_step *step)
{
	return across(step->to.height) * across(step->to.width);
}

// What all tiles see.
static size_t seen_floats(const struct viva_convnet_step *step)
{
	return (2 * across(step->to.height) + 2) * (2 * across(step->to.width) + 2) * step->from.channels;
}

size_t viva_convnet_tiled_patch_floats(const struct viva_convnet_step *step)
{
	return seen_floats(step) + PRODUCTS * spread(tile_count(step) * step->from.channels) +
	       PRODUCTS * spread(tile_count(step) * VIVA_PANEL);
}

size_t viva_convnet_tiled_wide_weights(const struct viva_convnet_step *step)
{
	return (9 + PRODUCTS) * spread(step->from.channels * VIVA_PANEL);
}

static void transform_tiles(const struct viva_convnet *network, const struct viva_convnet_step *step,
			    float *ret_transformed)
{
	const size_t channels = step->from.channels, rows = across(step->to.height), columns = across(step->to.width);
	const size_t row_step = (2 * columns + 2) * channels;
	for (size_t y = 0; y < rows; y++) {
		for (size_t x = 0; x < columns; x++, ret_transformed += channels)
			network->kernels->transform_tile(network->patch + 2 * y * row_step + 2 * x * channels, row_step,
							 channels, ret_transformed, spread(rows * columns * channels));
	}
}

static void multiply_tiles(const struct viva_convnet *network, const struct viva_convnet_step *step,
			   const float *transformed, const float *weights, float *ret_products)
{
	static const float none[VIVA_PANEL];
	static const float kept[VIVA_PANEL] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	const size_t channels = step->from.channels, count = tile_count(step);
	for (size_t i = 0; i < PRODUCTS; i++) {
		const struct viva_patches patches = {.first = transformed + i * spread(count * channels),
						     .pixel_step = channels,
						     .count = count,
						     .stretches = 1,
						     .length = channels};
		const struct viva_panel panel = {.weights = weights + i * spread(channels * VIVA_PANEL),
						 .bias = none,
						 .slopes = kept,
						 .output = ret_products + i * spread(count * VIVA_PANEL),
						 .output_step = VIVA_PANEL};
		network->kernels->multiply(&patches, &panel);
	}
}

// Tiles at the right and lower edge may reach over it.
static void finish_tiles(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t number,
			 const float *products)
{
	const size_t columns = across(step->to.width), count = tile_count(step);
	for (size_t tile = 0; tile < count; tile++) {
		float sums[4][VIVA_PANEL];
		network->kernels->sum_products(products + tile * VIVA_PANEL, spread(count * VIVA_PANEL), sums);
		for (size_t i = 0; i < 4; i++) {
			size_t y = tile / columns * 2 + i / 2, x = tile % columns * 2 + i % 2;
			if (y >= step->to.height || x >= step->to.width)
				continue;
			struct viva_panel panel = viva_convnet_panel_at(network, step, NULL, number, x, y);
			network->kernels->finish(sums[i], &panel);
		}
	}
}

void viva_convnet_run_tiled(const struct viva_convnet *network, const struct viva_convnet_step *step)
{
	const size_t channels = step->from.channels, size = channels * VIVA_PANEL;
	float *transformed = network->patch + seen_floats(step), *wide = network->weights + 9 * spread(size);
	float *products = transformed + PRODUCTS * spread(tile_count(step) * channels);
	viva_convnet_add_margins(network, step, 0, 2 * across(step->to.height) + 2,
				 (2 * across(step->to.width) + 2) * channels);
	transform_tiles(network, step, transformed);
	for (size_t number = 0; number < step->to.channels / VIVA_PANEL; number++) {
		for (size_t i = 0; i < 9; i++)
			viva_convnet_widen(network, step, number, i * size, size, network->weights + i * spread(size));
		network->kernels->transform_kernel(network->weights, channels, spread(size), wide);
		multiply_tiles(network, step, transformed, wide, products);
		finish_tiles(network, step, number, products);
	}
}
