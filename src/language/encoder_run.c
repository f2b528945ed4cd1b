// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of encoder.h. meson.build compiles this file once for each instruction set, with ENCODER_RUN being the
// name of its one function. The loops are such that the compiler makes vectors of them; only the products of integers
// are written for each set.
#include <math.h>
#include <string.h>
#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

#include "language/encoder_parts.h"

enum {
	SIZE = VIVA_ENCODER_SIZE,
	INNER = ENCODER_INNER,
	HEAD = ENCODER_HEAD_SIZE,
	QKV = 3 * SIZE,
	BLOCK = ENCODER_BLOCK,
	PANEL = ENCODER_PANEL,
	ROWS = 6,  // of a tile: their sums, two vectors each, stay in twelve of sixteen registers
	LANES = 8,
	GROUP = HEAD / LANES,  // vectors of a head
};

// Numbers that are computed together, in as many registers as the instruction set needs for them.
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#if defined(__SSE4_1__)

#if defined(__AVX2__)
typedef __m256i vector;
enum { WIDTH = 8 };  // sums in a vector

static inline vector load(const int16_t *weights)
{
	return _mm256_load_si256((const __m256i *)(const void *)weights);
}

static inline void store(int32_t *sums, vector sum)
{
	_mm256_storeu_si256((__m256i *)(void *)sums, sum);
}

static inline vector repeat(int32_t pair)
{
	return _mm256_set1_epi32(pair);
}

static inline vector add_products(vector sum, vector a, vector b)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
#else
typedef __m128i vector;
enum { WIDTH = 4 };

static inline vector load(const int16_t *weights)
{
	return _mm_load_si128((const __m128i *)(const void *)weights);
}

static inline void store(int32_t *sums, vector sum)
{
	_mm_storeu_si128((__m128i *)(void *)sums, sum);
}

static inline vector repeat(int32_t pair)
{
	return _mm_set1_epi32(pair);
}

static inline vector add_products(vector sum, vector a, vector b)
{
	return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
#endif

// The sums of products of `rows` inputs with the weights of a panel, over one block; as many outputs at a time as two
// vectors hold.
__attribute__((always_inline)) static inline void sum_tile(const int16_t *inputs, size_t stride, const int16_t *weights,
							   int32_t (*sums)[PANEL], size_t rows)
{
	for (size_t first = 0; first < PANEL; first += 2 * WIDTH) {
		vector left[ROWS], right[ROWS];
		for (size_t row = 0; row < rows; row++)
			left[row] = right[row] = (vector){0};
		for (size_t i = 0; i < BLOCK; i += 2) {
			const int16_t *at = weights + i * PANEL + 2 * first;
			vector left_weights = load(at), right_weights = load(at + 2 * WIDTH);
			for (size_t row = 0; row < rows; row++) {
				int32_t pair;
				memcpy(&pair, inputs + row * stride + i, sizeof pair);
				vector both = repeat(pair);
				// Each in its turn: to gather all products first there are no registers.
				left[row] = add_products(left[row], both, left_weights);
				__asm__("" : "+x"(left[row]));
				right[row] = add_products(right[row], both, right_weights);
				__asm__("" : "+x"(right[row]));
			}
		}
		for (size_t row = 0; row < rows; row++) {
			store(sums[row] + first, left[row]);
			store(sums[row] + first + WIDTH, right[row]);
		}
	}
}

static void sum_products(const int16_t *inputs, size_t stride, size_t rows, const int16_t *weights,
			 int32_t (*sums)[PANEL])
{
	switch (rows) {
	case 1:
		return sum_tile(inputs, stride, weights, sums, 1);
	case 2:
		return sum_tile(inputs, stride, weights, sums, 2);
	case 3:
		return sum_tile(inputs, stride, weights, sums, 3);
	case 4:
		return sum_tile(inputs, stride, weights, sums, 4);
	case 5:
		return sum_tile(inputs, stride, weights, sums, 5);
	default:
		return sum_tile(inputs, stride, weights, sums, ROWS);
	}
}

#else

typedef int32_t integers __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4), may_alias));

static void sum_products(const int16_t *inputs, size_t stride, size_t rows, const int16_t *weights,
			 int32_t (*sums)[PANEL])
{
	memset(sums, 0, rows * sizeof *sums);
	for (size_t i = 0; i < BLOCK; i += 2) {
		for (size_t k = 0; k < PANEL; k += LANES) {
			integers pairs = *(const integers *)(const void *)(weights + i * PANEL + 2 * k);
			integers first = (pairs << 16) >> 16, second = pairs >> 16;
			for (size_t row = 0; row < rows; row++)
				*(integers *)(sums[row] + k) +=
					first * inputs[row * stride + i] + second * inputs[row * stride + i + 1];
		}
	}
}

#endif

