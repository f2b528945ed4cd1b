// SPDX-License-Identifier: Apache-2.0
//
// `viva dead-letters list|show|replay|drop`.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "operate/command.h"
#include "operate/letter.h"
#include "operate/operate.h"
#include "operate/text.h"

static const char usage[] =
	"viva dead-letters list [OPTIONS]\n"
	"viva dead-letters show ID [OPTIONS]\n"
	"viva dead-letters replay ID… | --all [OPTIONS]\n"
	"viva dead-letters drop ID… | --all [OPTIONS]\n"
	"Shows the messages that could not be dealt with, gives them another chance, or does away with them.";

static const struct viva_option options[] = {
	{.name = "queue",
	 .type = VIVA_OPTION_TEXT,
	 .help = "Only those that died in this queue; a partitioned one's name stands for its partitions"},
	{.name = "all", .type = VIVA_OPTION_FLAG, .help = "Replay or drop all, of --queue if that is given"},
	{.name = "limit",
	 .type = VIVA_OPTION_INT,
	 .default_value = "100",
	 .min = 1,
	 .max = 1000000,
	 .help = "How many are listed at most, the oldest first"},
	{.name = "raw",
	 .type = VIVA_OPTION_FLAG,
	 .help = "Show writes the body as it is, which may be a candidate's face or words; with --json as base64"},
	{.name = "json", .type = VIVA_OPTION_FLAG, .help = "As JSON"},
};

enum verb { LIST, SHOW, REPLAY, DROP };

// One run of the command. Memory is the arena's.
struct run {
	const struct viva_config *config;
	struct viva_arena *arena;
	enum verb verb;
	size_t id_count;
	bool *is_found;  // by id
	bool is_json, is_raw;
	size_t limit;  // of those listed
	size_t chosen;
	const char **cells;  // LIST: a row for each chosen one
	json_t *list;        // JSON: of letters, or of their ids
	struct viva_bytes raw;
	bool is_out_of_memory;
};

static const char *id_at(const struct run *run, size_t index)
{
	return viva_config_positional(run->config, index + 1);
}

// ---- choosing

static bool is_of_queue(const struct run *run, const char *queue)
{
	const char *wanted = viva_config_text(run->config, "queue");
	size_t size = wanted ? strlen(wanted) : 0;
	return !wanted || strcmp(queue, wanted) == 0 || (strncmp(queue, wanted, size) == 0 && queue[size] == '.');
}

static bool is_chosen(struct run *run, const struct viva_bus_dead_letter *letter)
{
	if (!is_of_queue(run, letter->queue))
		return false;
	bool is = run->id_count == 0;
	for (size_t i = 0; i < run->id_count; i++)
		if (strcmp(letter->message.message_id, id_at(run, i)) == 0)
			is = run->is_found[i] = true;
	return is;
}

// ---- what is done with each

static void add_to_list(struct run *run, json_t *item)
{
	if (!item || json_array_append_new(run->list, item))
		run->is_out_of_memory = true;
}

static void list_letter(struct run *run, const struct viva_bus_dead_letter *letter)
{
	if (run->is_json)
		add_to_list(run, operate_letter_json(run->arena, letter));
	else
		operate_letter_cells(run->arena, letter, run->cells + (run->chosen + 1) * OPERATE_LETTER_COLUMNS);
}

static json_t *raw_json(struct viva_bytes body)
{
	size_t size = viva_base64_encoded_size(body.size);
	VIVA_AUTO_FREE char *text = malloc(size + 1);
	if (!text)
		return NULL;
	viva_base64_encode(body.data, body.size, text);
	return json_stringn(text, size);
}

static void show_letter(struct run *run, const struct viva_bus_dead_letter *letter)
{
	struct viva_bytes body = letter->message.body;
	if (run->is_json) {
		json_t *item = operate_letter_json(run->arena, letter);
		json_t *shown = run->is_raw ? raw_json(body) : operate_body_json(body);
		if (!shown || json_object_set_new(item, run->is_raw ? "body_base64" : "body", shown))
			run->is_out_of_memory = true;
		add_to_list(run, item);
	} else if (run->is_raw) {
		run->raw = viva_bytes_of(viva_arena_text(run->arena, (const char *)body.data, body.size), body.size);
		run->is_out_of_memory = run->is_out_of_memory || !run->raw.data;
	} else {
		if (run->chosen > 0)
			putchar('\n');
		operate_print_letter(run->arena, letter);
	}
}

