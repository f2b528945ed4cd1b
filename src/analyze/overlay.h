// SPDX-License-Identifier: Apache-2.0
//
// The picture of what was seen: of one picture that one, of more a sheet of up to 24 of them, in their order. Those
// where eyes close, a face comes or goes, or the hint changes come first (at most 12), the others are spread evenly.
//
// Threads: one owner at a time.
#ifndef VIVA_ANALYZE_OVERLAY_H
#define VIVA_ANALYZE_OVERLAY_H

#include <stdbool.h>

#include "analyze/record.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct analyze_overlay;

// `is_film`: what is added are moments of one film, of which some are chosen. VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_overlay_create(bool is_film, struct analyze_overlay **ret_overlay,
					   struct viva_error *error);
struct analyze_overlay *analyze_overlay_destroy(struct analyze_overlay *overlay);
VIVA_DEFINE_AUTO(analyze_overlay)

// Draws the readable picture if it is one to be shown. VIVA_ENOMEM, or as viva_picture_decode.
VIVA_MUST_CHECK int analyze_overlay_add(struct analyze_overlay *overlay, struct viva_bytes image,
					const struct analyze_record *record, struct viva_error *error);
size_t analyze_overlay_count(const struct analyze_overlay *overlay);  // pictures to be shown
// Writes the PNG. VIVA_EIO (the path is named), VIVA_ENOMEM, VIVA_ENOTFOUND (there is nothing to draw).
VIVA_MUST_CHECK int analyze_overlay_write(struct analyze_overlay *overlay, const char *path, struct viva_error *error);

#endif
