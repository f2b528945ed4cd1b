// SPDX-License-Identifier: Apache-2.0
#include "analyze/draw.h"

#include <math.h>
#include <stdio.h>

#include "analyze/text.h"

enum { MAX_LINES = 7, MAX_LINE = 96 };

struct colour {
	double red, green, blue, alpha;
};
static const struct colour box_colour = {.2, 1, .3, .9}, other_colour = {.8, .8, .8, .9}, mesh_colour = {1, 1, 1, .45};
static const struct colour open_colour = {.1, .9, 1, 1}, closed_colour = {1, .5, .1, 1}, iris_colour = {1, .9, .2, 1};
static const struct colour lips_colour = {1, .45, .7, .9}, mark_colour = {1, .25, .25, 1};
static const struct colour gaze_colour = {1, .2, 1, 1};
static const struct colour axis_colours[] = {{1, .2, .2, 1}, {.2, .9, .2, 1}, {.3, .5, 1, 1}};

struct canvas {
	cairo_t *cairo;
	double width, height;
	double scale_x, scale_y;  // from pixels of the picture as it was sent
	double line;              // its width
	const struct analyze_record *record;
};

static void choose(const struct canvas *canvas, struct colour colour, double line)
{
	cairo_set_source_rgba(canvas->cairo, colour.red, colour.green, colour.blue, colour.alpha);
	cairo_set_line_width(canvas->cairo, line * canvas->line);
}

static void move(const struct canvas *canvas, bool is_first, double x, double y)
{
	(is_first ? cairo_move_to : cairo_line_to)(canvas->cairo, x * canvas->scale_x, y * canvas->scale_y);
}

static void dot(const struct canvas *canvas, double x, double y, double radius)
{
	cairo_new_sub_path(canvas->cairo);
	cairo_arc(canvas->cairo, x * canvas->scale_x, y * canvas->scale_y, radius * canvas->line, 0, 2 * M_PI);
}

static void draw_box(const struct canvas *canvas, const struct viva_vision_box *box)
{
	cairo_rectangle(canvas->cairo, box->x * canvas->scale_x, box->y * canvas->scale_y, box->width * canvas->scale_x,
			box->height * canvas->scale_y);
	cairo_stroke(canvas->cairo);
}

static void draw_boxes(const struct canvas *canvas)
{
	const double dashes[] = {4 * canvas->line, 3 * canvas->line};
	const struct viva_vision_details *details = &canvas->record->details;
	choose(canvas, other_colour, 1.5);
	cairo_set_dash(canvas->cairo, dashes, 2, 0);
	for (size_t i = 0; i < details->box_count; i++)
		draw_box(canvas, &details->boxes[i]);
	cairo_set_dash(canvas->cairo, NULL, 0, 0);
	choose(canvas, box_colour, 2);
	draw_box(canvas, &canvas->record->result.box);
}

static void draw_mesh(const struct canvas *canvas)
{
	const struct viva_face *face = &canvas->record->details.face;
	for (int i = 0; i < VIVA_MESH_POINTS; i++)
		dot(canvas, (double)face->mesh[i].x, (double)face->mesh[i].y, .7);
	choose(canvas, mesh_colour, 1);
	cairo_fill(canvas->cairo);
}

// A closed path through points[first … last], then back through points[from … to], of which from > to.
static void trace_ring(const struct canvas *canvas, const struct viva_point *points, int first, int last, int from,
		       int to)
{
	for (int i = first; i <= last; i++)
		move(canvas, i == first, (double)points[i].x, (double)points[i].y);
	for (int i = from; i >= to; i--)
		move(canvas, false, (double)points[i].x, (double)points[i].y);
	cairo_close_path(canvas->cairo);
}

