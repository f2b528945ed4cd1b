// SPDX-License-Identifier: Apache-2.0
#include "report/pdf_page.h"

#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/emoji.h"

struct viva_pdf {
	const struct viva_pdf_options *options;
	struct viva_buffer *out;
	cairo_surface_t *surface;
	cairo_t *cairo;
	PangoContext *context;
	PangoLayout *layouts[PDF_STYLES];
	double y;
	size_t page;
	int status;
};

// Pango's caches of fonts may be used by one thread at a time, and are worth keeping.
static pthread_mutex_t font_lock = PTHREAD_MUTEX_INITIALIZER;
static PangoFontMap *font_map;

static const char FAMILIES[] = "Noto Sans, Noto Sans Arabic, Noto Sans Hebrew, Noto Sans CJK SC, WenQuanYi Micro Hei, "
			       "DejaVu Sans";

static const struct {
	double size;
	PangoWeight weight;
} styles[PDF_STYLES] = {
	[PDF_TITLE] = {11, PANGO_WEIGHT_SEMIBOLD}, [PDF_NAME] = {22, PANGO_WEIGHT_BOLD},
	[PDF_HEADING] = {13, PANGO_WEIGHT_BOLD},   [PDF_SUBHEADING] = {10.5, PANGO_WEIGHT_BOLD},
	[PDF_BODY] = {9.5, PANGO_WEIGHT_NORMAL},   [PDF_STRONG] = {9.5, PANGO_WEIGHT_SEMIBOLD},
	[PDF_SMALL] = {8, PANGO_WEIGHT_NORMAL},    [PDF_LABEL] = {7.5, PANGO_WEIGHT_NORMAL},
	[PDF_FOOTER] = {7.5, PANGO_WEIGHT_NORMAL}, [PDF_FIGURE] = {42, PANGO_WEIGHT_BOLD},
	[PDF_NUMBER] = {16, PANGO_WEIGHT_BOLD},
};

static const double colours[PDF_COLOURS][3] = {
	[PDF_INK] = {.10, .13, .18},   [PDF_GREY] = {.36, .40, .46},  [PDF_LINE] = {.83, .86, .89},
	[PDF_PALE] = {.95, .96, .97},  [PDF_BLUE] = {.11, .31, .60},  [PDF_BLUE_PALE] = {.80, .87, .95},
	[PDF_GREEN] = {.08, .44, .27}, [PDF_AMBER] = {.66, .42, .03}, [PDF_RED] = {.66, .16, .16},
	[PDF_WHITE] = {1, 1, 1},
};

static void set_colour(struct viva_pdf *pdf, enum pdf_colour colour)
{
	cairo_set_source_rgb(pdf->cairo, colours[colour][0], colours[colour][1], colours[colour][2]);
}

static cairo_status_t write_bytes(void *context, const unsigned char *data, unsigned size)
{
	struct viva_pdf *pdf = context;
	if (pdf->status == 0)
		pdf->status = viva_buffer_append(pdf->out, data, size);
	return pdf->status == 0 ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static void make_layouts(struct viva_pdf *pdf)
{
	PangoFontDescription *font = pango_font_description_from_string(FAMILIES);
	for (size_t i = 0; i < PDF_STYLES; i++) {
		pdf->layouts[i] = pango_layout_new(pdf->context);
		pango_font_description_set_absolute_size(font, styles[i].size * PANGO_SCALE);
		pango_font_description_set_weight(font, styles[i].weight);
		pango_layout_set_font_description(pdf->layouts[i], font);
		pango_layout_set_wrap(pdf->layouts[i], PANGO_WRAP_WORD_CHAR);
	}
	pango_font_description_free(font);
}

static void make_context(struct viva_pdf *pdf)
{
	if (!font_map)
		font_map = pango_cairo_font_map_new();
	pdf->context = pango_font_map_create_context(font_map);
	cairo_font_options_t *options = cairo_font_options_create();
	// Lines break the same whatever screen the machine may have.
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(pdf->context, options);
	pango_cairo_context_set_resolution(pdf->context, 72);
	cairo_font_options_destroy(options);
	pango_context_set_language(pdf->context, pango_language_from_string("en"));
	make_layouts(pdf);
}

int viva_pdf_create(const struct viva_pdf_options *options, struct viva_buffer *out, struct viva_pdf **ret_pdf)
{
	struct viva_pdf *pdf = calloc(1, sizeof *pdf);
	if (!pdf)
		return VIVA_ENOMEM;
	pdf->options = options;
	pdf->out = out;
	pdf->page = 1;
	pdf->y = PDF_MARGIN;
	pthread_mutex_lock(&font_lock);
	pdf->surface = cairo_pdf_surface_create_for_stream(write_bytes, pdf, PDF_WIDTH, PDF_HEIGHT);
	cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_TITLE, options->title);
	cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_CREATOR, "Viva " VIVA_VERSION);
	cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_CREATE_DATE, options->created_at);
	cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_MOD_DATE, options->created_at);
	pdf->cairo = cairo_create(pdf->surface);
	make_context(pdf);
	*ret_pdf = pdf;
	return 0;
}

