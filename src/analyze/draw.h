// SPDX-License-Identifier: Apache-2.0
//
// Draws what was seen over a picture.
//
// Threads: any, with a canvas of its own.
#ifndef VIVA_ANALYZE_DRAW_H
#define VIVA_ANALYZE_DRAW_H

#include <cairo.h>

#include "analyze/record.h"
#include "base/error.h"
#include "base/macros.h"
#include "vision/picture.h"

// A new image of that width with the picture, box, points, eyes, irises, lips, the head's axes and labels on it; with
// the record's name and time where it is of a film. To be freed by cairo_surface_destroy. VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_draw(const struct viva_picture *picture, const struct analyze_record *record, bool is_film,
				 int width, cairo_surface_t **ret_surface, struct viva_error *error);

#endif
