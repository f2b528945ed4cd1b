// SPDX-License-Identifier: Apache-2.0
//
// Names, questions and answers from anywhere in a report's page: they add texts, never markup. Their emoji
// become words.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "report/emoji.h"
#include "report/report_html.h"

enum { MAX_TEXT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_markup(const char *text)
{
	VIVA_AUTO_JSON report = json_pack(
		"{s:{s:s, s:s, s:s}, s:{s:s, s:[{s:s, s:s, s:s}]}, s:[{s:s, s:s, s:b, s:{s:s, s:[s], s:[{s:s, s:s, "
		"s:s}]}}]}",
		"interview", "user_id", text, "id", text, "mode", "practice", "scores", "feedback", text, "insights",
		"category", text, "description", text, "evidence", text, "questions", "question", text, "transcript",
		text, "scored", 1, "analysis", "feedback", text, "keywords", text, "points", "text", text, "status",
		text, "evidence", text);
	if (!report)
		abort();
	struct viva_buffer page = {.limit = 1 << 20};
	if (viva_report_html(report, &page) != 0)
		abort();
	if (!viva_utf8_is_valid(page.data, page.size))
		abort();
	size_t count = 0;
	for (size_t i = 0; i < page.size; i++)
		count += page.data[i] == '<' || page.data[i] == '>' || page.data[i] == '"';
	viva_buffer_finish(&page);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create(0, &arena) != 0)
		return 0;
	const char *text = viva_arena_text(arena, (const char *)data, VIVA_MIN(size, (size_t)MAX_TEXT));
	if (!text || !viva_utf8_is_valid(text, strlen(text)) || text[0] == '\0')
		return 0;
	char *spelt = viva_emoji_spell(text);
	if (spelt && !viva_utf8_is_valid(spelt, strlen(spelt)))
		abort();
	free(spelt);
	// The letter stands for any text.
	if (count_markup(text) != count_markup("x"))
		abort();
	return 0;
}