// Rounds each token's values, by a step of its own, to integers of at most ENCODER_MAX_INPUT.
static void round_inputs(struct viva_encoder_workspace *workspace, const float *values, size_t size, size_t tokens)
{
	for (size_t token = 0; token < tokens; token++) {
		const float *from = values + token * size;
		int16_t *to = workspace->rounded + token * size;
		float largest = 0;
		for (size_t i = 0; i < size; i++)
			largest = fabsf(from[i]) > largest ? fabsf(from[i]) : largest;
		float scale = largest > 0 ? (float)ENCODER_MAX_INPUT / largest : 0;
		for (size_t i = 0; i < size; i++)
			to[i] = (int16_t)(int32_t)rintf(from[i] * scale);
		workspace->steps[token] = largest / (float)ENCODER_MAX_INPUT;
	}
}

// The map of the rounded inputs, for all tokens: a few outputs at a time, whose weights stay in the nearest cache.
static void map_linearly(const struct viva_encoder_workspace *workspace, const struct encoder_linear *linear,
			 size_t tokens, float *ret_values)
{
	int32_t sums[ROWS][PANEL];
	for (size_t column = 0; column < linear->outputs; column += PANEL) {
		for (size_t block = 0; block < linear->inputs; block += BLOCK) {
			const int16_t *weights = linear->weights + column * linear->inputs + block * PANEL;
			for (size_t token = 0; token < tokens; token += ROWS) {
				size_t rows = tokens - token < ROWS ? tokens - token : ROWS;
				sum_products(workspace->rounded + token * linear->inputs + block, linear->inputs, rows,
					     weights, sums);
				for (size_t row = 0; row < rows; row++) {
					float *values = ret_values + (token + row) * linear->outputs + column;
					const float *before = block == 0 ? linear->bias + column : values;
					float step = workspace->steps[token + row];
					for (size_t k = 0; k < PANEL; k++)
						values[k] = before[k] +
							    (float)sums[row][k] * (step * linear->steps[column + k]);
				}
			}
		}
	}
}

static void normalise(float *states, size_t tokens, const struct encoder_norm *norm)
{
	for (size_t token = 0; token < tokens; token++) {
		float *state = states + token * SIZE;
		float sum = 0;
		float squares = 0;
		for (size_t i = 0; i < SIZE; i++)
			sum += state[i];
		float mean = sum / SIZE;
		for (size_t i = 0; i < SIZE; i++)
			squares += (state[i] - mean) * (state[i] - mean);
		float scale = 1 / sqrtf(squares / SIZE + 1e-12f);
		for (size_t i = 0; i < SIZE; i++)
			state[i] = (state[i] - mean) * scale * norm->weight[i] + norm->bias[i];
	}
}

static void add_change(struct viva_encoder_workspace *workspace, size_t tokens, const struct encoder_norm *norm)
{
	for (size_t i = 0; i < tokens * SIZE; i++)
		workspace->states[i] += workspace->change[i];
	normalise(workspace->states, tokens, norm);
}

// e^x for x ≤ 0, to seven digits: 2^n · e^r by Taylor's series, |r| ≤ ln 2 ÷ 2.
static inline float exponential(float x)
{
	x = x < -87 ? -87 : x;
	float n = rintf(x * 1.44269504f);
	float r = x - n * .693359375f + n * 2.12194440e-4f;
	float e = 1 + r * (1 + r * (.5f + r * (1.f / 6 + r * (1.f / 24 + r * (1.f / 120 + r * (1.f / 720))))));
	union {
		int32_t bits;
		float value;
	} power = {.bits = ((int32_t)n + 127) * (1 << 23)};
	return e * power.value;
}

// x · Φ(x), by the error function of Abramowitz & Stegun 7.1.26 (error ≤ 1.5e-7).
static void activate(float *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		float x = values[i];
		float z = fabsf(x) * .707106781f;
		float t = 1 / (1 + .3275911f * z);
		float tail = t *
			     (.254829592f +
			      t * (-.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) *
			     exponential(-z * z);
		values[i] = .5f * x * (x < 0 ? tail : 2 - tail);
	}
}

__attribute__((always_inline)) static inline void add_scaled(lanes sums[GROUP], float scale, const float *values)
{
	for (size_t i = 0; i < GROUP; i++)
		sums[i] += scale * *(const lanes *)(values + i * LANES);
}