struct viva_pdf *viva_pdf_destroy(struct viva_pdf *pdf)
{
	if (!pdf)
		return NULL;
	for (size_t i = 0; i < PDF_STYLES; i++)
		g_object_unref(pdf->layouts[i]);
	g_object_unref(pdf->context);
	cairo_destroy(pdf->cairo);
	cairo_surface_finish(pdf->surface);
	cairo_surface_destroy(pdf->surface);
	pthread_mutex_unlock(&font_lock);
	free(pdf);
	return NULL;
}

static void draw_footer(struct viva_pdf *pdf)
{
	char number[64];
	double y = pdf->y;
	if (pdf->options->page_count > 0)
		snprintf(number, sizeof number, "Page %zu of %zu", pdf->page, pdf->options->page_count);
	else
		snprintf(number, sizeof number, "Page %zu", pdf->page);
	pdf->y = PDF_HEIGHT - 40;
	pdf_rule(pdf, PDF_LINE, PDF_MARGIN, 0, PDF_WIDTH - PDF_MARGIN, 0, .6);
	pdf->y += 6;
	pdf_text(pdf, PDF_FOOTER, PDF_GREY, PDF_MARGIN, PDF_INNER - 90, pdf->options->footer);
	pdf_text_right(pdf, PDF_FOOTER, PDF_GREY, PDF_WIDTH - PDF_MARGIN, 90, number);
	pdf->y = y;
}

int viva_pdf_finish(struct viva_pdf *pdf, size_t *ret_page_count)
{
	draw_footer(pdf);
	cairo_show_page(pdf->cairo);
	cairo_surface_finish(pdf->surface);
	if (pdf->status == 0 && cairo_surface_status(pdf->surface) != CAIRO_STATUS_SUCCESS)
		pdf->status = VIVA_ENOMEM;
	if (pdf->status == 0)
		*ret_page_count = pdf->page;
	return pdf->status;
}

double pdf_y(const struct viva_pdf *pdf)
{
	return pdf->y;
}

void pdf_skip(struct viva_pdf *pdf, double height)
{
	pdf->y += height;
}

void pdf_move_to(struct viva_pdf *pdf, double y)
{
	pdf->y = y;
}

bool pdf_need(struct viva_pdf *pdf, double height)
{
	// What never fits begins where it is.
	if (pdf->y + height <= PDF_BOTTOM || pdf->y <= PDF_MARGIN)
		return false;
	draw_footer(pdf);
	cairo_show_page(pdf->cairo);
	pdf->page++;
	pdf->y = PDF_MARGIN;
	return true;
}

void pdf_outline(struct viva_pdf *pdf, const char *title)
{
	char place[64];
	snprintf(place, sizeof place, "page=%zu pos=[%d %d]", pdf->page, PDF_MARGIN, (int)pdf->y);
	cairo_pdf_surface_add_outline(pdf->surface, CAIRO_PDF_OUTLINE_ROOT, title, place, 0);
}

static PangoLayout *lay_out(struct viva_pdf *pdf, enum pdf_style style, double width, const char *text)
{
	PangoLayout *layout = pdf->layouts[style];
	pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
	pango_layout_set_height(layout, 0);
	pango_layout_set_alignment(layout, PANGO_ALIGN_LEFT);
	pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_NONE);
	char *spelt = viva_emoji_spell(text);
	pango_layout_set_text(layout, spelt ? spelt : text, -1);
	free(spelt);
	return layout;
}

