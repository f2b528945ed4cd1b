// SPDX-License-Identifier: Apache-2.0
//
// What encoder.c and encoder_run.c share: the weights as they lie in the file, and the memory of a run.
#ifndef VIVA_LANGUAGE_ENCODER_PARTS_H
#define VIVA_LANGUAGE_ENCODER_PARTS_H

#include <stdint.h>

#include "language/encoder.h"

enum {
	ENCODER_LAYERS = 6,
	ENCODER_HEADS = 12,
	ENCODER_HEAD_SIZE = VIVA_ENCODER_SIZE / ENCODER_HEADS,
	ENCODER_INNER = 1536,
	ENCODER_PANEL = 16,        // outputs whose weights lie side by side, two inputs of each at a time
	ENCODER_BLOCK = 384,       // inputs over which products are summed as integers
	ENCODER_MAX_INPUT = 8191,  // of a rounded input; the weights are such that no sum then leaves 32 bits
	ENCODER_CHUNK = VIVA_ENCODER_MAX_TOKENS,  // tokens computed at a time, of one or several texts
};

// outputs = weights · inputs + bias, the true weight being the integer × its output's step.
struct encoder_linear {
	const int16_t *weights;  // [outputs / PANEL][inputs / 2][PANEL][2]
	const float *steps, *bias;
	size_t inputs, outputs;
};

struct encoder_norm {
	const float *weight, *bias;
};

struct encoder_layer {
	struct encoder_linear heads;  // queries (scaled by √head size), keys, values
	struct encoder_linear joined;
	struct encoder_norm joined_norm;
	struct encoder_linear inner, outer;
	struct encoder_norm outer_norm;
};

struct viva_encoder {
	const void *file;
	size_t file_size;
	const int16_t *words;      // [vocabulary][size]
	const float *word_steps;   // [vocabulary]
	const float *places;       // [max tokens][size]
	struct encoder_norm norm;  // of the first states
	struct encoder_layer layers[ENCODER_LAYERS];
};

struct viva_encoder_workspace {
	_Alignas(64) float states[ENCODER_CHUNK * VIVA_ENCODER_SIZE];
	_Alignas(64) float wide[ENCODER_CHUNK * ENCODER_INNER];        // queries, keys and values; then the inner layer
	_Alignas(64) float change[ENCODER_CHUNK * VIVA_ENCODER_SIZE];  // what is added to the states
	_Alignas(64) int16_t rounded[ENCODER_CHUNK * ENCODER_INNER];   // inputs of a linear map
	_Alignas(64) float steps[ENCODER_CHUNK];                       // of the rounded inputs, by token
	_Alignas(64) float keys[ENCODER_HEAD_SIZE * ENCODER_CHUNK];    // of one text and head, by dimension
	_Alignas(64) float shares[ENCODER_CHUNK];                      // of attention, of one token
};

typedef void encoder_run(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
			 const struct viva_tokens *texts, size_t count, float *ret_vectors);
encoder_run viva_encoder_run_plain;
#if defined(__x86_64__)
encoder_run viva_encoder_run_avx2;
encoder_run viva_encoder_run_sse4;
#endif

#endif
