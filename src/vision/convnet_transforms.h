// SPDX-License-Identifier: Apache-2.0
//
// The transforms of F(2×2, 3×3), in vectors of eight floats. convnet_kernels.c includes this once for each kind of
// processor, since a compiler settles what becomes of a vector before it puts one function into another. It defines
// COMPILED, the attributes of functions, and NAMED, which makes their names.

COMPILED static void NAMED(transform_tile)(const float *pixels, size_t row_step, size_t channels, float *ret_tile,
					   size_t step)
{
	for (size_t channel = 0; channel < channels; channel += 8) {
		eight rows[4][4];
#pragma GCC unroll 4
		for (size_t x = 0; x < 4; x++) {
			eight d[4];
#pragma GCC unroll 4
			for (size_t y = 0; y < 4; y++)
				d[y] = *eights(pixels + y * row_step + x * channels + channel);
			rows[0][x] = d[0] - d[2];
			rows[1][x] = d[1] + d[2];
			rows[2][x] = d[2] - d[1];
			rows[3][x] = d[1] - d[3];
		}
#pragma GCC unroll 4
		for (size_t y = 0; y < 4; y++) {
			const eight *d = rows[y];
			const eight results[4] = {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
#pragma GCC unroll 4
			for (size_t x = 0; x < 4; x++)
				*to_eights(ret_tile + (4 * y + x) * step + channel) = results[x];
		}
	}
}

COMPILED static void NAMED(transform_kernel)(const float *panel, size_t channels, size_t step, float *ret_panel)
{
	for (size_t at = 0; at < channels * VIVA_PANEL; at += 8) {
		eight rows[4][3];
#pragma GCC unroll 3
		for (size_t x = 0; x < 3; x++) {
			eight g[3];
#pragma GCC unroll 3
			for (size_t y = 0; y < 3; y++)
				g[y] = *eights(panel + (3 * y + x) * step + at);
			const eight half = (g[0] + g[2]) * .5f, middle = g[1] * .5f;
			rows[0][x] = g[0];
			rows[1][x] = half + middle;
			rows[2][x] = half - middle;
			rows[3][x] = g[2];
		}
#pragma GCC unroll 4
		for (size_t y = 0; y < 4; y++) {
			const eight *g = rows[y], half = (g[0] + g[2]) * .5f, middle = g[1] * .5f;
			const eight results[4] = {g[0], half + middle, half - middle, g[2]};
#pragma GCC unroll 4
			for (size_t x = 0; x < 4; x++)
				*to_eights(ret_panel + (4 * y + x) * step + at) = results[x];
		}
	}
}

COMPILED static void NAMED(sum_products)(const float *products, size_t step, float ret_sums[4][VIVA_PANEL])
{
	for (size_t at = 0; at < VIVA_PANEL; at += 8) {
		eight rows[2][4];
#pragma GCC unroll 4
		for (size_t x = 0; x < 4; x++) {
			eight m[4];
#pragma GCC unroll 4
			for (size_t y = 0; y < 4; y++)
				m[y] = *eights(products + (4 * y + x) * step + at);
			rows[0][x] = m[0] + m[1] + m[2];
			rows[1][x] = m[1] - m[2] - m[3];
		}
#pragma GCC unroll 2
		for (size_t y = 0; y < 2; y++) {
			const eight *m = rows[y];
			const eight results[2] = {m[0] + m[1] + m[2], m[1] - m[2] - m[3]};
			*to_eights(ret_sums[2 * y] + at) = results[0];
			*to_eights(ret_sums[2 * y + 1] + at) = results[1];
		}
	}
}