// As far as the lids leave it to be seen.
static void draw_iris(const struct canvas *canvas, const struct viva_point *lids, const struct viva_point *iris)
{
	double radius = 0;
	for (int i = 1; i < VIVA_IRIS_POINTS; i++)
		radius += hypot((double)(iris[i].x - iris[0].x) * canvas->scale_x,
				(double)(iris[i].y - iris[0].y) * canvas->scale_y) /
			  (VIVA_IRIS_POINTS - 1);
	cairo_save(canvas->cairo);
	trace_ring(canvas, lids, 0, 8, 15, 9);
	cairo_clip(canvas->cairo);
	choose(canvas, iris_colour, 1);
	dot(canvas, (double)iris[0].x, (double)iris[0].y, radius / canvas->line);
	cairo_stroke(canvas->cairo);
	cairo_restore(canvas->cairo);
}

static void draw_eyes(const struct canvas *canvas)
{
	const struct viva_face *face = &canvas->record->details.face;
	bool is_closed = canvas->record->eyes == VIVA_EYES_CLOSED;
	for (int side = 0; side < 2; side++) {
		draw_iris(canvas, face->lids[side], face->irises[side]);
		choose(canvas, is_closed ? closed_colour : open_colour, 1.2);
		trace_ring(canvas, face->lids[side], 0, 8, 15, 9);
		cairo_stroke(canvas->cairo);
	}
}

static void draw_lips(const struct canvas *canvas)
{
	const struct viva_point *lips = canvas->record->details.face.lips;
	choose(canvas, lips_colour, 1);
	trace_ring(canvas, lips, 0, 10, 19, 11);
	trace_ring(canvas, lips, 20, 30, 39, 31);
	cairo_stroke(canvas->cairo);
}

static void draw_marks(const struct canvas *canvas)
{
	const struct viva_vision_point *marks = canvas->record->result.landmarks;
	for (int i = 0; i < VIVA_LANDMARK_COUNT; i++)
		dot(canvas, marks[i].x, marks[i].y, 1.8);
	choose(canvas, mark_colour, 1);
	cairo_fill(canvas->cairo);
}

// The head's own axes (the person's left, up, forward) as they look on the picture, from yaw, pitch and roll.
static void draw_axes(const struct canvas *canvas)
{
	const struct viva_vision_result *result = &canvas->record->result;
	const struct viva_vision_point *nose = &result->landmarks[VIVA_LANDMARK_NOSE];
	double yaw = (double)result->pose.yaw * M_PI / 180, pitch = (double)result->pose.pitch * M_PI / 180;
	double roll = (double)result->pose.roll * M_PI / 180;
	double length = result->box.width * canvas->scale_x / 2;
	// x to the right, y down; depth is not drawn.
	const double axes[][2] = {
		{cos(yaw), 0}, {-sin(yaw) * sin(pitch), -cos(pitch)}, {sin(yaw) * cos(pitch), -sin(pitch)}};
	for (size_t i = 0; i < VIVA_COUNT(axes); i++) {
		double x = nose->x * canvas->scale_x, y = nose->y * canvas->scale_y;
		choose(canvas, axis_colours[i], 2.5);
		cairo_move_to(canvas->cairo, x, y);
		cairo_line_to(canvas->cairo, x + length * (axes[i][0] * cos(roll) - axes[i][1] * sin(roll)),
			      y + length * (axes[i][0] * sin(roll) + axes[i][1] * cos(roll)));
		cairo_stroke(canvas->cairo);
	}
}

