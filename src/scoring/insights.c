// SPDX-License-Identifier: Apache-2.0
#include "scoring/insights.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

void scoring_insight_add(struct scoring_insights *insights, const char *category, double impact, const char *format,
			 ...)
{
	if (insights->count == SCORING_MAX_INSIGHTS)
		return;
	va_list arguments;
	va_start(arguments, format);
	char *description = viva_arena_vprintf(insights->arena, format, arguments);
	va_end(arguments);
	Scoring__Insight *insight = viva_arena_alloc(insights->arena, sizeof *insight);
	if (!description || !insight) {
		insights->is_short_of_memory = true;
		return;
	}
	scoring__insight__init(insight);
	insight->category = (char *)(uintptr_t)category;
	insight->description = description;
	insight->impact = (float)(impact < -1 ? -1 : impact > 1 ? 1 : impact);
	insights->items[insights->count++] = insight;
}

void scoring_insight_quote(struct scoring_insights *insights, const char *evidence)
{
	if (insights->count == 0)
		return;
	size_t size = viva_utf8_cut(evidence, strlen(evidence), SCORING_MAX_EVIDENCE_BYTES);
	char *copy = viva_arena_text(insights->arena, evidence, size);
	if (copy)
		insights->items[insights->count - 1]->evidence = copy;
	else
		insights->is_short_of_memory = true;
}
