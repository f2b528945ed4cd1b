// SPDX-License-Identifier: Apache-2.0
#include "scoring/insights.h"

#include <stdarg.h>

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
