// SPDX-License-Identifier: Apache-2.0
//
// Pictures for the tests, encoded when they run.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_PICTURES_H
#define VIVA_TEST_PICTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

// Pixels as R, G, B; to be freed by free().
uint8_t *make_gradient(int width, int height);

struct jpeg_options {
	bool is_grey, is_progressive;
	int quality;
};
// Encoded pictures, to be freed by free_picture().
struct viva_bytes make_jpeg(const uint8_t *rgb, int width, int height, struct jpeg_options options);
struct viva_bytes make_png(const uint8_t *rgb, int width, int height);
void free_picture(struct viva_bytes picture);

// The face that ./dev deps extracts ($VIVA_CACHE_DIR/demo/astronaut.png): 512 × 512 R, G, B. NULL where it is not.
uint8_t *read_astronaut(void);
// A 640 × 480 frame with that face, with its upper left corner moved by (x, y) pixels, as a JPEG of quality 85.
struct viva_bytes film_astronaut(const uint8_t *astronaut, int x, int y);

#endif
