// SPDX-License-Identifier: Apache-2.0
//
// Pages of a PDF as a report needs them: text of any script set into lines, what is drawn beside it, a new page where
// one is full. Emoji are set as words (emoji.h). Lengths are points (1/72 inch), from the page's top left.
//
// Threads: one owner at a time. Pango's fonts are shared by all: viva_pdf_create waits until no other one is open.
#ifndef VIVA_REPORT_PDF_PAGE_H
#define VIVA_REPORT_PDF_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "report/report_pictures.h"

enum {
	PDF_WIDTH = 595,  // A4
	PDF_HEIGHT = 842,
	PDF_MARGIN = 48,
	PDF_INNER = PDF_WIDTH - 2 * PDF_MARGIN,
	PDF_BOTTOM = PDF_HEIGHT - 52,  // where text ends
};

enum pdf_style {
	PDF_TITLE,
	PDF_NAME,
	PDF_HEADING,
	PDF_SUBHEADING,
	PDF_BODY,
	PDF_STRONG,
	PDF_SMALL,
	PDF_LABEL,
	PDF_FOOTER,  // of the pages alone
	PDF_FIGURE,  // a number to be seen from afar
	PDF_NUMBER,
	PDF_STYLES,
};

enum pdf_colour {
	PDF_INK,
	PDF_GREY,
	PDF_LINE,
	PDF_PALE,
	PDF_BLUE,
	PDF_BLUE_PALE,
	PDF_GREEN,
	PDF_AMBER,
	PDF_RED,
	PDF_WHITE,
	PDF_COLOURS,
};

struct viva_pdf;

struct viva_pdf_options {
	const char *title;
	const char *created_at;  // RFC 3339: of the file, so that the same report is the same bytes
	const char *footer;      // left, on every page
	size_t page_count;       // for "page 1 of 4"; 0 = not known yet
	size_t max_bytes;
};

// Opens the first page. Texts are borrowed; *out gets the bytes. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_pdf_create(const struct viva_pdf_options *options, struct viva_buffer *out,
				    struct viva_pdf **ret_pdf);
// Ends the file. VIVA_ENOMEM, VIVA_ELIMIT: what is in *out is no PDF.
VIVA_MUST_CHECK int viva_pdf_finish(struct viva_pdf *pdf, size_t *ret_page_count);
struct viva_pdf *viva_pdf_destroy(struct viva_pdf *pdf);
VIVA_DEFINE_AUTO(viva_pdf)

// Where the next thing goes.
double pdf_y(const struct viva_pdf *pdf);
void pdf_skip(struct viva_pdf *pdf, double height);
// Moves back to `y` on this page, to draw beside what stands there.
void pdf_move_to(struct viva_pdf *pdf, double y);
// A new page unless so much fits under here. True: it is new.
bool pdf_need(struct viva_pdf *pdf, double height);
// An entry of the outline that points here.
void pdf_outline(struct viva_pdf *pdf, const char *title);

// Height of the text in lines of this width.
double pdf_height(struct viva_pdf *pdf, enum pdf_style style, double width, const char *text);
// Sets the text at x and the present y, without moving on. Its base direction is its own: right-to-left text is flush
// right. Gives its height.
double pdf_text(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double x, double width,
		const char *text);
// One line, flush right at `right`, cut with "…" where it is wider than `width`.
void pdf_text_right(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double right, double width,
		    const char *text);
// Sets the text line by line and moves on, to new pages where needed. With `rule` a line of that colour runs along its
// left.
void pdf_paragraph(struct viva_pdf *pdf, enum pdf_style style, enum pdf_colour colour, double x, double width,
		   const char *text, const enum pdf_colour *rule);

// Drawn from the present y, without moving on.
void pdf_box(struct viva_pdf *pdf, enum pdf_colour colour, double x, double dy, double width, double height,
	     double radius);
void pdf_tint(struct viva_pdf *pdf, const double rgb[3], double x, double dy, double width, double height);
void pdf_rule(struct viva_pdf *pdf, enum pdf_colour colour, double x1, double dy1, double x2, double dy2, double width);
// The picture, as large as fits into the box, in its middle. Its JPEG goes into the file as it is.
void pdf_picture(struct viva_pdf *pdf, const struct viva_report_picture *picture, double x, double width,
		 double height);
// A dot: full, half or empty.
void pdf_dot(struct viva_pdf *pdf, enum pdf_colour colour, double x, double dy, double radius, double fill);

#endif
