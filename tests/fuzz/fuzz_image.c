// SPDX-License-Identifier: Apache-2.0
//
// Pictures from anywhere: whatever the bytes, decoding gives a picture of the size it says, or an error.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vision/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Small limits keep each run short; the checks are the same.
	static const struct viva_picture_limits limits = {
		.max_bytes = 1 << 16, .max_side = 1024, .max_pixels = 1 << 18};
	struct viva_picture picture = {0};
	if (viva_picture_decode(&picture, viva_bytes_of(data, size), VIVA_IMAGE_ANY, &limits, NULL) == 0) {
		size_t bytes = (size_t)picture.width * (size_t)picture.height * 4;
		if (picture.width <= 0 || picture.height <= 0 || bytes > picture.capacity)
			abort();
	}
	viva_picture_finish(&picture);
	return 0;
}
