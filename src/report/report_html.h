// SPDX-License-Identifier: Apache-2.0
//
// The report of an interview as a web page in one file: no scripts, nothing loaded from anywhere, all texts escaped. It
// brings a content security policy that allows its own style alone.
//
// Threads: any; nothing blocks.
#ifndef VIVA_REPORT_HTML_H
#define VIVA_REPORT_HTML_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"

// Made from a report of viva_report_json; appended to *out. VIVA_ENOMEM, VIVA_ELIMIT: then *out holds nothing of use.
VIVA_MUST_CHECK int viva_report_html(const json_t *report, struct viva_buffer *out);

// The policy, for the header of an answer, too; ret_policy has room for 256 bytes. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_report_html_policy(char ret_policy[256]);

#endif
