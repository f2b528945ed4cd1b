// SPDX-License-Identifier: Apache-2.0
//
// `viva questions`: works on files only, so it needs no running platform.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/file.h"
#include "base/json.h"
#include "operate/operate.h"
#include "operate/text.h"
#include "questions/exchange.h"
#include "questions/lint.h"

static const char usage[] =
	"viva questions lint|list|export [OPTIONS]\n"
	"viva questions import FILE [OPTIONS]\n"
	"Checks, shows and converts question banks. A bank is what --questions of interview and scoring names; "
	"without\n"
	"--bank it is the one that comes with Viva. import reads JSON or CSV and writes a whole bank, checked.";

static const struct viva_option options[] = {
	{.name = "bank",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "The bank that is checked, shown or exported"},
	{.name = "into",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "import: a bank that the questions are put into, in place of those of the same id or key"},
	{.name = "format",
	 .type = VIVA_OPTION_CHOICE,
	 .unit = "json|csv",
	 .help = "Where it is not given, what the file's name ends in, else json"},
	{.name = "output", .type = VIVA_OPTION_TEXT, .unit = "path", .help = "File to write; default standard output"},
	{.name = "set", .type = VIVA_OPTION_TEXT, .help = "Only the questions of this set"},
	{.name = "category", .type = VIVA_OPTION_TEXT, .help = "list: only questions of this category"},
	{.name = "topic", .type = VIVA_OPTION_TEXT, .help = "list: only questions on this topic"},
	{.name = "json", .type = VIVA_OPTION_FLAG, .help = "list: as JSON"},
};

struct command {
	const struct viva_config *config;
	struct viva_arena *arena;
	struct viva_question_bank *bank;
	const struct viva_question_set *set;  // NULL = all questions
};

static int open_bank(struct command *command, struct viva_error *error)
{
	int code = viva_question_bank_open(viva_config_text(command->config, "bank"), &command->bank, error);
	const char *name = viva_config_text(command->config, "set");
	if (code != 0 || !name)
		return code;
	command->set = viva_question_bank_set(command->bank, name);
	return command->set ? 0 : viva_fail(error, VIVA_EUSAGE, "set", "the bank has no set \"%.64s\"", name);
}

static bool wants_csv(const struct command *command, const char *path)
{
	const char *format = viva_config_text(command->config, "format");
	size_t size = path ? strlen(path) : 0;
	return format ? strcmp(format, "csv") == 0 : size >= 4 && strcmp(path + size - 4, ".csv") == 0;
}

// To --output or standard output. A file is there whole or not at all.
static int write_out(const struct command *command, const void *data, size_t size, struct viva_error *error)
{
	const char *path = viva_config_text(command->config, "output");
	const char *part = path ? viva_arena_printf(command->arena, "%s.part", path) : "standard output";
	FILE *file = path && part ? fopen(part, "wbe") : path ? NULL : stdout;
	bool is_written = file && fwrite(data, 1, size, file) == size && fflush(file) == 0;
	if (path && file)
		is_written = fclose(file) == 0 && is_written && rename(part, path) == 0;
	if (is_written)
		return 0;
	int code = viva_fail(error, VIVA_EIO, "output", "%.200s can't be written: %s", path ? path : part,
			     strerror(errno));
	if (path && file)
		unlink(part);
	return code;
}

static int write_json(const struct command *command, const json_t *json, struct viva_error *error)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
	const char *line = text ? viva_arena_printf(command->arena, "%s\n", text) : NULL;
	free(text);
	return line ? write_out(command, line, strlen(line), error)
		    : viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the questions");
}

// ---- lint

static void print_finding(const struct viva_question_finding *finding, void *context)
{
	const struct command *command = context;
	const char *path = viva_config_text(command->config, "bank");
	printf("%s: %s: %s: %s\n", path ? path : viva_question_bank_default_path(), finding->place, finding->field,
	       operate_clean_text(command->arena, finding->sentence));
}

