// SPDX-License-Identifier: Apache-2.0
//
// The report of an interview as PDF: what viva_report_json found, for people. Fonts are embedded, text of any script is
// shaped, and the same report gives the same bytes on a machine with the same fonts.
//
// Threads: any; one report is made at a time, others wait.
#ifndef VIVA_REPORT_PDF_H
#define VIVA_REPORT_PDF_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"

enum { VIVA_REPORT_MAX_PDF_BYTES = 12 << 20 };

// Makes it from a report of viva_report_json. The bytes are put into *out, which should be empty. VIVA_ENOMEM,
// VIVA_ELIMIT (it would be larger than out's limit): then *out holds nothing of use.
VIVA_MUST_CHECK int viva_report_pdf(const json_t *report, struct viva_buffer *out);

#endif
