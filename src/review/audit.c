// SPDX-License-Identifier: Apache-2.0
//
// `viva audit`.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "review/audit_print.h"
#include "review/audit_table.h"
#include "review/platform.h"
#include "review/review.h"

enum { MAX_ID = 63, MAX_GROUP_COLUMNS = 4 };

static const char usage[] =
	"viva audit --group-by COLUMN[,COLUMN…] FILE.csv [OPTIONS]\n"
	"Compares how often candidates of each group are selected by their scores. FILE.csv has a row for each "
	"interview, with\n"
	"its id and its candidate's groups; the scores are the platform's, or in a column of their own.";

static const struct viva_option options[] = {
	{.name = "group-by",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "COLUMN[,COLUMN…]",
	 .help = "Column that tells the groups; of several each combination is a group"},
	{.name = "id-column",
	 .type = VIVA_OPTION_TEXT,
	 .help = "Column with the interviews' ids; none: interview_id, session_id or id"},
	{.name = "score",
	 .type = VIVA_OPTION_CHOICE,
	 .default_value = "overall",
	 .unit = "overall|technical|communication",
	 .help = "Which of the platform's scores"},
	{.name = "score-column",
	 .type = VIVA_OPTION_TEXT,
	 .help = "Column with the scores, 0 to 100 or empty: then no platform is asked"},
	{.name = "threshold",
	 .type = VIVA_OPTION_REAL,
	 .min = 0,
	 .max = 100,
	 .help = "Selected are scores of at least so much; none: those above the median of all"},
	{.name = "min-group",
	 .type = VIVA_OPTION_INT,
	 .default_value = "10",
	 .min = 1,
	 .max = 1000000,
	 .help = "Smaller groups are only counted"},
	{.name = "min-share",
	 .type = VIVA_OPTION_REAL,
	 .default_value = "2",
	 .min = 0,
	 .max = 100,
	 .unit = "percent",
	 .help = "Groups with a smaller share of all are only counted"},
	{.name = "json", .type = VIVA_OPTION_FLAG, .help = "As one JSON object"},
	{.name = "csv", .type = VIVA_OPTION_FLAG, .help = "As CSV, a row for each group"},
};

struct audit {
	const struct viva_config *config;
	struct viva_arena *arena;
	struct audit_table table;
	size_t group_columns[MAX_GROUP_COLUMNS];
	size_t group_column_count;
	size_t id_column, score_column;  // column_count = none
	const char *score_member;        // of the platform's answer
	struct audit_person *persons;
	struct audit_outcome outcome;
};

static int find_column(const struct audit *audit, const char *option, const char *name, size_t size, size_t *ret_column,
		       struct viva_error *error)
{
	size_t column = audit_table_column(&audit->table, name, size);
	if (column == audit->table.column_count)
		return viva_fail(error, VIVA_EUSAGE, option, "--%s: there is no column \"%.*s\"", option,
				 (int)VIVA_MIN(size, 64u), name);
	*ret_column = column;
	return 0;
}

static int find_group_columns(struct audit *audit, struct viva_error *error)
{
	const char *names = viva_config_text(audit->config, "group-by");
	if (!names || names[0] == '\0')
		return viva_fail(error, VIVA_EUSAGE, "group-by",
				 "--group-by is missing: which column tells the groups?");
	audit->outcome.group_by = names;
	for (;;) {
		size_t size = strcspn(names, ",");
		if (audit->group_column_count == MAX_GROUP_COLUMNS)
			return viva_fail(error, VIVA_EUSAGE, "group-by", "--group-by takes at most %d columns",
					 (int)MAX_GROUP_COLUMNS);
		int status = find_column(audit, "group-by", names, size,
					 &audit->group_columns[audit->group_column_count], error);
		if (status)
			return status;
		audit->group_column_count++;
		if (names[size] == '\0')
			return 0;
		names += size + 1;
	}
}

static int find_id_column(struct audit *audit, struct viva_error *error)
{
	static const char *const usual[] = {"interview_id", "session_id", "id"};
	const char *given = viva_config_text(audit->config, "id-column");
	audit->id_column = audit->table.column_count;
	if (given)
		return find_column(audit, "id-column", given, strlen(given), &audit->id_column, error);
	for (size_t i = 0; i < VIVA_COUNT(usual) && audit->id_column == audit->table.column_count; i++)
		audit->id_column = audit_table_column(&audit->table, usual[i], strlen(usual[i]));
	if (audit->id_column == audit->table.column_count && audit->score_column == audit->table.column_count)
		return viva_fail(error, VIVA_EUSAGE, "id-column",
				 "there is no column interview_id, session_id or id: name it by --id-column");
	return 0;
}

static int find_score(struct audit *audit, struct viva_error *error)
{
	static const char *const members[] = {"overall_score", "technical_score", "communication_score"};
	const char *column = viva_config_text(audit->config, "score-column");
	audit->score_column = audit->table.column_count;
	if (column) {
		audit->outcome.score = column;
		return find_column(audit, "score-column", column, strlen(column), &audit->score_column, error);
	}
	audit->outcome.score = viva_config_text(audit->config, "score");
	audit->score_member = members[viva_config_choice(audit->config, "score")];
	return 0;
}

