// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <string.h>

#include "base/json.h"
#include "report/report_html.h"
#include "report/report_pdf.h"

enum { MAX_REPORT_BYTES = VIVA_REPORT_MAX_PDF_BYTES };

static const struct {
	const char *name, *content_type;
} formats[] = {[VIVA_REPORT_PDF] = {"pdf", "application/pdf"},
	       [VIVA_REPORT_JSON] = {"json", "application/json"},
	       [VIVA_REPORT_HTML] = {"html", "text/html; charset=utf-8"}};

int viva_report_format_parse(const char *name, enum viva_report_format *ret_format, struct viva_error *error)
{
	if (name[0] == '\0')
		name = formats[VIVA_REPORT_PDF].name;
	for (size_t i = 0; i < VIVA_COUNT(formats); i++) {
		if (strcmp(formats[i].name, name) != 0)
			continue;
		*ret_format = (enum viva_report_format)i;
		return 0;
	}
	return viva_fail(error, VIVA_EFIELD, "format", "format must be pdf, html or json");
}

const char *viva_report_format_name(enum viva_report_format format)
{
	return formats[format].name;
}

const char *viva_report_content_type(enum viva_report_format format)
{
	return formats[format].content_type;
}

static int write_json(const json_t *report, struct viva_buffer *out)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	int code = viva_arena_create(0, &arena);
	const char *text = code == 0 ? viva_json_text(arena, report) : NULL;
	return text ? viva_buffer_append_text(out, text) : VIVA_ENOMEM;
}

int viva_report_render(const json_t *report, enum viva_report_format format, struct viva_blob **ret_blob)
{
	struct viva_buffer out = {.limit = MAX_REPORT_BYTES};
	int code;
	switch (format) {
	case VIVA_REPORT_PDF:
		code = viva_report_pdf(report, &out);
		break;
	case VIVA_REPORT_HTML:
		code = viva_report_html(report, &out);
		break;
	case VIVA_REPORT_JSON:
	default:
		code = write_json(report, &out);
		break;
	}
	if (code == 0)
		code = viva_blob_create_from_buffer(&out, ret_blob);
	viva_buffer_finish(&out);
	return code;
}
