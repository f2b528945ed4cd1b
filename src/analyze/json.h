// SPDX-License-Identifier: Apache-2.0
//
// What was seen, as JSON: one object a line. docs/analyze.md has the members.
//
// Threads: one owner at a time; blocks on the file.
#ifndef VIVA_ANALYZE_JSON_H
#define VIVA_ANALYZE_JSON_H

#include "analyze/writer.h"

// VIVA_ENOMEM.
VIVA_MUST_CHECK int analyze_json_record(const struct analyze_writer *writer, const struct analyze_record *record,
					struct viva_error *error);
VIVA_MUST_CHECK int analyze_json_summary(const struct analyze_writer *writer, struct analyze_summary *summary,
					 struct viva_error *error);

#endif
