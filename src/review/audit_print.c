// SPDX-License-Identifier: Apache-2.0
#include "review/audit_print.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "report/report_text.h"

enum { COLUMNS = 7, MAX_NAME = 60 };

static const char *name_of(const struct audit_group *group)
{
	return group->name[0] ? group->name : "(not known)";
}

static void fill_row(const struct audit_group *group, struct viva_arena *arena, const char *row[COLUMNS])
{
	row[0] = viva_report_clean(arena, name_of(group), MAX_NAME);
	row[1] = viva_report_print(arena, "%zu", group->count);
	for (size_t i = 2; i < COLUMNS; i++)
		row[i] = "-";
	if (group->is_suppressed)
		return;
	row[2] = viva_report_print(arena, "%zu", group->selected);
	row[3] = viva_report_print(arena, "%.1f %%", 100 * group->rate);
	if (group->has_ratio) {
		row[4] = viva_report_print(arena, "%.2f%s", group->ratio, group->is_flagged ? " !" : "  ");
		row[5] = group->p_value < .001 ? "<0.001" : viva_report_print(arena, "%.3f", group->p_value);
	}
	row[6] = viva_report_print(arena, "%.1f", group->mean);
}

static void print_cells(const char *const *cells, size_t rows)
{
	size_t widths[COLUMNS] = {0};
	for (size_t i = 0; i < rows * COLUMNS; i++)
		widths[i % COLUMNS] = VIVA_MAX(widths[i % COLUMNS], viva_utf8_length(cells[i], strlen(cells[i])));
	for (size_t i = 0; i < rows * COLUMNS; i++) {
		size_t column = i % COLUMNS;
		int padding = (int)(widths[column] - viva_utf8_length(cells[i], strlen(cells[i])));
		printf("%*s%s%*s%s", column > 0 ? padding : 0, "", cells[i], column == 0 ? padding : 0, "",
		       column + 1 == COLUMNS ? "\n" : "  ");
	}
}

static void print_findings(const struct audit_outcome *outcome, struct viva_arena *arena)
{
	const struct audit_result *result = &outcome->result;
	size_t flagged = 0;
	size_t suppressed = 0;
	for (size_t i = 0; i < result->group_count; i++) {
		const struct audit_group *group = &result->groups[i];
		suppressed += group->is_suppressed && group->name[0] != '\0';
		if (!group->is_flagged)
			continue;
		flagged++;
		printf("! %s is selected %.0f %% as often as %s: below four fifths.\n",
		       viva_report_clean(arena, group->name, MAX_NAME), 100 * group->ratio,
		       viva_report_clean(arena, result->best, MAX_NAME));
	}
	if (!result->best)
		puts("There is nothing to compare: no two groups are large enough, or nobody in them is selected.");
	else if (flagged == 0)
		puts("No impact ratio is below four fifths.");
	if (suppressed > 0)
		printf("%zu group%s of fewer than %zu, or under %g %% of all, %s only counted: so few say nothing.\n",
		       suppressed, suppressed == 1 ? "" : "s", outcome->rule.min_count, 100 * outcome->rule.min_share,
		       suppressed == 1 ? "is" : "are");
	if (outcome->not_scorable > 0)
		printf("Left out: %zu that could not be scored.\n", outcome->not_scorable);
	if (outcome->without_score > 0)
		printf("Left out: %zu without a score.\n", outcome->without_score);
	puts("A ratio below 0.80 asks for a closer look; it proves no bias, nor does one above it prove there is "
	     "none.");
}

