// SPDX-License-Identifier: Apache-2.0
#include "vision/convnet_kernels.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static void multiply_plain(const struct viva_patches *patches, const struct viva_panel *panel)
{
	for (size_t pixel = 0; pixel < patches->count; pixel++) {
		float sum[VIVA_PANEL];
		memcpy(sum, panel->bias, sizeof sum);
		const float *weights = panel->weights;
		for (size_t i = 0; i < patches->stretches; i++) {
			const float *stretch = patches->first + pixel * patches->pixel_step + i * patches->stretch_step;
			for (size_t k = 0; k < patches->length; k++, weights += VIVA_PANEL) {
				for (int channel = 0; channel < VIVA_PANEL; channel++)
					sum[channel] += stretch[k] * weights[channel];
			}
		}
		const float *addend = panel->addend ? panel->addend + pixel * panel->addend_step : NULL;
		float *output = panel->output + pixel * panel->output_step;
		for (int channel = 0; channel < VIVA_PANEL; channel++) {
			float value = sum[channel] + (addend ? addend[channel] : 0);
			output[channel] = value < 0 ? value * panel->slopes[channel] : value;
		}
	}
}

static void depthwise_pixel(const struct viva_depthwise *row, size_t pixel, float *ret_output)
{
	memcpy(ret_output, row->bias, row->channels * sizeof *ret_output);
	for (size_t y = 0; y < 3; y++) {
		for (size_t x = 0; x < 3; x++) {
			size_t column = pixel * row->stride + x;
			if (column < row->padding || column - row->padding >= row->width)
				continue;
			const float *input = row->rows[y] + (column - row->padding) * row->channels;
			const float *kernel = row->kernel + (y * 3 + x) * row->channels;
			for (size_t channel = 0; channel < row->channels; channel++)
				ret_output[channel] += input[channel] * kernel[channel];
		}
	}
}

static void depthwise_plain(const struct viva_depthwise *row)
{
	for (size_t pixel = 0; pixel < row->output_width; pixel++)
		depthwise_pixel(row, pixel, row->output + pixel * row->channels);
}