static double height_of(PangoLayout *layout)
{
	int height;
	pango_layout_get_size(layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

double pdf_height(struct viva_pdf *pdf, enum pdf_style style, double width, const char *text)
{
	return height_of(lay_out(pdf, style, width, text));
}

double pdf_text(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double x, double width,
		const char *text)
{
	PangoLayout *layout = lay_out(pdf, style, width, text);
	set_colour(pdf, colour);
	cairo_move_to(pdf->cairo, x, pdf->y);
	pango_cairo_show_layout(pdf->cairo, layout);
	return height_of(layout);
}

void pdf_text_right(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double right, double width,
		    const char *text)
{
	PangoLayout *layout = lay_out(pdf, style, width, text);
	pango_layout_set_alignment(layout, PANGO_ALIGN_RIGHT);
	pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
	set_colour(pdf, colour);
	cairo_move_to(pdf->cairo, right - width, pdf->y);
	pango_cairo_show_layout(pdf->cairo, layout);
}

void pdf_paragraph(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double x, double width,
		   const char *text, const enum pdf_colour *rule)
{
	PangoLayoutIter *line = pango_layout_get_iter(lay_out(pdf, style, width, text));
	do {
		PangoRectangle place;
		int top, bottom;
		pango_layout_iter_get_line_extents(line, NULL, &place);
		pango_layout_iter_get_line_yrange(line, &top, &bottom);
		double height = (double)(bottom - top) / PANGO_SCALE;
		pdf_need(pdf, height);
		if (rule)
			pdf_box(pdf, *rule, x - 8, 0, 2, height, 0);
		double baseline = (double)(pango_layout_iter_get_baseline(line) - top) / PANGO_SCALE;
		set_colour(pdf, colour);
		cairo_move_to(pdf->cairo, x + (double)place.x / PANGO_SCALE, pdf->y + baseline);
		pango_cairo_show_layout_line(pdf->cairo, pango_layout_iter_get_line_readonly(line));
		pdf->y += height;
	} while (pango_layout_iter_next_line(line));
	pango_layout_iter_free(line);
}

void pdf_box(struct viva_pdf *pdf, enum pdf_colour colour, double x, double dy, double width, double height,
	     double radius)
{
	double y = pdf->y + dy;
	cairo_t *cairo = pdf->cairo;
	if (width <= 0 || height <= 0)
		return;
	radius = radius > width / 2 ? width / 2 : radius;
	cairo_new_path(cairo);
	cairo_arc(cairo, x + width - radius, y + radius, radius, -G_PI / 2, 0);
	cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, G_PI / 2);
	cairo_arc(cairo, x + radius, y + height - radius, radius, G_PI / 2, G_PI);
	cairo_arc(cairo, x + radius, y + radius, radius, G_PI, 3 * G_PI / 2);
	cairo_close_path(cairo);
	set_colour(pdf, colour);
	cairo_fill(cairo);
}

void pdf_tint(struct viva_pdf *pdf, const double rgb[3], double x, double dy, double width, double height)
{
	cairo_rectangle(pdf->cairo, x, pdf->y + dy, width, height);
	cairo_set_source_rgb(pdf->cairo, rgb[0], rgb[1], rgb[2]);
	cairo_fill(pdf->cairo);
}

void pdf_rule(struct viva_pdf *pdf, enum pdf_colour colour, double x1, double dy1, double x2, double dy2, double width)
{
	cairo_move_to(pdf->cairo, x1, pdf->y + dy1);
	cairo_line_to(pdf->cairo, x2, pdf->y + dy2);
	cairo_set_line_width(pdf->cairo, width);
	set_colour(pdf, colour);
	cairo_stroke(pdf->cairo);
}

static void free_copy(void *copy)
{
	free(copy);
}

// The pixels are for whoever draws the page otherwise than into a PDF; there the JPEG stands for them.
static bool attach_jpeg(cairo_surface_t *surface, struct viva_bytes jpeg)
{
	unsigned char *copy = malloc(jpeg.size);
	if (!copy)
		return false;
	memcpy(copy, jpeg.data, jpeg.size);
	if (cairo_surface_set_mime_data(surface, CAIRO_MIME_TYPE_JPEG, copy, jpeg.size, free_copy, copy) ==
	    CAIRO_STATUS_SUCCESS)
		return true;
	free(copy);
	return false;
}

// Cairo draws when a page ends, and the picture may be gone by then: the surface has its own copy.
static cairo_surface_t *surface_of(const struct viva_report_picture *picture)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture->width, picture->height);
	size_t row = (size_t)picture->width * 4;
	if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
		unsigned char *to = cairo_image_surface_get_data(surface);
		for (int y = 0; y < picture->height; y++, to += cairo_image_surface_get_stride(surface))
			memcpy(to, picture->pixels + (size_t)y * row, row);
		cairo_surface_mark_dirty(surface);
		// Last: a surface that changes loses it.
		if (attach_jpeg(surface, picture->jpeg))
			return surface;
	}
	cairo_surface_destroy(surface);
	return NULL;
}

void pdf_picture(struct viva_pdf *pdf, const struct viva_report_picture *picture, double x, double width, double height)
{
	cairo_t *cairo = pdf->cairo;
	double scale = fmin(width / picture->width, height / picture->height);
	cairo_surface_t *surface = surface_of(picture);
	if (!surface) {
		pdf->status = pdf->status ? pdf->status : VIVA_ENOMEM;
		return;
	}
	cairo_save(cairo);
	cairo_translate(cairo, x + (width - picture->width * scale) / 2,
			pdf->y + (height - picture->height * scale) / 2);
	cairo_scale(cairo, scale, scale);
	cairo_set_source_surface(cairo, surface, 0, 0);
	cairo_paint(cairo);
	cairo_restore(cairo);
	cairo_surface_destroy(surface);
}

void pdf_dot(struct viva_pdf *pdf, enum pdf_colour colour, double x, double dy, double radius, double fill)
{
	double y = pdf->y + dy;
	set_colour(pdf, colour);
	cairo_new_path(pdf->cairo);
	cairo_arc(pdf->cairo, x, y, radius, 0, 2 * G_PI);
	cairo_set_line_width(pdf->cairo, 1.1);
	cairo_stroke(pdf->cairo);
	if (fill <= 0)
		return;
	if (fill >= 1)
		cairo_arc(pdf->cairo, x, y, radius, 0, 2 * G_PI);
	else
		cairo_arc(pdf->cairo, x, y, radius, G_PI / 2, 3 * G_PI / 2);
	cairo_fill(pdf->cairo);
}