int audit_print_text(const struct audit_outcome *outcome, struct viva_arena *arena)
{
	static const char *const heading[COLUMNS] = {"GROUP", "N", "SELECTED", "RATE", "IMPACT RATIO", "P", "MEAN"};
	const struct audit_result *result = &outcome->result;
	const char **cells = viva_arena_alloc(arena, (result->group_count + 1) * COLUMNS * sizeof *cells);
	if (!cells)
		return VIVA_ENOMEM;
	memcpy(cells, heading, sizeof heading);
	for (size_t i = 0; i < result->group_count; i++)
		fill_row(&result->groups[i], arena, cells + (i + 1) * COLUMNS);
	printf("%zu of %zu interviews have a score. Selected: %s %s %.2f\n\n", result->count, outcome->rows,
	       viva_report_clean(arena, outcome->score, MAX_NAME),
	       outcome->rule.has_threshold ? "of at least" : "above the median of", result->cut);
	print_cells(cells, result->group_count + 1);
	putchar('\n');
	print_findings(outcome, arena);
	return 0;
}

static json_t *number_or_null(bool is_there, double number, int digits)
{
	return is_there ? viva_json_real(number, digits) : json_null();
}

static json_t *group_json(const struct audit_group *group)
{
	bool is_shown = !group->is_suppressed;
	return json_pack("{s:s?, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:b}", "group", group->name[0] ? group->name : NULL,
			 "n", (json_int_t)group->count, "suppressed", group->is_suppressed, "selected",
			 is_shown ? json_integer((json_int_t)group->selected) : json_null(), "rate",
			 number_or_null(is_shown, group->rate, 4), "impact_ratio",
			 number_or_null(group->has_ratio, group->ratio, 4), "p_value",
			 number_or_null(group->has_ratio, group->p_value, 6), "mean",
			 number_or_null(is_shown, group->mean, 2), "below_four_fifths", group->is_flagged);
}

int audit_print_json(const struct audit_outcome *outcome)
{
	const struct audit_result *result = &outcome->result;
	VIVA_AUTO_JSON groups = json_array();
	for (size_t i = 0; i < result->group_count; i++) {
		if (json_array_append_new(groups, group_json(&result->groups[i])))
			return VIVA_ENOMEM;
	}
	VIVA_AUTO_JSON json =
		json_pack("{s:s, s:s, s:{s:s, s:o}, s:I, s:I, s:I, s:I, s:I, s:f, s:s?, s:O}", "score", outcome->score,
			  "group_by", outcome->group_by, "selection", "rule",
			  outcome->rule.has_threshold ? "at_least" : "above_median", "cut",
			  viva_json_real(result->cut, 4), "rows", (json_int_t)outcome->rows, "scored",
			  (json_int_t)result->count, "not_scorable", (json_int_t)outcome->not_scorable, "without_score",
			  (json_int_t)outcome->without_score, "min_group", (json_int_t)outcome->rule.min_count,
			  "min_share", outcome->rule.min_share, "compared_with", result->best, "groups", groups);
	if (!json || json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10)))
		return VIVA_ENOMEM;
	putchar('\n');
	return 0;
}

// Quoted, and so that no spreadsheet takes a name for a formula.
static void print_name(const char *name)
{
	putchar('"');
	if (strchr("=+-@\t\r", name[0]) && name[0] != '\0')
		putchar('\'');
	for (; *name; name++) {
		if (*name == '"')
			putchar('"');
		putchar(*name);
	}
	putchar('"');
}

int audit_print_csv(const struct audit_outcome *outcome)
{
	puts("group,n,selected,rate,impact_ratio,p_value,mean,below_four_fifths,suppressed");
	for (size_t i = 0; i < outcome->result.group_count; i++) {
		const struct audit_group *group = &outcome->result.groups[i];
		print_name(group->name);
		printf(",%zu", group->count);
		if (group->is_suppressed) {
			puts(",,,,,,false,true");
			continue;
		}
		printf(",%zu,%.4f", group->selected, group->rate);
		if (group->has_ratio)
			printf(",%.4f,%.6f", group->ratio, group->p_value);
		else
			printf(",,");
		printf(",%.2f,%s,false\n", group->mean, group->is_flagged ? "true" : "false");
	}
	return 0;
}