// An arrow from each iris to where the eyes look, foreshortened: none is seen of a gaze into the camera but its dot.
static void draw_gaze(const struct canvas *canvas)
{
	const struct viva_vision_result *result = &canvas->record->result;
	double yaw = (double)result->gaze.yaw * M_PI / 180, pitch = (double)result->gaze.pitch * M_PI / 180;
	double length = result->box.width * canvas->scale_x * .6;
	double x = length * sin(yaw) * cos(pitch), y = -length * sin(pitch);
	double barb = fmin(hypot(x, y) / 3, length / 10), angle = atan2(y, x);
	choose(canvas, gaze_colour, 2);
	for (int side = 0; side < 2; side++) {
		const struct viva_point *iris = &canvas->record->details.face.irises[side][0];
		double tip_x = (double)iris->x * canvas->scale_x + x, tip_y = (double)iris->y * canvas->scale_y + y;
		dot(canvas, (double)iris->x, (double)iris->y, 2);
		cairo_fill(canvas->cairo);
		move(canvas, true, (double)iris->x, (double)iris->y);
		cairo_line_to(canvas->cairo, tip_x, tip_y);
		for (int i = -1; i <= 1; i += 2) {
			cairo_move_to(canvas->cairo, tip_x, tip_y);
			cairo_line_to(canvas->cairo, tip_x - barb * cos(angle + i * .5),
				      tip_y - barb * sin(angle + i * .5));
		}
		cairo_stroke(canvas->cairo);
	}
}

static size_t write_labels(const struct analyze_record *record, bool is_film, char lines[MAX_LINES][MAX_LINE])
{
	const struct viva_vision_result *result = &record->result;
	size_t count = 0;
	if (is_film && (record->index > 0 || record->name[0]))
		snprintf(lines[count++], MAX_LINE, "%zu  %.2f s  %.40s", record->index, (double)record->time_ms / 1000,
			 record->name);
	else if (record->name[0])
		snprintf(lines[count++], MAX_LINE, "%.60s", record->name);
	if (result->is_detected) {
		snprintf(lines[count++], MAX_LINE, "%s %.0f %%", viva_emotion_name(result->emotion),
			 (double)result->emotion_confidence * 100);
		snprintf(lines[count++], MAX_LINE, "head yaw %ld° pitch %ld° roll %ld°", lroundf(result->pose.yaw),
			 lroundf(result->pose.pitch), lroundf(result->pose.roll));
		if (result->has_gaze)
			snprintf(lines[count++], MAX_LINE, "gaze yaw %ld° pitch %ld°", lroundf(result->gaze.yaw),
				 lroundf(result->gaze.pitch));
		int used = snprintf(lines[count], MAX_LINE, "attention %.2f, eyes %.2f", (double)result->attention,
				    (double)result->eye_ratio);
		if (is_film && record->eyes != VIVA_EYES_UNKNOWN && used > 0 && used < MAX_LINE)
			snprintf(lines[count] + used, (size_t)(MAX_LINE - used), " %s, blinks %d",
				 analyze_eyes_name(record->eyes), record->blinks.count);
		count++;
	}
	if (result->face_count > 1)
		snprintf(lines[count++], MAX_LINE, "%d faces", result->face_count);
	if (result->hint != VIVA_HINT_NONE && result->hint != VIVA_HINT_SEVERAL_FACES)
		snprintf(lines[count++], MAX_LINE, "%s", analyze_hint_sentence(result->hint));
	return count;
}

static double overlap(double a_from, double a_to, double b_from, double b_to)
{
	return fmax(0, fmin(a_to, b_to) - fmax(a_from, b_from));
}

// The corner where a panel of that size hides the least of the face.
static void choose_corner(const struct canvas *canvas, double width, double height, double *ret_x, double *ret_y)
{
	const struct viva_vision_box *box = &canvas->record->result.box;
	double least = INFINITY;
	for (int corner = 0; corner < 4; corner++) {
		double x = corner % 2 ? canvas->width - width : 0, y = corner / 2 ? canvas->height - height : 0;
		double hidden =
			overlap(x, x + width, box->x * canvas->scale_x, (box->x + box->width) * canvas->scale_x) *
			overlap(y, y + height, box->y * canvas->scale_y, (box->y + box->height) * canvas->scale_y);
		if (hidden >= least)
			continue;
		least = hidden;
		*ret_x = x;
		*ret_y = y;
	}
}