static enum viva_bus_dead_letter_action visit(const struct viva_bus_dead_letter *letter, void *context)
{
	struct run *run = context;
	if (run->is_out_of_memory || run->chosen >= run->limit || !is_chosen(run, letter))
		return VIVA_BUS_KEEP;
	if (run->verb == LIST)
		list_letter(run, letter);
	else if (run->verb == SHOW)
		show_letter(run, letter);
	else if (run->is_json)
		add_to_list(run, json_string(operate_clean_text(run->arena, letter->message.message_id)));
	run->chosen++;
	if (run->is_out_of_memory || run->verb == LIST || run->verb == SHOW)
		return VIVA_BUS_KEEP;
	return run->verb == REPLAY ? VIVA_BUS_REPLAY : VIVA_BUS_DROP;
}

// ---- what is said at the end

static int print_json(json_t *json, struct viva_error *error)
{
	int failed = json ? json_dumpf(json, stdout, JSON_INDENT(2)) : -1;
	json_decref(json);
	if (failed)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the answer");
	putchar('\n');
	return 0;
}

static int finish_list(struct run *run, int64_t total, struct viva_error *error)
{
	if (run->is_json)
		return print_json(json_incref(run->list), error);
	if (run->chosen == 0) {
		puts("no dead letters");
		return 0;
	}
	operate_letter_cells(run->arena, NULL, run->cells);
	operate_print_table(run->cells, run->chosen + 1, OPERATE_LETTER_COLUMNS, 0x10);
	if (run->chosen == run->limit && total > (int64_t)run->chosen)
		printf("the first %zu of at most %lld (--limit shows more)\n", run->chosen, (long long)total);
	return 0;
}

static int finish_show(struct run *run, struct viva_error *error)
{
	if (run->is_json)
		return run->chosen > 0 ? print_json(json_incref(run->list), error) : 0;
	if (run->is_raw && run->chosen > 1)
		return viva_fail(error, VIVA_ECONFLICT, NULL,
				 "%zu dead letters have this id: --queue must say which to show", run->chosen);
	if (run->is_raw && fwrite(run->raw.data, 1, run->raw.size, stdout) != run->raw.size)
		return viva_fail(error, VIVA_EIO, NULL, "the body can't be written");
	return 0;
}

static int finish_action(struct run *run, struct viva_error *error)
{
	const char *done = run->verb == REPLAY ? "replayed" : "dropped";
	if (run->is_json)
		return print_json(json_pack("{s:O}", done, run->list), error);
	printf("%s %zu dead letter%s\n", done, run->chosen, run->chosen == 1 ? "" : "s");
	return 0;
}

static int tell_missing(const struct run *run, struct viva_error *error)
{
	for (size_t i = 0; i < run->id_count; i++)
		if (!run->is_found[i])
			return viva_fail(error, VIVA_ENOTFOUND, NULL, "no dead letter%s has the id \"%.64s\"",
					 viva_config_text(run->config, "queue") ? " of this queue" : "", id_at(run, i));
	return 0;
}

// ---- the command

static int read_verb(const struct viva_config *config, enum verb *ret_verb, struct viva_error *error)
{
	static const char *const verbs[] = {"list", "show", "replay", "drop"};
	if (viva_config_positional_count(config) == 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "what to do is missing: list, show, replay or drop");
	for (size_t i = 0; i < VIVA_COUNT(verbs); i++) {
		if (strcmp(viva_config_positional(config, 0), verbs[i]) == 0) {
			*ret_verb = (enum verb)i;
			return 0;
		}
	}
	return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.64s\" is not list, show, replay or drop",
			 viva_config_positional(config, 0));
}