static int lint(struct command *command, struct viva_error *error)
{
	size_t count = 0;
	int code = open_bank(command, error);
	if (code == 0)
		code = viva_question_bank_lint(command->bank, print_finding, command, &count);
	if (code != 0)
		return code;
	if (count > 0)
		return viva_fail(error, VIVA_EFIELD, NULL, "%zu things to look at", count);
	printf("%zu questions in %zu sets: nothing to complain about\n",
	       viva_question_bank_question_count(command->bank), viva_question_bank_set_count(command->bank));
	return 0;
}

// ---- list

static bool is_listed(const struct command *command, const struct viva_question *question)
{
	const char *category = viva_config_text(command->config, "category");
	const char *topic = viva_config_text(command->config, "topic");
	return (!category || strcmp(category, question->category) == 0) &&
	       (!topic || strcmp(topic, question->topic) == 0);
}

static int print_questions(struct command *command, const struct viva_question *const *questions, size_t count,
			   struct viva_error *error)
{
	enum { COLUMNS = 6 };
	static const char *const headings[COLUMNS] = {"KEY", "CATEGORY", "TOPIC", "LEVEL", "TIME", "QUESTION"};
	const char **cells = viva_arena_alloc(command->arena, (count + 1) * sizeof headings);
	if (!cells)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the table");
	memcpy(cells, headings, sizeof headings);
	for (size_t i = 0; i < count; i++) {
		const char **row = cells + (i + 1) * COLUMNS;
		const char *level = viva_arena_printf(command->arena, "%d", questions[i]->difficulty);
		const char *time = viva_arena_printf(command->arena, "%d s", questions[i]->seconds);
		row[0] = questions[i]->key;
		row[1] = questions[i]->category;
		row[2] = questions[i]->topic[0] ? questions[i]->topic : "-";
		row[3] = level ? level : "?";
		row[4] = time ? time : "?";
		row[5] = operate_clean_text(command->arena, questions[i]->text);
	}
	operate_print_table(cells, count + 1, COLUMNS, 0x18);
	return 0;
}

static int list(struct command *command, struct viva_error *error)
{
	int code = open_bank(command, error);
	if (code != 0)
		return code;
	size_t all = command->set ? command->set->question_count : viva_question_bank_question_count(command->bank);
	const struct viva_question **listed = viva_arena_alloc(command->arena, (all + 1) * sizeof *listed);
	VIVA_AUTO_JSON json = json_array();
	if (!listed || !json)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the list");
	size_t count = 0;
	for (size_t i = 0; i < all; i++) {
		const struct viva_question *question =
			command->set ? command->set->questions[i] : viva_question_bank_question_at(command->bank, i);
		if (is_listed(command, question))
			listed[count++] = question;
	}
	if (!viva_config_flag(command->config, "json"))
		return print_questions(command, listed, count, error);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(json,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:I}", "id", listed[i]->id,
						"key", listed[i]->key, "text", listed[i]->text, "category",
						listed[i]->category, "topic", listed[i]->topic, "difficulty",
						listed[i]->difficulty, "seconds", listed[i]->seconds,
						"has_reference_answer", listed[i]->reference_answer[0] != '\0',
						"graded_answers", (json_int_t)listed[i]->graded_answer_count));
	return write_json(command, json, error);
}

// ---- export and import

static int export(struct command *command, struct viva_error *error)
{
	int code = open_bank(command, error);
	if (code != 0)
		return code;
	if (!wants_csv(command, viva_config_text(command->config, "output"))) {
		VIVA_AUTO_JSON json = viva_questions_to_json(command->bank, command->set);
		return write_json(command, json, error);
	}
	struct viva_buffer text = {.limit = 4 * (size_t)VIVA_QUESTION_BANK_MAX_BYTES};
	code = viva_questions_to_csv(command->bank, command->set, &text);
	if (code == 0)
		code = write_out(command, text.data, text.size, error);
	viva_buffer_finish(&text);
	return code;
}