static void draw_labels(const struct canvas *canvas, bool is_film)
{
	char lines[MAX_LINES][MAX_LINE];
	size_t count = write_labels(canvas->record, is_film, lines);
	cairo_t *cairo = canvas->cairo;
	double size = fmax(10, canvas->width / 42), widest = 0, x = 0, y = 0;
	cairo_select_font_face(cairo, "sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cairo, size);
	for (size_t i = 0; i < count; i++) {
		cairo_text_extents_t extents;
		cairo_text_extents(cairo, lines[i], &extents);
		widest = fmax(widest, extents.x_advance);
	}
	double width = widest + size, height = ((double)count + .5) * size * 1.25;
	if (count == 0)
		return;
	choose_corner(canvas, width, height, &x, &y);
	cairo_set_source_rgba(cairo, 0, 0, 0, .6);
	cairo_rectangle(cairo, x, y, width, height);
	cairo_fill(cairo);
	cairo_set_source_rgb(cairo, 1, 1, 1);
	for (size_t i = 0; i < count; i++) {
		cairo_move_to(cairo, x + size / 2, y + ((double)i + 1) * size * 1.25);
		cairo_show_text(cairo, lines[i]);
	}
}

// Cairo's 32-bit pixels are native-endian xRGB.
static void copy_pixels(const struct viva_picture *picture, cairo_surface_t *surface)
{
	cairo_surface_flush(surface);
	unsigned char *rows = cairo_image_surface_get_data(surface);
	ptrdiff_t stride = cairo_image_surface_get_stride(surface);
	for (int y = 0; y < picture->height; y++) {
		uint32_t *row = (uint32_t *)(void *)(rows + y * stride);
		const uint8_t *from = picture->pixels + (size_t)y * (size_t)picture->width * 4;
		for (int x = 0; x < picture->width; x++, from += 4)
			row[x] = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
	}
	cairo_surface_mark_dirty(surface);
}

static void paint_picture(const struct canvas *canvas, const struct viva_picture *picture)
{
	cairo_surface_t *pixels = cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture->width, picture->height);
	if (cairo_surface_status(pixels) == CAIRO_STATUS_SUCCESS)
		copy_pixels(picture, pixels);
	cairo_save(canvas->cairo);
	cairo_scale(canvas->cairo, canvas->width / picture->width, canvas->height / picture->height);
	cairo_set_source_surface(canvas->cairo, pixels, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(canvas->cairo), CAIRO_FILTER_GOOD);
	cairo_pattern_set_extend(cairo_get_source(canvas->cairo), CAIRO_EXTEND_PAD);
	cairo_paint(canvas->cairo);
	cairo_restore(canvas->cairo);
	cairo_surface_destroy(pixels);
}

int analyze_draw(const struct viva_picture *picture, const struct analyze_record *record, bool is_film, int width,
		 cairo_surface_t **ret_surface, struct viva_error *error)
{
	int height = (int)lround((double)width * picture->source_height / picture->source_width);
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, VIVA_MAX(height, 1));
	struct canvas canvas = {.cairo = cairo_create(surface),
				.width = width,
				.height = VIVA_MAX(height, 1),
				.scale_x = (double)width / picture->source_width,
				.scale_y = (double)VIVA_MAX(height, 1) / picture->source_height,
				.line = fmax(width, height) / 640.,
				.record = record};
	paint_picture(&canvas, picture);
	if (record->result.is_detected) {
		draw_mesh(&canvas);
		draw_boxes(&canvas);
		draw_lips(&canvas);
		draw_eyes(&canvas);
		draw_axes(&canvas);
		draw_marks(&canvas);
		if (record->result.has_gaze)
			draw_gaze(&canvas);
	}
	draw_labels(&canvas, is_film);
	cairo_status_t status = cairo_status(canvas.cairo);
	cairo_destroy(canvas.cairo);
	if (status != CAIRO_STATUS_SUCCESS) {
		cairo_surface_destroy(surface);
		return viva_fail(error, VIVA_ENOMEM, "overlay", "the overlay can't be drawn: %s",
				 cairo_status_to_string(status));
	}
	*ret_surface = surface;
	return 0;
}
