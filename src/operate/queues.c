// SPDX-License-Identifier: Apache-2.0
//
// `viva queues`.
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "operate/command.h"
#include "operate/operate.h"
#include "operate/text.h"

static const char usage[] =
	"viva queues [OPTIONS]\nShows how much waits in each queue of the bus, and who consumes it.";

static const struct viva_option options[] = {
	{.name = "json", .type = VIVA_OPTION_FLAG, .help = "As JSON, one list; null = the bus can't tell"},
};

static json_t *number_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer((json_int_t)number);
}

static int print_json(const struct viva_bus_queue_status *queues, size_t count, struct viva_error *error)
{
	VIVA_AUTO_JSON list = json_array();
	int failed = list ? 0 : -1;
	for (size_t i = 0; i < count && !failed; i++)
		failed =
			json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", queues[i].name,
							      "waiting", number_or_null(queues[i].waiting), "unsettled",
							      number_or_null(queues[i].unsettled), "consumers",
							      number_or_null(queues[i].consumers), "oldest_age_ms",
							      number_or_null(queues[i].oldest_age_ms)));
	if (failed || json_dumpf(list, stdout, JSON_INDENT(2)))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the list");
	putchar('\n');
	return 0;
}

static const char *number_text(struct viva_arena *arena, int64_t number)
{
	const char *text = number < 0 ? "-" : viva_arena_printf(arena, "%lld", (long long)number);
	return text ? text : "?";
}

static int print_table(struct viva_arena *arena, const struct viva_bus_queue_status *queues, size_t count,
		       struct viva_error *error)
{
	enum { COLUMNS = 5 };
	static const char *const headings[COLUMNS] = {"QUEUE", "WAITING", "UNSETTLED", "CONSUMERS", "OLDEST"};
	const char **cells = viva_arena_alloc(arena, (count + 1) * sizeof headings);
	if (!cells)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the table");
	memcpy(cells, headings, sizeof headings);
	for (size_t i = 0; i < count; i++) {
		char age[24];
		operate_age_text(queues[i].oldest_age_ms, age);
		const char **row = cells + (i + 1) * COLUMNS;
		row[0] = queues[i].name;
		row[1] = number_text(arena, queues[i].waiting);
		row[2] = number_text(arena, queues[i].unsettled);
		row[3] = number_text(arena, queues[i].consumers);
		row[4] = operate_clean_text(arena, age);
	}
	operate_print_table(cells, count + 1, COLUMNS, 0x1e);
	return 0;
}

static int show_queues(const struct viva_config *config, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO(viva_bus) bus = NULL;
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	if (viva_config_positional_count(config) > 0)
		return viva_fail(error, VIVA_EUSAGE, NULL, "unexpected argument \"%.64s\"",
				 viva_config_positional(config, 0));
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to look at the bus");
	int status = operate_open_bus(config, &bus, error);
	if (!status)
		status = viva_bus_queues(bus, arena, &queues, &count, error);
	if (status)
		return status;
	return viva_config_flag(config, "json") ? print_json(queues, count, error)
						: print_table(arena, queues, count, error);
}

int viva_queues_main(int argument_count, char **arguments)
{
	int exit_status = 0;
	struct viva_error error = {0};
	VIVA_AUTO(viva_config)
	config = operate_load("queues", usage, options, VIVA_COUNT(options), argument_count, arguments, &exit_status);
	if (!config)
		return exit_status;
	int status = show_queues(config, &error);
	return status ? viva_command_fail("queues", status, &error) : 0;
}
