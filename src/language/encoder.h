// SPDX-License-Identifier: Apache-2.0
//
// The sentence model itself: a BERT encoder of six layers (all-MiniLM-L6-v2) with mean pooling, computed here. Linear
// maps are sums of products of 16-bit integers, exact in 32 bits; so a text's vector is the same, bit for bit, whatever
// else is computed with it. Its arithmetic is compiled once for each instruction set (encoder_run.c), and the best that
// the processor has is used.
//
// Threads: open and destroy from one; run from any, each with a workspace of its own.
#ifndef VIVA_LANGUAGE_ENCODER_H
#define VIVA_LANGUAGE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "language/tokenizer.h"

enum {
	VIVA_ENCODER_SIZE = 384,
	VIVA_ENCODER_MAX_TOKENS = 256,  // of a text; what the model was trained for
	VIVA_ENCODER_VOCABULARY = 30522,
};

struct viva_encoder;
struct viva_encoder_workspace;

// How an instruction set computes. "plain" is there everywhere, slow, and what the others are tested against.
struct viva_encoder_kernel {
	const char *name;
	bool (*is_supported)(void);
	void (*run)(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
		    const struct viva_tokens *texts, size_t count, float *ret_vectors);
};

// All that were compiled in, the best first; the last is "plain".
const struct viva_encoder_kernel *viva_encoder_kernels(size_t *ret_count);
const struct viva_encoder_kernel *viva_encoder_best_kernel(void);

// Maps the weights that tools/models/prepare_language.py wrote. They are trusted to be whole (model_files.h checks
// their sum); here only format and size are looked at. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_encoder_open(const char *path, struct viva_encoder **ret_encoder, struct viva_error *error);
struct viva_encoder *viva_encoder_destroy(struct viva_encoder *encoder);
VIVA_DEFINE_AUTO(viva_encoder)

// Memory for one run at a time (3 MB). VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_encoder_workspace_create(struct viva_encoder_workspace **ret_workspace);
struct viva_encoder_workspace *viva_encoder_workspace_destroy(struct viva_encoder_workspace *workspace);
VIVA_DEFINE_AUTO(viva_encoder_workspace)

// Writes the unit vectors of `count` texts, VIVA_ENCODER_SIZE values each. Each text has 1 to VIVA_ENCODER_MAX_TOKENS
// tokens, with ids below VIVA_ENCODER_VOCABULARY.
void viva_encoder_run(const struct viva_encoder *encoder, struct viva_encoder_workspace *workspace,
		      const struct viva_tokens *texts, size_t count, float *ret_vectors);

#endif
