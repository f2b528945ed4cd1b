// SPDX-License-Identifier: Apache-2.0
#include "vision/network.h"

#include <math.h>
#include <stdlib.h>

static const struct viva_warp_range pixel_range = {.scale = 1 / 255.f};
static const float luma[3] = {.299f, .587f, .114f};  // BT.601
static const float least_variance = 1e-4f;           // added, as in the training: a crop of one colour stays finite

int viva_network_init(struct viva_network *network, const char *directory, const struct viva_network_shape *shape,
		      struct viva_error *error)
{
	const size_t pixels = (size_t)shape->side * (size_t)shape->side;
	const struct viva_convnet_shape convnet = {.file = shape->file, .input = pixels, .outputs = {shape->outputs}};
	int code = viva_convnet_init(&network->convnet, directory, &convnet, error);
	if (code != 0)
		return code;
	network->side = shape->side;
	network->crop = malloc(4 * pixels * 3 * sizeof *network->crop);
	if (!network->crop) {
		viva_network_finish(network);
		return VIVA_ENOMEM;
	}
	return 0;
}

void viva_network_finish(struct viva_network *network)
{
	free(network->crop);
	viva_convnet_finish(&network->convnet);
	*network = (struct viva_network){0};
}

// Grey is the mean of each 2 × 2 pixels, weighed by colour.
static void average(const float *crop, int side, float *ret_pixels)
{
	const size_t row = (size_t)side * 2 * 3;
	for (int y = 0; y < side; y++, crop += 2 * row) {
		for (int x = 0; x < side; x++) {
			const float *upper = crop + (size_t)x * 6, *lower = upper + row;
			float grey = 0;
			for (int i = 0; i < 3; i++)
				grey += (upper[i] + upper[i + 3] + lower[i] + lower[i + 3]) * (luma[i] / 4);
			*ret_pixels++ = grey;
		}
	}
}

// Four sums side by side, since each addition waits for the last one of its own.
static float sum_of(const float *numbers, size_t count)
{
	float sums[4] = {0};
	for (size_t i = 0; i < count; i += 4) {
		for (size_t k = 0; k < 4; k++)
			sums[k] += numbers[i + k];
	}
	return sums[0] + sums[1] + sums[2] + sums[3];
}

static float squares_of(const float *numbers, size_t count)
{
	float sums[4] = {0};
	for (size_t i = 0; i < count; i += 4) {
		for (size_t k = 0; k < 4; k++)
			sums[k] += numbers[i + k] * numbers[i + k];
	}
	return sums[0] + sums[1] + sums[2] + sums[3];
}

// The count is a multiple of 4.
static void standardise(float *pixels, size_t count)
{
	const float mean = sum_of(pixels, count) / (float)count;
	for (size_t i = 0; i < count; i++)
		pixels[i] -= mean;
	const float scale = 1 / sqrtf(squares_of(pixels, count) / (float)count + least_variance);
	for (size_t i = 0; i < count; i++)
		pixels[i] *= scale;
}

void viva_network_show(struct viva_network *network, const struct viva_picture *picture,
		       const struct viva_region *region)
{
	viva_warp(picture, region, 2 * network->side, &pixel_range, network->crop);
	average(network->crop, network->side, network->convnet.input);
	standardise(network->convnet.input, (size_t)network->side * (size_t)network->side);
}

void viva_network_show_mirrored(struct viva_network *network)
{
	viva_mirror(network->convnet.input, network->side);
}

const float *viva_network_run(struct viva_network *network)
{
	viva_convnet_run(&network->convnet);
	return network->convnet.outputs[0];
}
