// SPDX-License-Identifier: Apache-2.0
#include "analyze/overlay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/draw.h"
#include "film/film.h"
#include "vision/picture.h"

enum {
	MAX_EVENTS = 12,
	MAX_EVEN = 12,
	MAX_CELLS = MAX_EVENTS + MAX_EVEN,
	COLUMNS = 4,
	CELL_WIDTH = 480,
	GAP = 6,
	MIN_WIDTH = 640,
	MAX_WIDTH = 1920,
};

struct cell {
	size_t index;
	bool is_event;
	cairo_surface_t *surface;
};

struct analyze_overlay {
	bool is_film;
	struct viva_picture picture;
	cairo_surface_t *single;  // the first picture in full
	struct cell cells[MAX_CELLS];
	size_t count, events;
	size_t step;  // every so many pictures one is shown
	size_t pictures;
	bool has_previous;
	struct {
		bool is_detected;
		enum viva_vision_hint hint;
		enum viva_eye_state eyes;
	} previous;
};

int analyze_overlay_create(bool is_film, struct analyze_overlay **ret_overlay, struct viva_error *error)
{
	struct analyze_overlay *overlay = calloc(1, sizeof *overlay);
	if (!overlay)
		return viva_fail(error, VIVA_ENOMEM, "overlay", "no memory for the overlay");
	overlay->is_film = is_film;
	overlay->step = 1;
	*ret_overlay = overlay;
	return 0;
}

struct analyze_overlay *analyze_overlay_destroy(struct analyze_overlay *overlay)
{
	if (!overlay)
		return NULL;
	for (size_t i = 0; i < overlay->count; i++)
		cairo_surface_destroy(overlay->cells[i].surface);
	cairo_surface_destroy(overlay->single);
	viva_picture_finish(&overlay->picture);
	free(overlay);
	return NULL;
}

size_t analyze_overlay_count(const struct analyze_overlay *overlay)
{
	return overlay->count;
}

static bool is_event(const struct analyze_overlay *overlay, const struct analyze_record *record)
{
	if (!overlay->is_film || !overlay->has_previous || overlay->events == MAX_EVENTS)
		return false;
	bool closes = record->eyes == VIVA_EYES_CLOSED && overlay->previous.eyes != VIVA_EYES_CLOSED;
	return closes || record->result.is_detected != overlay->previous.is_detected ||
	       record->result.hint != overlay->previous.hint;
}

// Keeps every second of those that are spread evenly.
static void thin_out(struct analyze_overlay *overlay)
{
	size_t kept = 0;
	overlay->step *= 2;
	for (size_t i = 0; i < overlay->count; i++) {
		struct cell *cell = &overlay->cells[i];
		if (cell->is_event || cell->index % overlay->step == 0)
			overlay->cells[kept++] = *cell;
		else
			cairo_surface_destroy(cell->surface);
	}
	overlay->count = kept;
}

static int draw(struct analyze_overlay *overlay, const struct analyze_record *record, bool event,
		struct viva_error *error)
{
	const struct viva_picture *picture = &overlay->picture;
	struct cell cell = {.index = record->index, .is_event = event};
	int code = 0;
	if (!overlay->single) {
		int longer = VIVA_MAX(picture->source_width, picture->source_height);
		double scale = VIVA_MIN(VIVA_MAX(longer, MIN_WIDTH), MAX_WIDTH) / (double)longer;
		int width = VIVA_MAX((int)(picture->source_width * scale), 1);
		code = analyze_draw(picture, record, overlay->is_film, width, &overlay->single, error);
	}
	if (code == 0) {
		// A tall picture is as high as a cell of 4 : 3, with the same labels.
		double shape = picture->source_height / (double)picture->source_width;
		int width = shape > .75 ? VIVA_MAX((int)(CELL_WIDTH * .75 / shape), 1) : CELL_WIDTH;
		code = analyze_draw(picture, record, overlay->is_film, width, &cell.surface, error);
	}
	if (code != 0)
		return code;
	overlay->cells[overlay->count++] = cell;
	overlay->events += event;
	return 0;
}

int analyze_overlay_add(struct analyze_overlay *overlay, struct viva_bytes image, const struct analyze_record *record,
			struct viva_error *error)
{
	const struct viva_vision_options defaults = viva_vision_defaults();
	const struct viva_picture_limits limits = {
		.max_bytes = defaults.max_bytes, .max_side = defaults.max_side, .max_pixels = defaults.max_pixels};
	bool event = is_event(overlay, record);
	overlay->pictures++;
	overlay->has_previous = true;
	overlay->previous.is_detected = record->result.is_detected;
	overlay->previous.hint = record->result.hint;
	overlay->previous.eyes = record->eyes;
	if (!event && record->index % overlay->step != 0)
		return 0;
	if (!event && overlay->count - overlay->events == MAX_EVEN)
		thin_out(overlay);
	if (!event && record->index % overlay->step != 0)
		return 0;
	int code = viva_picture_decode(&overlay->picture, image, VIVA_IMAGE_ANY, NULL, &limits, error);
	return code == 0 ? draw(overlay, record, event, error) : code;
}

static cairo_surface_t *draw_sheet(const struct analyze_overlay *overlay)
{
	int height = 0;
	for (size_t i = 0; i < overlay->count; i++)
		height = VIVA_MAX(height, cairo_image_surface_get_height(overlay->cells[i].surface));
	int columns = VIVA_MIN((int)overlay->count, COLUMNS);
	int rows = ((int)overlay->count + columns - 1) / columns;
	cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns * (CELL_WIDTH + GAP) + GAP,
							    rows * (height + GAP) + GAP);
	cairo_t *cairo = cairo_create(sheet);
	cairo_set_source_rgb(cairo, .15, .15, .15);
	cairo_paint(cairo);
	for (int i = 0; i < (int)overlay->count; i++) {
		cairo_surface_t *cell = overlay->cells[i].surface;
		int left = i % columns * (CELL_WIDTH + GAP) + GAP, top = i / columns * (height + GAP) + GAP;
		left += (CELL_WIDTH - cairo_image_surface_get_width(cell)) / 2;
		top += (height - cairo_image_surface_get_height(cell)) / 2;
		cairo_set_source_surface(cairo, cell, left, top);
		cairo_paint(cairo);
	}
	cairo_destroy(cairo);
	return sheet;
}

int analyze_overlay_write(struct analyze_overlay *overlay, const char *path, struct viva_error *error)
{
	if (overlay->count == 0)
		return viva_fail(error, VIVA_ENOTFOUND, "overlay", "there is no picture to draw on");
	bool is_sheet = overlay->count > 1;
	cairo_surface_t *image = is_sheet ? draw_sheet(overlay) : cairo_surface_reference(overlay->single);
	errno = 0;
	cairo_status_t status = cairo_surface_write_to_png(image, path);
	int cause = errno;
	cairo_surface_destroy(image);
	if (status == CAIRO_STATUS_NO_MEMORY)
		return viva_fail(error, VIVA_ENOMEM, "overlay", "no memory for the overlay");
	if (status != CAIRO_STATUS_SUCCESS)
		return viva_fail(error, VIVA_EIO, "overlay", "the overlay %.160s can't be written: %s", path,
				 cause ? strerror(cause) : cairo_status_to_string(status));
	return 0;
}
