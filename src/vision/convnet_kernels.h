// SPDX-License-Identifier: Apache-2.0
//
// The loops in which a network of convolutions spends its time. Maps are rows of pixels of channels, floats.
//
// Threads: pure.
#ifndef VIVA_VISION_CONVNET_KERNELS_H
#define VIVA_VISION_CONVNET_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { VIVA_PANEL = 16 };  // output channels that are computed together

// What a row of output pixels is computed from. Of each pixel it is some stretches of memory, `stretch_step` floats
// apart: the rows of a kernel's window.
struct viva_patches {
	const float *first;  // of the first pixel
	size_t pixel_step;   // floats from one pixel's to the next one's
	size_t count;        // of pixels
	size_t stretches;
	size_t stretch_step;
	size_t length;  // floats of a stretch
};

// What makes 16 channels of each pixel, and where they go: Σ patch × weights + bias + addend; what is below zero by its
// channel's slope.
struct viva_panel {
	const float *weights;  // [stretch][float][16]
	const float *bias, *slopes;
	const float *addend;  // of the first pixel; NULL = none
	size_t addend_step;
	float *output;  // of the first pixel; overlaps nothing else
	size_t output_step;
};

// A row of a depthwise convolution of 3 × 3.
struct viva_depthwise {
	const float *rows[3];  // of the map; one of zeros where the window leaves it
	size_t width;          // of the map
	size_t channels;       // a multiple of 8
	size_t stride;         // 1 or 2
	size_t padding;        // of zeros, before the row's first pixel: 0 or 1
	const float *kernel;   // [row][column][channel]
	const float *bias;
	float *output;  // output_width × channels
	size_t output_width;
};

struct viva_convnet_kernels {
	void (*multiply)(const struct viva_patches *patches, const struct viva_panel *panel);
	void (*depthwise)(const struct viva_depthwise *row);
	// Half-precision floats (IEEE 754 binary16) to single ones; the count is a multiple of 8.
	void (*widen)(const uint16_t *halves, size_t count, float *ret_floats);
	// The same of bytes, [count / 16][16], each by its column's factor.
	void (*widen_bytes)(const int8_t *bytes, const float factors[VIVA_PANEL], size_t count, float *ret_floats);

	// Of F(2×2, 3×3), in the terms of Lavin & Gray 2016, `step` floats from one of the 16 results to the next:
	// Bᵀ d B of a tile of 4 × 4 pixels; the count of channels is a multiple of 8.
	void (*transform_tile)(const float *pixels, size_t row_step, size_t channels, float *ret_tile, size_t step);
	// G g Gᵀ of a panel: 9 times [channels][16] to 16 times the same, `step` floats apart both.
	void (*transform_kernel)(const float *panel, size_t channels, size_t step, float *ret_panel);
	// Aᵀ m A of a tile's 16 products: 2 × 2 pixels.
	void (*sum_products)(const float *products, size_t step, float ret_sums[4][VIVA_PANEL]);
	// What multiply does last, of one pixel's sums: bias, addend and slopes.
	void (*finish)(const float sums[VIVA_PANEL], const struct viva_panel *panel);
};

// The fastest that this processor can do: AVX2 with FMA and F16C, or what compilers make of C. They agree within
// rounding.
const struct viva_convnet_kernels *viva_convnet_kernels(void);
const struct viva_convnet_kernels *viva_convnet_plain_kernels(void);

#endif
