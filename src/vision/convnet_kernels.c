// SPDX-License-Identifier: Apache-2.0
#include "vision/convnet_kernels.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

// Four floats, wherever they lie: what compilers know of vectors on any processor.
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t four_bits __attribute__((vector_size(16), aligned(4), may_alias));
enum { FOURS = VIVA_PANEL / 4 };

static inline const four *fours(const float *values)
{
	return (const four *)(const void *)values;
}

// Each of `values` that is below zero by its slope.
static inline four sloped(four values, four slopes)
{
	const four_bits is_below = values < 0;
	return (four)(((four_bits)(values * slopes) & is_below) | ((four_bits)values & ~is_below));
}

// `count` pixels, one or two: their sums stay in registers.
__attribute__((always_inline)) static inline void multiply_few(const size_t count, const struct viva_patches *patches,
							       const struct viva_panel *panel, size_t pixel)
{
	four sums[2][FOURS];
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < FOURS; k++)
			sums[i][k] = fours(panel->bias)[k];
	}
	const float *weights = panel->weights, *stretch = patches->first + pixel * patches->pixel_step;
	for (size_t stretches = patches->stretches; stretches > 0; stretches--, stretch += patches->stretch_step) {
		for (size_t at = 0; at < patches->length; at++, weights += VIVA_PANEL) {
			for (size_t i = 0; i < count; i++) {
				float number = stretch[i * patches->pixel_step + at];
				for (size_t k = 0; k < FOURS; k++)
					sums[i][k] += number * fours(weights)[k];
			}
		}
	}
	for (size_t i = 0; i < count; i++, pixel++) {
		const float *addend = panel->addend ? panel->addend + pixel * panel->addend_step : NULL;
		float *output = panel->output + pixel * panel->output_step;
		for (size_t k = 0; k < FOURS; k++) {
			if (addend)
				sums[i][k] += fours(addend)[k];
			four finished = sloped(sums[i][k], fours(panel->slopes)[k]);
			memcpy(output + 4 * k, &finished, sizeof finished);
		}
	}
}

static void multiply_plain(const struct viva_patches *patches, const struct viva_panel *panel)
{
	size_t pixel = 0;
	for (; pixel + 2 <= patches->count; pixel += 2)
		multiply_few(2, patches, panel, pixel);
	if (pixel < patches->count)
		multiply_few(1, patches, panel, pixel);
}

// Four channels of a pixel.
static four depthwise_four(const struct viva_depthwise *row, size_t channel, size_t pixel)
{
	four sum = *fours(row->bias + channel);
	for (size_t y = 0; y < 3; y++) {
		for (size_t x = 0; x < 3; x++) {
			size_t column = pixel * row->stride + x;
			if (column < row->padding || column - row->padding >= row->width)
				continue;
			const float *input = row->rows[y] + (column - row->padding) * row->channels + channel;
			sum += *fours(input) * *fours(row->kernel + (y * 3 + x) * row->channels + channel);
		}
	}
	return sum;
}

static void depthwise_plain(const struct viva_depthwise *row)
{
	for (size_t pixel = 0; pixel < row->output_width; pixel++) {
		for (size_t channel = 0; channel < row->channels; channel += 4) {
			four sum = depthwise_four(row, channel, pixel);
			memcpy(row->output + pixel * row->channels + channel, &sum, sizeof sum);
		}
	}
}

// The half's exponent and fraction, moved to where a float has them, are the number by the difference of both
// exponents' biases, but for infinities and what is no number.
static void widen_plain(const uint16_t *halves, size_t count, float *ret_floats)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t half = halves[i], bits = (half & 0x7fff) << 13;
		float value;
		memcpy(&value, &bits, sizeof value);
		value *= 0x1p112f;
		memcpy(&bits, &value, sizeof bits);
		bits |= (half & 0x7c00) == 0x7c00 ? 0x7f800000 : 0;
		bits |= (half & 0x8000) << 16;
		memcpy(&ret_floats[i], &bits, sizeof bits);
	}
}

