// SPDX-License-Identifier: Apache-2.0
//
// A web page as it is written: markup of our own by html_put, texts from outside by html_text alone.
//
// Threads: one owner at a time.
#ifndef VIVA_REPORT_HTML_PARTS_H
#define VIVA_REPORT_HTML_PARTS_H

#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"

struct html {
	const json_t *report;
	struct viva_buffer *out;
	struct viva_arena *arena;
	int code;  // of the first failure; what comes after it is not written
};

void html_put(struct html *html, const char *format, ...) VIVA_PRINTF(2, 3);
// Cleaned (viva_report_clean), and escaped for text and quoted attributes.
void html_text(struct html *html, const char *text, size_t max_characters);
// <TAG class="CLASS" dir="auto">TEXT</TAG>; nothing without a text.
void html_element(struct html *html, const char *tag, const char *class_name, const char *text, size_t max_characters);

void html_summary(struct html *html);
void html_insights(struct html *html);
void html_questions(struct html *html);
void html_communication(struct html *html);
void html_emotions(struct html *html);
void html_pictures(struct html *html);
void html_notes(struct html *html);

#endif
