// SPDX-License-Identifier: Apache-2.0
//
// Pictures from anywhere: whatever the bytes, decoding the whole or a part gives a picture of the size it says, or an
// error.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vision/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct viva_bytes image, const struct viva_tracker_region *focus)
{
	// Small limits keep each run short; the checks are the same.
	static const struct viva_picture_limits limits = {
		.max_bytes = 1 << 16, .max_side = 1024, .max_pixels = 1 << 18};
	struct viva_picture picture = {0};
	if (viva_picture_decode(&picture, image, VIVA_IMAGE_ANY, focus, &limits, NULL) == 0) {
		const struct viva_window *window = &picture.window;
		size_t bytes = (size_t)window->width * (size_t)window->height * 4;
		if (window->width <= 0 || window->height <= 0 || bytes > picture.capacity || window->left < 0 ||
		    window->top < 0 || window->left + window->width > picture.width ||
		    window->top + window->height > picture.height)
			abort();
	}
	viva_picture_finish(&picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Where the part lies comes from the last bytes, which few pictures need.
	const uint8_t *tail = data + (size < 4 ? 0 : size - 4);
	decode(viva_bytes_of(data, size), NULL);
	if (size < 4)
		return 0;
	const struct viva_tracker_region focus = {.x = (float)tail[0] / 180 - .2f,
						  .y = (float)tail[1] / 180 - .2f,
						  .size = (float)tail[2] / 64,
						  .angle = (float)tail[3] / 20 - 6};
	decode(viva_bytes_of(data, size), &focus);
	return 0;
}
