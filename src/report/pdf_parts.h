// SPDX-License-Identifier: Apache-2.0
//
// The parts of a report's PDF, in the order of its pages. `report` is viva_report_json's.
//
// Threads: one owner of the PDF and the arena at a time.
#ifndef VIVA_REPORT_PDF_PARTS_H
#define VIVA_REPORT_PDF_PARTS_H

#include <jansson.h>

#include "report/pdf_page.h"

struct pdf_report {
	const json_t *report;
	struct viva_pdf *pdf;
	struct viva_arena *arena;
};

// A heading with an entry in the outline, kept together with `room` below it.
void pdf_heading(const struct pdf_report *part, const char *title, double room);

void pdf_summary(const struct pdf_report *part);    // who, overall with its band, the scores, how they are computed
void pdf_insights(const struct pdf_report *part);   // what moved the scores
void pdf_questions(const struct pdf_report *part);  // a table of all, then each with its evidence
void pdf_communication(const struct pdf_report *part);
void pdf_emotions(const struct pdf_report *part);  // nothing where the report has none
void pdf_pictures(const struct pdf_report *part);  // likewise
void pdf_notes(const struct pdf_report *part);     // method, limits, rights, versions

#endif