struct place {
	const char *id;
	size_t line;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

// Nobody may count twice.
static int check_ids(const struct audit *audit, struct viva_error *error)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const struct audit_table *table = &audit->table;
	if (audit->id_column == table->column_count)
		return 0;
	struct place *places = viva_arena_alloc(audit->arena, (table->row_count + 1) * sizeof *places);
	if (!places)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < table->row_count; i++) {
		const char *id = audit_table_cell(table, i, audit->id_column);
		if (id[0] == '\0' || strlen(id) > MAX_ID || strspn(id, letters) != strlen(id))
			return viva_fail(error, VIVA_EUSAGE, NULL, "line %zu: \"%.64s\" is no interview's id",
					 table->lines[i], id);
		places[i] = (struct place){.id = id, .line = table->lines[i]};
	}
	qsort(places, table->row_count, sizeof *places, compare_places);
	for (size_t i = 1; i < table->row_count; i++) {
		if (strcmp(places[i].id, places[i - 1].id) == 0)
			return viva_fail(error, VIVA_EUSAGE, NULL, "lines %zu and %zu are of the same interview %s",
					 places[i - 1].line, places[i].line, places[i].id);
	}
	return 0;
}

// The groups of a row joined; "" where one of them is not known.
static const char *group_of(const struct audit *audit, size_t row)
{
	const char *group = "";
	for (size_t i = 0; i < audit->group_column_count && group; i++) {
		const char *cell = audit_table_cell(&audit->table, row, audit->group_columns[i]);
		if (cell[0] == '\0')
			return "";
		group = i == 0 ? cell : viva_arena_printf(audit->arena, "%s / %s", group, cell);
	}
	return group;
}

static int add(struct audit *audit, size_t row, double score)
{
	const char *group = group_of(audit, row);
	if (!group)
		return VIVA_ENOMEM;
	audit->persons[audit->outcome.result.count++] = (struct audit_person){.group = group, .score = score};
	return 0;
}

static int take_from_table(struct audit *audit, struct viva_error *error)
{
	for (size_t i = 0; i < audit->table.row_count; i++) {
		const char *cell = audit_table_cell(&audit->table, i, audit->score_column);
		double score;
		if (cell[0] == '\0') {
			audit->outcome.without_score++;
			continue;
		}
		if (viva_parse_double(cell, 0, 100, &score))
			return viva_fail(error, VIVA_EUSAGE, "score-column",
					 "line %zu: \"%.32s\" is no score from 0 to 100", audit->table.lines[i], cell);
		if (add(audit, i, score))
			return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	}
	return 0;
}

static int ask(struct audit *audit, struct candidate_client *client, size_t row, struct viva_error *error)
{
	char path[128];
	VIVA_AUTO_JSON json = NULL;
	const char *id = audit_table_cell(&audit->table, row, audit->id_column);
	snprintf(path, sizeof path, "/api/v1/scores/session/%s", id);
	const struct candidate_request request = {.method = "GET", .path = path};
	int status = candidate_call_json(client, &request, &json, error);
	if (status == VIVA_ENOTFOUND) {
		audit->outcome.without_score++;
		return 0;
	}
	if (status)
		return status;
	const json_t *score = json_object_get(json, audit->score_member);
	if (!json_is_number(score)) {
		audit->outcome.not_scorable++;
		return 0;
	}
	return add(audit, row, json_number_value(score)) ? viva_fail(error, VIVA_ENOMEM, NULL, "out of memory") : 0;
}

static int take_from_platform(struct audit *audit, struct viva_error *error)
{
	VIVA_AUTO(candidate_client) client = NULL;
	int status = candidate_client_create(audit->config, &client, error);
	for (size_t i = 0; i < audit->table.row_count && !status; i++)
		status = ask(audit, client, i, error);
	return status;
}

static int take_scores(struct audit *audit, struct viva_error *error)
{
	audit->persons = viva_arena_alloc(audit->arena, (audit->table.row_count + 1) * sizeof *audit->persons);
	if (!audit->persons)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	audit->outcome.rows = audit->table.row_count;
	return audit->score_column < audit->table.column_count ? take_from_table(audit, error)
							       : take_from_platform(audit, error);
}

static int read_input(struct audit *audit, struct viva_error *error)
{
	if (viva_config_positional_count(audit->config) != 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "give one CSV file");
	if (viva_config_flag(audit->config, "json") && viva_config_flag(audit->config, "csv"))
		return viva_fail(error, VIVA_EUSAGE, "csv", "--json and --csv exclude each other");
	int status = audit_table_read(viva_config_positional(audit->config, 0), audit->arena, &audit->table, error);
	if (!status)
		status = find_group_columns(audit, error);
	if (!status)
		status = find_score(audit, error);
	if (!status)
		status = find_id_column(audit, error);
	return status ? status : check_ids(audit, error);
}

static int print(const struct audit *audit)
{
	if (viva_config_flag(audit->config, "json"))
		return audit_print_json(&audit->outcome);
	if (viva_config_flag(audit->config, "csv"))
		return audit_print_csv(&audit->outcome);
	return audit_print_text(&audit->outcome, audit->arena);
}

static int run(const struct viva_config *config, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	if (viva_arena_create((size_t)1 << 30, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	struct audit audit = {
		.config = config,
		.arena = arena,
		.outcome.rule = {.has_threshold = viva_config_is_set(config, "threshold"),
				 .threshold = viva_config_real(config, "threshold"),
				 .min_count = (size_t)viva_config_int(config, "min-group"),
				 .min_share = viva_config_real(config, "min-share") / 100},
	};
	int status = read_input(&audit, error);
	if (!status)
		status = take_scores(&audit, error);
	if (status)
		return status;
	if (audit_judge(audit.persons, audit.outcome.result.count, &audit.outcome.rule, arena, &audit.outcome.result) ||
	    print(&audit))
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	return 0;
}

int viva_audit_main(int argument_count, char **arguments)
{
	int exit_status = 0;
	struct viva_error error = {0};
	VIVA_AUTO(viva_config)
	config = review_load("audit", usage, options, VIVA_COUNT(options), argument_count, arguments, &exit_status);
	if (!config)
		return exit_status;
	int status = run(config, &error);
	return status ? viva_command_fail("audit", status, &error) : 0;
}