// One head of one text: each token's mixture of the values, by the softmax of its query's products with the keys.
static void attend(struct viva_encoder_workspace *workspace, size_t first, size_t tokens, size_t head)
{
	const float *queries = workspace->wide + first * QKV + head * HEAD;
	const float *keys = queries + SIZE;
	const float *values = keys + SIZE;
	float *shares = workspace->shares;
	size_t padded = (tokens + HEAD - 1) / HEAD * HEAD;
	for (size_t d = 0; d < HEAD; d++) {
		for (size_t k = 0; k < padded; k++)
			workspace->keys[d * ENCODER_CHUNK + k] = k < tokens ? keys[k * QKV + d] : 0;
	}
	for (size_t token = 0; token < tokens; token++) {
		const float *query = queries + token * QKV;
		for (size_t k = 0; k < padded; k += HEAD) {
			lanes products[GROUP] = {0};
			for (size_t d = 0; d < HEAD; d++)
				add_scaled(products, query[d], workspace->keys + d * ENCODER_CHUNK + k);
			for (size_t i = 0; i < GROUP; i++)
				*(lanes *)(shares + k + i * LANES) = products[i];
		}
		for (size_t k = tokens; k < padded; k++)
			shares[k] = -1e30f;
		float largest = shares[0];
		for (size_t k = 0; k < padded; k++)
			largest = shares[k] > largest ? shares[k] : largest;
		float sum = 0;
		for (size_t k = 0; k < padded; k++) {
			shares[k] = exponential(shares[k] - largest);
			sum += shares[k];
		}
		lanes mixture[GROUP] = {0};
		for (size_t k = 0; k < tokens; k++)
			add_scaled(mixture, shares[k], values + k * QKV);
		float *change = workspace->change + (first + token) * SIZE + head * HEAD;
		for (size_t i = 0; i < GROUP; i++)
			*(lanes *)(change + i * LANES) = mixture[i] / sum;
	}
}

static void run_layer(const struct encoder_layer *layer, struct viva_encoder_workspace *workspace,
		      const struct viva_tokens *texts, size_t count, size_t tokens)
{
	round_inputs(workspace, workspace->states, SIZE, tokens);
	map_linearly(workspace, &layer->heads, tokens, workspace->wide);
	for (size_t text = 0, first = 0; text < count; first += texts[text++].count) {
		for (size_t head = 0; head < ENCODER_HEADS; head++)
			attend(workspace, first, texts[text].count, head);
	}
	round_inputs(workspace, workspace->change, SIZE, tokens);
	map_linearly(workspace, &layer->joined, tokens, workspace->change);
	add_change(workspace, tokens, &layer->joined_norm);
	round_inputs(workspace, workspace->states, SIZE, tokens);
	map_linearly(workspace, &layer->inner, tokens, workspace->wide);
	activate(workspace->wide, tokens * INNER);
	round_inputs(workspace, workspace->wide, INNER, tokens);
	map_linearly(workspace, &layer->outer, tokens, workspace->change);
	add_change(workspace, tokens, &layer->outer_norm);
}

static void look_up(const struct viva_encoder *encoder, const struct viva_tokens *text, float *ret_states)
{
	for (size_t place = 0; place < text->count; place++) {
		size_t id = (size_t)text->ids[place];
		const int16_t *word = encoder->words + id * SIZE;
		const float *at = encoder->places + place * SIZE;
		float step = encoder->word_steps[id];
		for (size_t i = 0; i < SIZE; i++)
			ret_states[place * SIZE + i] = (float)word[i] * step + at[i];
	}
}

// The direction of the mean of a text's states.
static void pool(const float *states, size_t tokens, float *ret_vector)
{
	float sums[SIZE] = {0};
	float squares = 0;
	for (size_t token = 0; token < tokens; token++) {
		for (size_t i = 0; i < SIZE; i++)
			sums[i] += states[token * SIZE + i];
	}
	for (size_t i = 0; i < SIZE; i++)
		squares += sums[i] * sums[i];
	float scale = squares > 0 ? 1 / sqrtf(squares) : 0;
	for (size_t i = 0; i < SIZE; i++)
		ret_vector[i] = sums[i] * scale;
}

static void run_chunk(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
		      const struct viva_tokens *texts, size_t count, float *ret_vectors)
{
	size_t tokens = 0;
	for (size_t text = 0; text < count; tokens += texts[text++].count)
		look_up(encoder, &texts[text], workspace->states + tokens * SIZE);
	normalise(workspace->states, tokens, &encoder->norm);
	for (size_t i = 0; i < ENCODER_LAYERS; i++)
		run_layer(&encoder->layers[i], workspace, texts, count, tokens);
	for (size_t text = 0, first = 0; text < count; first += texts[text++].count)
		pool(workspace->states + first * SIZE, texts[text].count, ret_vectors + text * SIZE);
}

void ENCODER_RUN(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
		 const struct viva_tokens *texts, size_t count, float *ret_vectors)
{
	for (size_t begin = 0, end = 0; begin < count; begin = end) {
		size_t tokens = 0;
		while (end < count && tokens + texts[end].count <= ENCODER_CHUNK)
			tokens += texts[end++].count;
		run_chunk(encoder, workspace, texts + begin, end - begin, ret_vectors + begin * SIZE);
	}
}
