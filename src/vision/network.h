// SPDX-License-Identifier: Apache-2.0
//
// A network of Viva's own, which sees a square crop of a picture: grey, averaged down to the side that it works on, and
// brought to mean 0 and deviation 1 (models/expression.md, models/eye.md).
//
// Threads: open and finish from one; a network has one user at a time.
#ifndef VIVA_VISION_NETWORK_H
#define VIVA_VISION_NETWORK_H

#include <stddef.h>

#include "base/error.h"
#include "base/macros.h"
#include "vision/convnet.h"
#include "vision/picture.h"

struct viva_network_shape {
	const char *file;  // in the model folder
	int side;  // of what it sees, even; crops are sampled at twice that, so that large ones are not too coarsely
	size_t outputs;
};

struct viva_network {
	struct viva_convnet convnet;
	int side;
	float *crop;  // 2 × side square, R, G, B
};

// Loads the network. `network` must be zeroed; on failure it may be finished or left. VIVA_EMODEL, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_network_init(struct viva_network *network, const char *directory,
				      const struct viva_network_shape *shape, struct viva_error *error);
void viva_network_finish(struct viva_network *network);

// Shows it the region.
void viva_network_show(struct viva_network *network, const struct viva_picture *picture,
		       const struct viva_region *region);
// Shows it the mirror image of what it was shown last.
void viva_network_show_mirrored(struct viva_network *network);
// What it makes of what it was shown: the shape's count of numbers, valid until the next run.
const float *viva_network_run(struct viva_network *network);

#endif