static float float_of_half(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
	float value;
	if (exponent == 0) {
		value = (float)mantissa * 0x1p-24f;
		return sign ? -value : value;
	}
	uint32_t bits = sign | (exponent == 0x1f ? 0xffu : exponent + 127 - 15) << 23 | mantissa << 13;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static void widen_plain(const uint16_t *halves, size_t count, float *ret_floats)
{
	for (size_t i = 0; i < count; i++)
		ret_floats[i] = float_of_half(halves[i]);
}

const struct viva_convnet_kernels *viva_convnet_plain_kernels(void)
{
	static const struct viva_convnet_kernels kernels = {
		.multiply = multiply_plain, .depthwise = depthwise_plain, .widen = widen_plain};
	return &kernels;
}

#if defined(__x86_64__)
#define FAST __attribute__((target("avx2,fma,f16c")))
#define UNROLLED FAST __attribute__((always_inline)) static inline

FAST static inline void finish_pixel(__m256 lower, __m256 upper, const struct viva_panel *panel, size_t pixel)
{
	const __m256 zero = _mm256_setzero_ps();
	if (panel->addend) {
		const float *addend = panel->addend + pixel * panel->addend_step;
		lower = _mm256_add_ps(lower, _mm256_loadu_ps(addend));
		upper = _mm256_add_ps(upper, _mm256_loadu_ps(addend + 8));
	}
	__m256 lower_slope = _mm256_loadu_ps(panel->slopes), upper_slope = _mm256_loadu_ps(panel->slopes + 8);
	lower = _mm256_fmadd_ps(_mm256_min_ps(lower, zero), lower_slope, _mm256_max_ps(lower, zero));
	upper = _mm256_fmadd_ps(_mm256_min_ps(upper, zero), upper_slope, _mm256_max_ps(upper, zero));
	float *output = panel->output + pixel * panel->output_step;
	_mm256_storeu_ps(output, lower);
	_mm256_storeu_ps(output + 8, upper);
}

// `count` pixels, at most six: their sums, a number of each and a row of weights fill the registers.
UNROLLED void multiply_some(const size_t count, const struct viva_patches *patches, const struct viva_panel *panel,
			    size_t pixel)
{
	__m256 lower[6], upper[6];
	for (size_t i = 0; i < count; i++) {
		lower[i] = _mm256_loadu_ps(panel->bias);
		upper[i] = _mm256_loadu_ps(panel->bias + 8);
	}
	const float *weights = panel->weights, *stretch = patches->first + pixel * patches->pixel_step;
	const size_t step = patches->pixel_step, length = patches->length;
	for (size_t stretches = patches->stretches; stretches > 0; stretches--, stretch += patches->stretch_step) {
		for (size_t k = 0; k < length; k++, weights += VIVA_PANEL) {
			__m256 lower_weights = _mm256_loadu_ps(weights), upper_weights = _mm256_loadu_ps(weights + 8);
#pragma GCC unroll 6
			for (size_t i = 0; i < count; i++) {
				__m256 number = _mm256_broadcast_ss(stretch + i * step + k);
				lower[i] = _mm256_fmadd_ps(number, lower_weights, lower[i]);
				upper[i] = _mm256_fmadd_ps(number, upper_weights, upper[i]);
			}
		}
	}
#pragma GCC unroll 6
	for (size_t i = 0; i < count; i++)
		finish_pixel(lower[i], upper[i], panel, pixel + i);
}

// One pixel, with four sums side by side: an addition need not wait for the last one's end.
FAST static void multiply_one(const struct viva_patches *patches, const struct viva_panel *panel, size_t pixel)
{
	enum { WAYS = 4 };
	__m256 lower[WAYS] = {_mm256_loadu_ps(panel->bias)}, upper[WAYS] = {_mm256_loadu_ps(panel->bias + 8)};
	for (size_t i = 1; i < WAYS; i++)
		lower[i] = upper[i] = _mm256_setzero_ps();
	const float *weights = panel->weights, *stretch = patches->first + pixel * patches->pixel_step;
	for (size_t stretches = patches->stretches; stretches > 0; stretches--, stretch += patches->stretch_step) {
		size_t k = 0;
		for (; k + WAYS <= patches->length; k += WAYS, weights += WAYS * VIVA_PANEL) {
#pragma GCC unroll 4
			for (size_t i = 0; i < WAYS; i++) {
				__m256 number = _mm256_broadcast_ss(stretch + k + i);
				const float *row = weights + i * VIVA_PANEL;
				lower[i] = _mm256_fmadd_ps(number, _mm256_loadu_ps(row), lower[i]);
				upper[i] = _mm256_fmadd_ps(number, _mm256_loadu_ps(row + 8), upper[i]);
			}
		}
		for (; k < patches->length; k++, weights += VIVA_PANEL) {
			__m256 number = _mm256_broadcast_ss(stretch + k);
			lower[0] = _mm256_fmadd_ps(number, _mm256_loadu_ps(weights), lower[0]);
			upper[0] = _mm256_fmadd_ps(number, _mm256_loadu_ps(weights + 8), upper[0]);
		}
	}
	__m256 lower_sum = _mm256_add_ps(_mm256_add_ps(lower[0], lower[1]), _mm256_add_ps(lower[2], lower[3]));
	__m256 upper_sum = _mm256_add_ps(_mm256_add_ps(upper[0], upper[1]), _mm256_add_ps(upper[2], upper[3]));
	finish_pixel(lower_sum, upper_sum, panel, pixel);
}

FAST static void multiply_fast(const struct viva_patches *patches, const struct viva_panel *panel)
{
	size_t pixel = 0;
	for (; pixel + 6 <= patches->count; pixel += 6)
		multiply_some(6, patches, panel, pixel);
	switch (patches->count - pixel) {
	case 5:
		multiply_some(5, patches, panel, pixel);
		break;
	case 4:
		multiply_some(4, patches, panel, pixel);
		break;
	case 3:
		multiply_some(3, patches, panel, pixel);
		break;
	case 2:
		multiply_some(2, patches, panel, pixel);
		break;
	case 1:
		multiply_one(patches, panel, pixel);
		break;
	default:
		break;
	}
}

// A pixel at an edge, eight channels of it.
FAST static void depthwise_edge(const struct viva_depthwise *row, size_t channel, size_t pixel)
{
	__m256 sum = _mm256_loadu_ps(row->bias + channel);
	for (size_t y = 0; y < 3; y++) {
		for (size_t x = 0; x < 3; x++) {
			size_t column = pixel * row->stride + x;
			if (column < row->padding || column - row->padding >= row->width)
				continue;
			size_t at = (column - row->padding) * row->channels + channel;
			sum = _mm256_fmadd_ps(_mm256_loadu_ps(row->rows[y] + at),
					      _mm256_loadu_ps(row->kernel + (y * 3 + x) * row->channels + channel),
					      sum);
		}
	}
	_mm256_storeu_ps(row->output + pixel * row->channels + channel, sum);
}

// `count` pixels side by side, at most four, away from the edges: eight channels of them.
UNROLLED void depthwise_inside(const size_t count, const size_t stride, const struct viva_depthwise *row,
			       size_t channel, size_t pixel)
{
	const size_t channels = row->channels, first = (pixel * stride - row->padding) * channels + channel;
	__m256 sum[4];
	for (size_t i = 0; i < count; i++)
		sum[i] = _mm256_loadu_ps(row->bias + channel);
#pragma GCC unroll 3
	for (size_t y = 0; y < 3; y++) {
		const float *input = row->rows[y] + first, *kernel = row->kernel + y * 3 * channels + channel;
#pragma GCC unroll 3
		for (size_t x = 0; x < 3; x++) {
			__m256 weight = _mm256_loadu_ps(kernel + x * channels);
#pragma GCC unroll 4
			for (size_t i = 0; i < count; i++)
				sum[i] = _mm256_fmadd_ps(_mm256_loadu_ps(input + (i * stride + x) * channels), weight,
							 sum[i]);
		}
	}
#pragma GCC unroll 4
	for (size_t i = 0; i < count; i++)
		_mm256_storeu_ps(row->output + (pixel + i) * channels + channel, sum[i]);
}

UNROLLED void depthwise_channels(const size_t stride, const struct viva_depthwise *row, size_t channel)
{
	// Pixels from `first` to before `end` see no column outside of the map.
	size_t first = row->padding > 0 ? 1 : 0, end = 0, pixel = 0;
	if (row->width + row->padding >= 3)
		end = (row->width + row->padding - 3) / stride + 1;
	for (; pixel < first && pixel < row->output_width; pixel++)
		depthwise_edge(row, channel, pixel);
	for (; pixel + 4 <= end && pixel + 4 <= row->output_width; pixel += 4)
		depthwise_inside(4, stride, row, channel, pixel);
	for (; pixel < end && pixel < row->output_width; pixel++)
		depthwise_inside(1, stride, row, channel, pixel);
	for (; pixel < row->output_width; pixel++)
		depthwise_edge(row, channel, pixel);
}

FAST static void depthwise_fast(const struct viva_depthwise *row)
{
	for (size_t channel = 0; channel < row->channels; channel += 8) {
		if (row->stride == 1)
			depthwise_channels(1, row, channel);
		else
			depthwise_channels(2, row, channel);
	}
}

FAST static void widen_fast(const uint16_t *halves, size_t count, float *ret_floats)
{
	for (size_t i = 0; i < count; i += 8) {
		__m128i eight = _mm_loadu_si128((const __m128i *)(const void *)(halves + i));
		_mm256_storeu_ps(ret_floats + i, _mm256_cvtph_ps(eight));
	}
}

static bool has_fast(void)
{
	unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	       __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
#endif

const struct viva_convnet_kernels *viva_convnet_kernels(void)
{
#if defined(__x86_64__)
	static const struct viva_convnet_kernels fast = {
		.multiply = multiply_fast, .depthwise = depthwise_fast, .widen = widen_fast};
	if (has_fast())
		return &fast;
#endif
	return viva_convnet_plain_kernels();
}
