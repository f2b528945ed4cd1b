// SPDX-License-Identifier: Apache-2.0
#include "report/report_pdf.h"

#include <string.h>

#include "report/pdf_parts.h"
#include "report/report_text.h"

void pdf_heading(const struct pdf_report *part, const char *title, double room)
{
	pdf_skip(part->pdf, 18);
	pdf_need(part->pdf, 24 + room);
	pdf_outline(part->pdf, title);
	pdf_skip(part->pdf, pdf_text(part->pdf, PDF_HEADING, PDF_INK, PDF_MARGIN, PDF_INNER, title) + 2);
	pdf_rule(part->pdf, PDF_LINE, PDF_MARGIN, 0, PDF_WIDTH - PDF_MARGIN, 0, .8);
	pdf_skip(part->pdf, 8);
}

// Of an interview without times there is none that would stay the same. Cairo reads no fractions of a second.
static const char *created_at(struct viva_arena *arena, const json_t *interview)
{
	const char *time = viva_report_text(interview, "completed_at");
	if (time[0] == '\0')
		time = viva_report_text(interview, "started_at");
	return viva_report_print(arena, "%.19sZ", strlen(time) >= 19 ? time : "1970-01-01T00:00:00");
}

static int write(const json_t *report, size_t page_count, struct viva_buffer *out, size_t *ret_page_count)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO(viva_pdf) pdf = NULL;
	int code = viva_arena_create(0, &arena);
	if (code != 0)
		return code;
	const json_t *interview = json_object_get(report, "interview");
	const char *id = viva_report_clean(arena, viva_report_text(interview, "id"), 64);
	const struct viva_pdf_options options = {
		.title = viva_report_print(arena, "Interview report %s", id),
		.created_at = created_at(arena, interview),
		.footer = viva_report_print(arena, "Viva interview report · %s", id),
		.page_count = page_count,
	};
	code = viva_pdf_create(&options, out, &pdf);
	if (code != 0)
		return code;
	const struct pdf_report part = {.report = report, .pdf = pdf, .arena = arena};
	pdf_summary(&part);
	pdf_insights(&part);
	pdf_questions(&part);
	pdf_communication(&part);
	pdf_emotions(&part);
	pdf_pictures(&part);
	pdf_notes(&part);
	return viva_pdf_finish(pdf, ret_page_count);
}

int viva_report_pdf(const json_t *report, struct viva_buffer *out)
{
	size_t page_count = 0;
	// Twice, since the first page says how many there are.
	int code = write(report, 0, out, &page_count);
	viva_buffer_consume(out, out->size);
	return code == 0 ? write(report, page_count, out, &page_count) : code;
}
