// SPDX-License-Identifier: Apache-2.0
//
// A network's file from anywhere, for a shape that fits it as far as its own numbers tell: it is refused, or it runs
// within its own memory.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vision/convnet.h"

enum {
	HEAD_AT = 8,  // places, steps, outputs, bytes of weights
	STEPS_AT = HEAD_AT + 4 * 4,
	STEP_BYTES = 16 * 4,
	MAX_PRODUCTS = 1 << 22,  // of a network that is run: a second under sanitizers
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t number_at(const uint8_t *data, size_t size, size_t at)
{
	uint32_t number = 0;
	if (at <= size && size - at >= sizeof number)
		memcpy(&number, data + at, sizeof number);
	return number;
}

static struct viva_convnet_shape shape_of(const uint8_t *data, size_t size)
{
	struct viva_convnet_shape shape = {.file = "fuzzed", .input = 1};
	for (size_t i = 4; i < 7; i++)  // height, width and channels of what the first step reads
		shape.input *= number_at(data, size, STEPS_AT + 4 * i) % 4096;
	size_t outputs_at = STEPS_AT + number_at(data, size, HEAD_AT + 4) * STEP_BYTES;
	for (size_t i = 0; i < number_at(data, size, HEAD_AT + 8) && i < VIVA_CONVNET_MAX_OUTPUTS; i++)
		shape.outputs[i] = number_at(data, size, outputs_at + 8 * i + 4);
	return shape;
}

static size_t products_of(const struct viva_convnet *network)
{
	size_t sum = 0;
	for (size_t i = 0; i < network->step_count; i++) {
		const struct viva_convnet_step *step = &network->steps[i];
		size_t window = step->kernel * step->kernel * step->from.channels + 16;
		sum += step->to.height * step->to.width * step->to.channels * window;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct viva_convnet_shape shape = shape_of(data, size);
	struct viva_convnet network = {0};
	struct viva_error error = {0};
	int code = viva_convnet_init_from(&network, viva_bytes_of(data, size), &shape, &error);
	if (code != 0) {
		if (network.steps || network.memory || network.file || (code == VIVA_EMODEL && !error.message[0]))
			abort();
		return 0;
	}
	if (products_of(&network) <= MAX_PRODUCTS) {
		for (size_t i = 0; i < shape.input; i++)
			network.input[i] = (float)(i % 5) - 2;
		viva_convnet_run(&network);
		network.kernels = viva_convnet_plain_kernels();
		viva_convnet_run(&network);
	}
	viva_convnet_finish(&network);
	return 0;
}