// The bank in a file, as JSON; `is_csv` says what the file is.
static int read_bank(const char *path, bool is_csv, json_t **ret_json, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	struct viva_error cause = {0};
	int code = viva_file_read(path, VIVA_QUESTION_BANK_MAX_BYTES, &text, &size);
	if (code != 0)
		return viva_fail(error, code, NULL, "%.200s can't be read: %s", path,
				 code == VIVA_ELIMIT ? "it is too large" : strerror(errno));
	struct viva_bytes bytes = viva_bytes_of(text, size);
	code = is_csv ? viva_questions_from_csv(bytes, ret_json, &cause)
		      : viva_json_parse(bytes, VIVA_QUESTION_BANK_MAX_BYTES, ret_json, &cause);
	return code == 0 ? 0 : viva_fail(error, code, NULL, "%.200s: %s", path, viva_error_message(&cause));
}

static int check(struct command *command, const char *path, const json_t *bank, struct viva_error *error)
{
	char *text = json_dumps(bank, JSON_COMPACT);
	if (!text)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bank");
	int code = viva_question_bank_read(viva_bytes_of_text(text), path, &command->bank, error);
	free(text);
	return code;
}

static int import(struct command *command, struct viva_error *error)
{
	const char *path = viva_config_positional(command->config, 1);
	const char *into = viva_config_text(command->config, "into");
	VIVA_AUTO_JSON added = NULL;
	VIVA_AUTO_JSON bank = NULL;
	if (!path)
		return viva_fail(error, VIVA_EUSAGE, NULL, "import needs a FILE");
	int code = read_bank(path, wants_csv(command, path), &added, error);
	if (code == 0 && into)
		code = read_bank(into, false, &bank, error);
	if (code == 0 && !into && !(bank = json_pack("{s:i, s:[], s:[]}", "format", 1, "questions", "sets")))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the bank");
	if (code == 0)
		code = viva_questions_merge(bank, added, error);
	if (code == 0)
		code = check(command, path, bank, error);
	if (code == 0)
		code = write_json(command, bank, error);
	if (code == 0)
		fprintf(stderr, "%zu questions in %zu sets\n", viva_question_bank_question_count(command->bank),
			viva_question_bank_set_count(command->bank));
	return code;
}

static int run(struct command *command, struct viva_error *error)
{
	static const struct {
		const char *name;
		int (*run)(struct command *command, struct viva_error *error);
		size_t arguments;
	} actions[] = {{"lint", lint, 1}, {"list", list, 1}, {"export", export, 1}, {"import", import, 2}};
	const char *name = viva_config_positional(command->config, 0);
	if (!name)
		return viva_fail(error, VIVA_EUSAGE, NULL, "lint, list, import or export is missing");
	for (size_t i = 0; i < VIVA_COUNT(actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		const char *extra = viva_config_positional(command->config, actions[i].arguments);
		return extra ? viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%.64s\"", extra)
			     : actions[i].run(command, error);
	}
	return viva_fail(error, VIVA_EUSAGE, NULL, "there is no action \"%.64s\": lint, list, import or export", name);
}

int viva_questions_main(int argument_count, char **arguments)
{
	const struct viva_command loaded = {"questions", usage, {options}, {VIVA_COUNT(options)}};
	int status = 0;
	struct viva_error error = {0};
	struct command command = {0};
	VIVA_AUTO(viva_config) config = viva_command_load(&loaded, argument_count, arguments, &status);
	VIVA_AUTO(viva_arena) arena = NULL;
	if (!config)
		return status;
	if (viva_arena_create(0, &arena) != 0)
		return viva_command_fail("questions", VIVA_ENOMEM, &error);
	command.config = config;
	command.arena = arena;
	int code = run(&command, &error);
	viva_question_bank_destroy(command.bank);
	return code == 0 ? 0 : viva_command_fail("questions", code, &error);
}
