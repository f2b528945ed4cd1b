// SPDX-License-Identifier: Apache-2.0
//
// A neural network on OpenVINO's C API: float tensors in and out, computed on the caller's thread.
//
// Threads: open and finish from one; a network has one user at a time.
#ifndef VIVA_VISION_NETWORK_H
#define VIVA_VISION_NETWORK_H

#include <openvino/c/openvino.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"

enum { VIVA_NETWORK_MAX_OUTPUTS = 3 };

struct viva_network_shape {
	const char *file;                          // in the model folder
	size_t input;                              // floats of its only input
	size_t outputs[VIVA_NETWORK_MAX_OUTPUTS];  // floats of each output, all different; 0 ends
};

struct viva_network {
	ov_compiled_model_t *compiled;
	ov_infer_request_t *request;
	ov_tensor_t *input_tensor;
	ov_tensor_t *output_tensors[VIVA_NETWORK_MAX_OUTPUTS];
	float *input;                                    // to be filled before each run
	const float *outputs[VIVA_NETWORK_MAX_OUTPUTS];  // in the shape's order; valid until the next run
};

// Loads the network, with weights of its own, and runs it once so that the first frame is no slower than others.
// `network` must be zeroed; on failure it may be finished or left. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_network_init(struct viva_network *network, ov_core_t *core, const char *directory,
				      const struct viva_network_shape *shape, struct viva_error *error);
void viva_network_finish(struct viva_network *network);
// Computes the outputs from the input. VIVA_EMODEL.
VIVA_MUST_CHECK int viva_network_run(struct viva_network *network, struct viva_error *error);

#endif
