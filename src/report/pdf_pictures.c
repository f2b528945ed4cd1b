// SPDX-License-Identifier: Apache-2.0
//
// The contact sheet of key frames.
#include "report/pdf_parts.h"
#include "report/report_pictures.h"
#include "report/report_text.h"

enum { COLUMNS = 4, GAP = 9, PICTURE_HEIGHT = 90, CAPTION_HEIGHT = 32, ROW_HEIGHT = PICTURE_HEIGHT + CAPTION_HEIGHT };

static const double cell_width = (double)(PDF_INNER - (COLUMNS - 1) * GAP) / COLUMNS;

static void show_picture(const struct pdf_report *part, const json_t *key_frame, size_t column)
{
	// An arena for each: pixels are many.
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_report_picture picture;
	double x = PDF_MARGIN + (double)column * (cell_width + GAP), top = pdf_y(part->pdf);
	pdf_box(part->pdf, PDF_PALE, x, 0, cell_width, PICTURE_HEIGHT, 0);
	if (viva_arena_create(0, &arena) == 0 && viva_report_picture_read(key_frame, arena, &picture) == 0)
		pdf_picture(part->pdf, &picture, x, cell_width, PICTURE_HEIGHT);
	pdf_move_to(part->pdf, top + PICTURE_HEIGHT + 3);
	pdf_text(part->pdf, PDF_LABEL, PDF_INK, x, cell_width, viva_report_picture_place(part->arena, key_frame));
	pdf_move_to(part->pdf, top + PICTURE_HEIGHT + 14);
	pdf_text(part->pdf, PDF_LABEL, PDF_GREY, x, cell_width, viva_report_picture_expression(part->arena, key_frame));
	pdf_move_to(part->pdf, top);
}

void pdf_pictures(const struct pdf_report *part)
{
	const json_t *video = json_object_get(part->report, "video");
	const json_t *list = json_object_get(video, "key_frames");
	size_t count = json_array_size(list);
	if (!json_is_object(video))
		return;
	pdf_heading(part, "Key frames", count > 0 ? ROW_HEIGHT + 30 : 30);
	pdf_paragraph(part->pdf, PDF_BODY, PDF_INK, PDF_MARGIN, PDF_INNER, viva_report_text(video, "note"), NULL);
	pdf_skip(part->pdf, 8);
	for (size_t i = 0; i < count && i < VIVA_REPORT_MAX_PICTURES; i++) {
		if (i % COLUMNS == 0)
			pdf_need(part->pdf, ROW_HEIGHT);
		show_picture(part, json_array_get(list, i), i % COLUMNS);
		if (i % COLUMNS == COLUMNS - 1 || i + 1 == count)
			pdf_skip(part->pdf, ROW_HEIGHT);
	}
}
