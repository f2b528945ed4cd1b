// SPDX-License-Identifier: Apache-2.0
//
// A report in the form that was asked for.
//
// Threads: any; a PDF is made by one thread at a time, others wait.
#ifndef VIVA_REPORT_REPORT_H
#define VIVA_REPORT_REPORT_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"

enum viva_report_format { VIVA_REPORT_PDF, VIVA_REPORT_JSON, VIVA_REPORT_HTML };

// "pdf", "json" or "html"; "" is pdf. VIVA_EFIELD.
VIVA_MUST_CHECK int viva_report_format_parse(const char *name, enum viva_report_format *ret_format,
					     struct viva_error *error);
const char *viva_report_format_name(enum viva_report_format format);
const char *viva_report_content_type(enum viva_report_format format);

// Puts a report of viva_report_json into a new blob. VIVA_ENOMEM, VIVA_ELIMIT (larger than 12 MiB, which any of our
// messages can carry).
VIVA_MUST_CHECK int viva_report_render(const json_t *report, enum viva_report_format format,
				       struct viva_blob **ret_blob);

#endif
