// SPDX-License-Identifier: Apache-2.0
//
// An interview with its scores as the report library gets them, without any model.
//
// Threads: one test at a time.
#ifndef VIVA_TEST_REPORT_FIXTURE_H
#define VIVA_TEST_REPORT_FIXTURE_H

#include "report/report.h"
#include "report/report_json.h"
#include "viva_test.h"

struct report_case {
	const char *name;        // the candidate's
	const char *mode;        // "practice", "recruitment"
	const char *transcript;  // of the first answer, and its evidence
	size_t frames;           // of the timeline: at 10 a second, the expression changes every 50
	bool not_scorable;
	bool has_times;            // the first answer came with times
	bool is_recorded;          // the candidate agreed to pictures being stored
	const json_t *key_frames;  // that the emotion service gave; borrowed
};

// A key frame as the emotion service gives it, `seconds` after the interview's start, with this file as its picture.
json_t *report_fixture_key_frame(double seconds, int question, const char *emotion, struct viva_bytes file);

// The report of such an interview; the caller's.
json_t *report_fixture_make(const struct report_case *test);
// In this format, as text: of a PDF what pdftotext reads. The caller's.
char *report_fixture_text(const json_t *report, enum viva_report_format format);
// The bytes. The caller's.
struct viva_blob *report_fixture_render(const json_t *report, enum viva_report_format format);

#endif
