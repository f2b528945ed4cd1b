// SPDX-License-Identifier: Apache-2.0
//
// Reads a JPEG's markers, without decoding, to refuse what would cost too much or can't be whole.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_VISION_JPEG_SCAN_H
#define VIVA_VISION_JPEG_SCAN_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

enum {
	// Usual progressive files have 10 scans and the finest libjpeg scripts about 30, but a file may hold thousands,
	// each of which walks over all its pixels again.
	VIVA_JPEG_MAX_SCANS = 64,
};

struct viva_jpeg_head {
	uint32_t width, height;  // as claimed
	uint32_t scans;
};

// Walks from SOI to EOI (ITU-T T.81 annex B). VIVA_EIMAGE: not a JPEG, no or two frame headers, a coding that is not
// sequential or progressive Huffman or arithmetic with 8 bits, no scan, too many scans, or it ends before EOI.
VIVA_MUST_CHECK int viva_jpeg_scan(struct viva_bytes image, struct viva_jpeg_head *ret_head, struct viva_error *error);

#endif
