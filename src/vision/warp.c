// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdbool.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "vision/picture.h"

// Where a region's pixels lie: the first one, and the steps along a row and down a column.
struct grid {
	float x, y, step_x, step_y;
};

// In pixels of the window; their centres are at half numbers on both sides.
static struct grid grid_of(const struct viva_picture *picture, const struct viva_region *region, int side)
{
	float left = (float)picture->window.left, top = (float)picture->window.top;
	float step = region->size / (float)side;
	float step_x = step * cosf(region->angle);
	float step_y = step * sinf(region->angle);
	float half = (float)(side - 1) / 2;
	return (struct grid){.x = region->x - left - half * step_x + half * step_y - .5f,
			     .y = region->y - top - half * step_y - half * step_x - .5f,
			     .step_x = step_x,
			     .step_y = step_y};
}

static int clamp(int value, int max)
{
	return value < 0 ? 0 : VIVA_MIN(value, max);
}

// A float far outside int's range must not be converted.
static int floor_to_int(float value)
{
	return (int)floorf(fminf(fmaxf(value, -1e6f), 1e6f));
}

static void sample(const struct viva_picture *picture, float x, float y, const struct viva_warp_range *range,
		   float *ret_pixel)
{
	int left = floor_to_int(x), top = floor_to_int(y);
	float right_share = x - (float)left, lower_share = y - (float)top;
	size_t x0 = (size_t)clamp(left, picture->window.width - 1),
	       x1 = (size_t)clamp(left + 1, picture->window.width - 1);
	size_t y0 = (size_t)clamp(top, picture->window.height - 1),
	       y1 = (size_t)clamp(top + 1, picture->window.height - 1);
	size_t width = (size_t)picture->window.width;
	const uint8_t *a = picture->pixels + (y0 * width + x0) * 4, *b = picture->pixels + (y0 * width + x1) * 4;
	const uint8_t *c = picture->pixels + (y1 * width + x0) * 4, *d = picture->pixels + (y1 * width + x1) * 4;
	for (int channel = 0; channel < 3; channel++) {
		float upper = (float)a[channel] * (1 - right_share) + (float)b[channel] * right_share;
		float lower = (float)c[channel] * (1 - right_share) + (float)d[channel] * right_share;
		float value = upper * (1 - lower_share) + lower * lower_share;
		ret_pixel[channel] = value * range->scale + range->offset[channel];
	}
}

void viva_warp_plain(const struct viva_picture *picture, const struct viva_region *region, int side,
		     const struct viva_warp_range *range, float *ret_pixels)
{
	struct grid grid = grid_of(picture, region, side);
	for (int row = 0; row < side; row++) {
		for (int column = 0; column < side; column++, ret_pixels += 3) {
			float x = grid.x + (float)column * grid.step_x - (float)row * grid.step_y;
			float y = grid.y + (float)column * grid.step_y + (float)row * grid.step_x;
			sample(picture, x, y, range, ret_pixels);
		}
	}
}

#if defined(__x86_64__)
// A freshly decoded picture lies in a farther cache, and rows are too short for the processor to see a pattern: asks
// for the lines that the next rows of the region will read.
static inline void fetch_ahead(const uint8_t *pixel, size_t rows, size_t width, const uint8_t *end)
{
	size_t ahead = rows * width * 4;
	if ((size_t)(end - pixel) > ahead + width * 4) {
		_mm_prefetch((const char *)pixel + ahead, _MM_HINT_T0);
		_mm_prefetch((const char *)pixel + ahead + width * 4, _MM_HINT_T0);
	}
}

// Where eight neighbouring pixels of a row are sampled.
struct octet {
	int32_t at[8];  // byte of the upper left of the four pixels that each mixes
	float right_share[8], lower_share[8];
};

// False when one of them lies at the picture's edge or outside.
__attribute__((target("avx2,fma"))) static inline bool place_octet(const struct viva_window *window, __m256 x, __m256 y,
								   struct octet *ret_octet)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 inside = _mm256_and_ps(_mm256_cmp_ps(x, zero, _CMP_GE_OQ), _mm256_cmp_ps(y, zero, _CMP_GE_OQ));
	__m256 right_end = _mm256_set1_ps((float)(window->width - 1));
	__m256 lower_end = _mm256_set1_ps((float)(window->height - 1));
	inside = _mm256_and_ps(inside, _mm256_cmp_ps(x, right_end, _CMP_LT_OQ));
	inside = _mm256_and_ps(inside, _mm256_cmp_ps(y, lower_end, _CMP_LT_OQ));
	if (_mm256_movemask_ps(inside) != 0xff)
		return false;
	__m256i left = _mm256_cvttps_epi32(x), top = _mm256_cvttps_epi32(y);
	__m256i row = _mm256_mullo_epi32(top, _mm256_set1_epi32(window->width));
	__m256i at = _mm256_slli_epi32(_mm256_add_epi32(row, left), 2);
	_mm256_storeu_si256((__m256i *)(void *)ret_octet->at, at);
	_mm256_storeu_ps(ret_octet->right_share, _mm256_sub_ps(x, _mm256_cvtepi32_ps(left)));
	_mm256_storeu_ps(ret_octet->lower_share, _mm256_sub_ps(y, _mm256_cvtepi32_ps(top)));
	return true;
}