static int check_usage(const struct run *run, struct viva_error *error)
{
	bool is_all = viva_config_flag(run->config, "all");
	if (run->verb == LIST && run->id_count > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "list takes no ids (show does)");
	if (run->verb == SHOW && run->id_count != 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "show takes one id");
	if (is_all && (run->verb == LIST || run->verb == SHOW))
		return viva_fail(error, VIVA_EUSAGE, "all", "--all is for replay and drop");
	if (run->verb >= REPLAY && is_all == (run->id_count > 0))
		return viva_fail(error, VIVA_EUSAGE, "all", "replay and drop take ids, or --all");
	if (run->is_raw && run->verb != SHOW)
		return viva_fail(error, VIVA_EUSAGE, "raw", "--raw is for show");
	return 0;
}

static int prepare(struct run *run, struct viva_error *error)
{
	int status = read_verb(run->config, &run->verb, error);
	if (status)
		return status;
	run->id_count = viva_config_positional_count(run->config) - 1;
	run->is_json = viva_config_flag(run->config, "json");
	run->is_raw = viva_config_flag(run->config, "raw");
	run->limit = run->verb == LIST ? (size_t)viva_config_int(run->config, "limit") : SIZE_MAX;
	return check_usage(run, error);
}

// Bounds the visit: what dies again while it is being replayed is not for this run.
static int count_letters(struct viva_bus *bus, struct run *run, int64_t *ret_count, struct viva_error *error)
{
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	int status = viva_bus_queues(bus, run->arena, &queues, &count, error);
	for (size_t i = 0; i < count && !status; i++)
		if (strcmp(queues[i].name, VIVA_BUS_DEAD_LETTERS) == 0)
			*ret_count = queues[i].waiting;
	return status;
}

static int make_room(struct run *run, int64_t total, struct viva_error *error)
{
	size_t rows = run->verb == LIST ? VIVA_MIN((size_t)total, run->limit) + 1 : 1;
	run->is_found = viva_arena_alloc(run->arena, run->id_count + 1);
	run->cells = viva_arena_alloc(run->arena, rows * OPERATE_LETTER_COLUMNS * sizeof run->cells[0]);
	run->list = json_array();
	if (!run->is_found || !run->cells || !run->list)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to look at the dead letters");
	return 0;
}

static int look(struct run *run, struct viva_error *error)
{
	VIVA_AUTO(viva_bus) bus = NULL;
	int64_t total = 0;
	size_t visited = 0;
	int status = prepare(run, error);
	if (!status)
		status = operate_open_bus(run->config, &bus, error);
	if (!status)
		status = count_letters(bus, run, &total, error);
	if (!status)
		status = make_room(run, total, error);
	if (status)
		return status;
	bool is_short = run->verb == LIST && !viva_config_text(run->config, "queue");
	size_t most = is_short ? VIVA_MIN((size_t)total, run->limit) : (size_t)total;
	status = viva_bus_visit_dead_letters(bus, most, visit, run, &visited, error);
	if (!status && run->is_out_of_memory)
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for so many dead letters (--limit, --queue)");
	if (status)
		return status;
	if (run->verb == LIST)
		return finish_list(run, total, error);
	status = run->verb == SHOW ? finish_show(run, error) : finish_action(run, error);
	return status ? status : tell_missing(run, error);
}

int viva_dead_letters_main(int argument_count, char **arguments)
{
	enum { MAX_BYTES = 512 << 20 };
	int exit_status = 0;
	struct viva_error error = {0};
	VIVA_AUTO(viva_config)
	config = operate_load("dead-letters", usage, options, VIVA_COUNT(options), argument_count, arguments,
			      &exit_status);
	if (!config)
		return exit_status;
	VIVA_AUTO(viva_arena) arena = NULL;
	struct run run = {.config = config};
	int status = viva_arena_create(MAX_BYTES, &arena);
	run.arena = arena;
	if (status)
		viva_fail(&error, status, NULL, "no memory to look at the dead letters");
	else
		status = look(&run, &error);
	json_decref(run.list);
	return status ? viva_command_fail("dead-letters", status, &error) : 0;
}
