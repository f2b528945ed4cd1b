// SPDX-License-Identifier: Apache-2.0
//
// A network of convolutions, computed on the caller's thread: MediaPipe's detectors, mesh and what refines it, and
// Viva's own of expressions and eyes. A general runtime takes more time, and tens of megabytes
// (docs/decisions/0019-own-convolutions.md).
//
// The file is what tools/models/network_file.py writes, which has its form.
//
// Threads: open and finish from one; a network has one user at a time.
#ifndef VIVA_VISION_CONVNET_H
#define VIVA_VISION_CONVNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"
#include "vision/convnet_kernels.h"

enum { VIVA_CONVNET_MAX_OUTPUTS = 4, VIVA_CONVNET_MAX_PLACES = 32 };

struct viva_convnet_shape {
	const char *file;                          // in the model folder
	size_t input;                              // floats of its only input
	size_t outputs[VIVA_CONVNET_MAX_OUTPUTS];  // floats of each output, in the file's order; 0 ends
};

struct viva_convnet {
	char *file;  // its bytes, of which the weights are used where they lie
	struct viva_convnet_step *steps;
	size_t step_count;
	float *memory;                           // of all that follows
	float *places[VIVA_CONVNET_MAX_PLACES];  // for the tensors between steps
	float *zeros;                            // a row of a map
	float *patch;                            // rows of depthwise convolution, or of a map with margins
	float *weights;                          // those in work, widened
	const struct viva_convnet_kernels *kernels;
	float *input;                                    // to be filled before each run
	const float *outputs[VIVA_CONVNET_MAX_OUTPUTS];  // in the shape's order; valid until the next run
};

// Loads the network. `network` must be zeroed; on failure it may be finished or left. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_convnet_init(struct viva_convnet *network, const char *directory,
				      const struct viva_convnet_shape *shape, struct viva_error *error);
// The same from a file's bytes, which it copies. Any bytes are safe: what is no network, or not of that shape, is
// VIVA_EMODEL.
VIVA_MUST_CHECK int viva_convnet_init_from(struct viva_convnet *network, struct viva_bytes file,
					   const struct viva_convnet_shape *shape, struct viva_error *error);
void viva_convnet_finish(struct viva_convnet *network);
// Computes the outputs from the input.
void viva_convnet_run(struct viva_convnet *network);

// For the parts of this module.
enum viva_convnet_kind {
	VIVA_CONVNET_CONVOLUTION,
	VIVA_CONVNET_SEPARABLE,
	VIVA_CONVNET_POOL,
	VIVA_CONVNET_ENLARGE,
	VIVA_CONVNET_MEAN,
	VIVA_CONVNET_LARGEST,
	VIVA_CONVNET_KINDS
};

struct viva_convnet_map {
	size_t height, width, channels;
};

struct viva_convnet_step {
	enum viva_convnet_kind kind;
	int source, addend, output;  // places; addend -1 = none
	struct viva_convnet_map from, to;
	size_t addend_channels;
	size_t kernel, stride, padding;
	const float *depthwise, *depthwise_bias;
	const uint16_t *weights;  // halves; NULL where they are bytes
	const int8_t *bytes;      // by their output channels' factors
	const float *factors;
	const float *bias, *slopes;
};

// Floats that the step needs of `patch` and of `weights`.
size_t viva_convnet_patch_floats(const struct viva_convnet_step *step);
size_t viva_convnet_wide_weights(const struct viva_convnet_step *step);
// The panel of weights numbered so, which lie at `weights`, for output pixels from (x, y) on.
struct viva_panel viva_convnet_panel_at(const struct viva_convnet *network, const struct viva_convnet_step *step,
					const float *weights, size_t number, size_t x, size_t y);
// Widens so many weights of that panel from the one numbered `first` on: whole rows of 16.
void viva_convnet_widen(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t number,
			size_t first, size_t count, float *ret_weights);
// Copies so many rows of the padded map from `y` on into `patch`, each of `row_floats`, with zeros where they leave it.
void viva_convnet_add_margins(const struct viva_convnet *network, const struct viva_convnet_step *step, size_t y,
			      size_t rows, size_t row_floats);

// convnet_tiles.c: convolutions of 3 × 3 on small maps.
bool viva_convnet_is_tiled(const struct viva_convnet_step *step);
size_t viva_convnet_tiled_patch_floats(const struct viva_convnet_step *step);
size_t viva_convnet_tiled_wide_weights(const struct viva_convnet_step *step);
void viva_convnet_run_tiled(const struct viva_convnet *network, const struct viva_convnet_step *step);

#endif
