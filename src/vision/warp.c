// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "vision/picture.h"

// Where a region's pixels lie: the first one, and the steps along a row and down a column.
struct grid {
	float x, y, step_x, step_y;
};

// Pixel centres are at half numbers on both sides.
static struct grid grid_of(const struct viva_region *region, int side)
{
	float step = region->size / (float)side;
	float step_x = step * cosf(region->angle);
	float step_y = step * sinf(region->angle);
	float half = (float)(side - 1) / 2;
	return (struct grid){.x = region->x - half * step_x + half * step_y - .5f,
			     .y = region->y - half * step_y - half * step_x - .5f,
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
	size_t x0 = (size_t)clamp(left, picture->width - 1), x1 = (size_t)clamp(left + 1, picture->width - 1);
	size_t y0 = (size_t)clamp(top, picture->height - 1), y1 = (size_t)clamp(top + 1, picture->height - 1);
	size_t width = (size_t)picture->width;
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
	struct grid grid = grid_of(region, side);
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

// Two neighbours of a row are eight bytes: one load widens them to eight floats, and both rows take one fused
// multiply-add. Writes four floats; the fourth is overwritten by the next pixel, so a row's last pixel goes by the
// plain way, as do those at the picture's edge.
__attribute__((target("avx2,fma"))) static void warp_avx2(const struct viva_picture *picture,
							  const struct viva_region *region, int side,
							  const struct viva_warp_range *range, float *ret_pixels)
{
	struct grid grid = grid_of(region, side);
	const __m128 scale = _mm_set1_ps(range->scale);
	const __m128 offset = _mm_setr_ps(range->offset[0], range->offset[1], range->offset[2], 0);
	size_t width = (size_t)picture->width;
	const uint8_t *end = picture->pixels + width * (size_t)picture->height * 4;
	size_t rows_ahead = (size_t)floor_to_int(fabsf(2 * grid.step_x)) + 1;
	for (int row = 0; row < side; row++) {
		for (int column = 0; column < side; column++, ret_pixels += 3) {
			float x = grid.x + (float)column * grid.step_x - (float)row * grid.step_y;
			float y = grid.y + (float)column * grid.step_y + (float)row * grid.step_x;
			if (column == side - 1 || !(x >= 0 && y >= 0 && x < (float)(picture->width - 1) &&
						    y < (float)(picture->height - 1))) {
				sample(picture, x, y, range, ret_pixels);
				continue;
			}
			int left = (int)x, top = (int)y;
			float right_share = x - (float)left, lower_share = y - (float)top;
			const uint8_t *upper = picture->pixels + ((size_t)top * width + (size_t)left) * 4;
			if (column % 8 == 0)
				fetch_ahead(upper, rows_ahead, width, end);
			__m128i upper_bytes, lower_bytes;
			upper_bytes = _mm_loadl_epi64((const __m128i *)(const void *)upper);
			lower_bytes = _mm_loadl_epi64((const __m128i *)(const void *)(upper + width * 4));
			__m256 above = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(upper_bytes));
			__m256 below = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(lower_bytes));
			__m256 mixed = _mm256_fmadd_ps(_mm256_set1_ps(lower_share), _mm256_sub_ps(below, above), above);
			__m128 one = _mm256_castps256_ps128(mixed), two = _mm256_extractf128_ps(mixed, 1);
			__m128 value = _mm_fmadd_ps(_mm_set1_ps(right_share), _mm_sub_ps(two, one), one);
			_mm_storeu_ps(ret_pixels, _mm_fmadd_ps(value, scale, offset));
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
	for (int row = 0; row < side; row++, pixels += 3 * side) {
		for (int column = 0; column < side / 2; column++) {
			float *left = pixels + 3 * column, *right = pixels + 3 * (side - 1 - column), kept[3];
			memcpy(kept, left, sizeof kept);
			memcpy(left, right, sizeof kept);
			memcpy(right, kept, sizeof kept);
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