static void widen_bytes_plain(const int8_t *bytes, const float factors[VIVA_PANEL], size_t count, float *ret_floats)
{
	for (size_t i = 0; i < count; i++)
		ret_floats[i] = (float)bytes[i] * factors[i % VIVA_PANEL];
}

// Eight floats, which become two fours on a processor that has no larger ones.
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

static inline const eight *eights(const float *values)
{
	return (const eight *)(const void *)values;
}

static inline eight *to_eights(float *values)
{
	return (eight *)(void *)values;
}

#define COMPILED
#define NAMED(name) name##_plain
#include "vision/convnet_transforms.h"
#undef COMPILED
#undef NAMED

static void finish_plain(const float sums[VIVA_PANEL], const struct viva_panel *panel)
{
	for (size_t i = 0; i < VIVA_PANEL; i++) {
		float sum = sums[i] + panel->bias[i] + (panel->addend ? panel->addend[i] : 0);
		panel->output[i] = sum < 0 ? sum * panel->slopes[i] : sum;
	}
}

const struct viva_convnet_kernels *viva_convnet_plain_kernels(void)
{
	static const struct viva_convnet_kernels kernels = {.multiply = multiply_plain,
							    .depthwise = depthwise_plain,
							    .widen = widen_plain,
							    .widen_bytes = widen_bytes_plain,
							    .transform_tile = transform_tile_plain,
							    .transform_kernel = transform_kernel_plain,
							    .sum_products = sum_products_plain,
							    .finish = finish_plain};
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

// In blocks as equal as they can be: a block of few pixels waits for its own sums.
FAST static void multiply_fast(const struct viva_patches *patches, const struct viva_panel *panel)
{
	size_t pixel = 0;
	for (size_t blocks = (patches->count + 5) / 6; blocks > 0; blocks--) {
		size_t count = (patches->count - pixel + blocks - 1) / blocks;
		switch (count) {
		case 6:
			multiply_some(6, patches, panel, pixel);
			break;
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
		default:
			multiply_one(patches, panel, pixel);
			break;
		}
		pixel += count;
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
		__m128i loaded = _mm_loadu_si128((const __m128i *)(const void *)(halves + i));
		_mm256_storeu_ps(ret_floats + i, _mm256_cvtph_ps(loaded));
	}
}

FAST static void widen_bytes_fast(const int8_t *bytes, const float factors[VIVA_PANEL], size_t count, float *ret_floats)
{
	const __m256 lower_factors = _mm256_loadu_ps(factors), upper_factors = _mm256_loadu_ps(factors + 8);
	for (size_t i = 0; i < count; i += VIVA_PANEL) {
		__m128i lower = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
		__m128i upper = _mm_unpackhi_epi64(lower, lower);
		__m256 lower_floats = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(lower));
		__m256 upper_floats = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(upper));
		_mm256_storeu_ps(ret_floats + i, _mm256_mul_ps(lower_floats, lower_factors));
		_mm256_storeu_ps(ret_floats + i + 8, _mm256_mul_ps(upper_floats, upper_factors));
	}
}

#define COMPILED FAST
#define NAMED(name) name##_fast
#include "vision/convnet_transforms.h"
#undef COMPILED
#undef NAMED

FAST static void finish_fast(const float sums[VIVA_PANEL], const struct viva_panel *panel)
{
	__m256 lower = _mm256_add_ps(_mm256_loadu_ps(sums), _mm256_loadu_ps(panel->bias));
	__m256 upper = _mm256_add_ps(_mm256_loadu_ps(sums + 8), _mm256_loadu_ps(panel->bias + 8));
	finish_pixel(lower, upper, panel, 0);
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
	static const struct viva_convnet_kernels fast = {.multiply = multiply_fast,
							 .depthwise = depthwise_fast,
							 .widen = widen_fast,
							 .widen_bytes = widen_bytes_fast,
							 .transform_tile = transform_tile_fast,
							 .transform_kernel = transform_kernel_fast,
							 .sum_products = sum_products_fast,
							 .finish = finish_fast};
	if (has_fast())
		return &fast;
#endif
	return viva_convnet_plain_kernels();
}
