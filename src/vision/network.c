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

static float grey(const float *pixel)
{
	return pixel[0] * luma[0] + pixel[1] * luma[1] + pixel[2] * luma[2];
}

// The mean of each 2 × 2 pixels.
static void average(const float *crop, int side, float *ret_pixels)
{
	const size_t row = (size_t)side * 2 * 3;
	for (int y = 0; y < side; y++, crop += 2 * row) {
		for (int x = 0; x < side; x++, ret_pixels++) {
			const float *upper = crop + (size_t)x * 6, *lower = upper + row;
			*ret_pixels = (grey(upper) + grey(upper + 3) + grey(lower) + grey(lower + 3)) / 4;
		}
	}
}

static void standardise(float *pixels, int count)
{
	float sum = 0, squares = 0;
	for (int i = 0; i < count; i++)
		sum += pixels[i];
	const float mean = sum / (float)count;
	for (int i = 0; i < count; i++)
		squares += (pixels[i] - mean) * (pixels[i] - mean);
	const float scale = 1 / sqrtf(squares / (float)count + least_variance);
	for (int i = 0; i < count; i++)
		pixels[i] = (pixels[i] - mean) * scale;
}

void viva_network_show(struct viva_network *network, const struct viva_picture *picture,
		       const struct viva_region *region)
{
	viva_warp(picture, region, 2 * network->side, &pixel_range, network->crop);
	average(network->crop, network->side, network->convnet.input);
	standardise(network->convnet.input, network->side * network->side);
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