// Two neighbours of a row are eight bytes: one load widens them to eight floats, and both rows take one fused
// multiply-add. Writes four floats a pixel: 25 in all.
__attribute__((target("avx2,fma"))) static inline void sample_octet(const struct viva_picture *picture,
								    const struct octet *octet, __m128 scale,
								    __m128 offset, float *ret_pixels)
{
	size_t stride = (size_t)picture->window.width * 4;
	for (int i = 0; i < 8; i++) {
		const uint8_t *upper = picture->pixels + (uint32_t)octet->at[i];
		__m128i upper_bytes = _mm_loadl_epi64((const __m128i *)(const void *)upper);
		__m128i lower_bytes = _mm_loadl_epi64((const __m128i *)(const void *)(upper + stride));
		__m256 above = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(upper_bytes));
		__m256 below = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(lower_bytes));
		__m256 lower_share = _mm256_broadcast_ss(&octet->lower_share[i]);
		__m256 mixed = _mm256_fmadd_ps(lower_share, _mm256_sub_ps(below, above), above);
		__m128 one = _mm256_castps256_ps128(mixed), two = _mm256_extractf128_ps(mixed, 1);
		__m128 value = _mm_fmadd_ps(_mm_broadcast_ss(&octet->right_share[i]), _mm_sub_ps(two, one), one);
		_mm_storeu_ps(ret_pixels + (size_t)3 * (size_t)i, _mm_fmadd_ps(value, scale, offset));
	}
}

// The octet's 25th float is the next pixel's first, which is written after it, but for the last octet of all.
__attribute__((target("avx2,fma"))) static void warp_avx2(const struct viva_picture *picture,
							  const struct viva_region *region, int side,
							  const struct viva_warp_range *range, float *ret_pixels)
{
	const struct grid grid = grid_of(picture, region, side);
	const __m128 scale = _mm_set1_ps(range->scale);
	const __m128 offset = _mm_setr_ps(range->offset[0], range->offset[1], range->offset[2], 0);
	const __m256 steps = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
	size_t width = (size_t)picture->window.width;
	const uint8_t *end = picture->pixels + width * (size_t)picture->window.height * 4;
	size_t rows_ahead = (size_t)floor_to_int(fabsf(2 * grid.step_x)) + 1;
	struct octet octet;
	for (int row = 0; row < side; row++) {
		float row_x = grid.x - (float)row * grid.step_y, row_y = grid.y + (float)row * grid.step_x;
		for (int column = 0; column < side; column += 8) {
			__m256 columns = _mm256_add_ps(_mm256_set1_ps((float)column), steps);
			__m256 x = _mm256_fmadd_ps(columns, _mm256_set1_ps(grid.step_x), _mm256_set1_ps(row_x));
			__m256 y = _mm256_fmadd_ps(columns, _mm256_set1_ps(grid.step_y), _mm256_set1_ps(row_y));
			bool is_last = column + 8 > side || (column + 8 == side && row + 1 == side);
			if (!is_last && place_octet(&picture->window, x, y, &octet)) {
				fetch_ahead(picture->pixels + (uint32_t)octet.at[0], rows_ahead, width, end);
				sample_octet(picture, &octet, scale, offset, ret_pixels);
				ret_pixels += 24;
				continue;
			}
			for (int i = column; i < VIVA_MIN(column + 8, side); i++, ret_pixels += 3)
				sample(picture, row_x + (float)i * grid.step_x, row_y + (float)i * grid.step_y, range,
				       ret_pixels);
		}
	}
}
#endif

void viva_warp(const struct viva_picture *picture, const struct viva_region *region, int side,
	       const struct viva_warp_range *range, float *ret_pixels)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		warp_avx2(picture, region, side, range, ret_pixels);
		return;
	}
#endif
	viva_warp_plain(picture, region, side, range, ret_pixels);
}

void viva_mirror(float *pixels, int side)
{
	for (int row = 0; row < side; row++, pixels += side) {
		for (int column = 0; column < side / 2; column++) {
			float kept = pixels[column];
			pixels[column] = pixels[side - 1 - column];
			pixels[side - 1 - column] = kept;
		}
	}
}

// The mean of the picture's pixels in [left, right) × [top, bottom), at least one of them.
static void average(const struct viva_picture *picture, int left, int right, int top, int bottom, float ret_mean[3])
{
	uint32_t sum[3] = {0};
	for (int y = top; y < bottom; y++) {
		const uint8_t *pixel = picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)left) * 4;
		for (int x = left; x < right; x++, pixel += 4) {
			sum[0] += pixel[0];
			sum[1] += pixel[1];
			sum[2] += pixel[2];
		}
	}
	float count = (float)(right - left) * (float)(bottom - top);
	for (int channel = 0; channel < 3; channel++)
		ret_mean[channel] = (float)sum[channel] / count;
}

// The pixels that a step of the view covers, at least one, within [0, count); none when it lies outside.
static bool cover(float begin, float step, int count, int *ret_first, int *ret_end)
{
	int first = floor_to_int(begin + .5f), end = floor_to_int(begin + step + .5f);
	end = VIVA_MAX(end, first + 1);
	if (end <= 0 || first >= count)
		return false;
	*ret_first = VIVA_MAX(first, 0);
	*ret_end = VIVA_MIN(end, count);
	return true;
}

void viva_view_fill(const struct viva_picture *picture, const struct viva_view *view, int side,
		    const struct viva_warp_range *range, float *ret_pixels)
{
	float step = view->size / (float)side;
	for (int row = 0; row < side; row++) {
		int top = 0, bottom = 0;
		bool is_row_inside = cover(view->top + (float)row * step, step, picture->height, &top, &bottom);
		for (int column = 0; column < side; column++, ret_pixels += 3) {
			float mean[3] = {0};
			int left = 0, right = 0;
			if (is_row_inside &&
			    cover(view->left + (float)column * step, step, picture->width, &left, &right))
				average(picture, left, right, top, bottom, mean);
			for (int channel = 0; channel < 3; channel++)
				ret_pixels[channel] = mean[channel] * range->scale + range->offset[channel];
		}
	}
}
