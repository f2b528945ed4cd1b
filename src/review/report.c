// SPDX-License-Identifier: Apache-2.0
//
// `viva report`.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "review/platform.h"
#include "review/review.h"

enum { MAX_ID = 63 };

static const char usage[] = "viva report ID [OPTIONS]\nFetches the report of an interview from a running platform.";

static const struct viva_option options[] = {
	{.name = "format",
	 .type = VIVA_OPTION_CHOICE,
	 .unit = "pdf|html|json",
	 .help = "What the report is to be; where it is not given, by the ending of --output, else pdf"},
	{.name = "output",
	 .type = VIVA_OPTION_TEXT,
	 .unit = "path",
	 .help = "File for the report; - is standard output; none: ID with the format's ending, in this folder",
	 .letter = 'o'},
	{.name = "no-emotions", .type = VIVA_OPTION_FLAG, .help = "Leave out what was seen of expressions"},
	{.name = "video",
	 .type = VIVA_OPTION_FLAG,
	 .help = "Ask for key frames, too: they are there where the candidate agreed to their being stored"},
};

static const char *const formats[] = {"pdf", "html", "json"};

static const char *known_format(const char *name)
{
	for (size_t i = 0; i < VIVA_COUNT(formats); i++) {
		if (strcmp(formats[i], name) == 0)
			return formats[i];
	}
	return NULL;
}

static const char *choose_format(const struct viva_config *config)
{
	const char *given = viva_config_text(config, "format");
	const char *output = viva_config_text(config, "output");
	const char *ending = output ? strrchr(output, '.') : NULL;
	const char *by_ending = ending ? known_format(ending + 1) : NULL;
	return given ? given : by_ending ? by_ending : formats[0];
}

static int choose_interview(const struct viva_config *config, const char **ret_id, struct viva_error *error)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	if (viva_config_positional_count(config) != 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "give the id of one interview");
	const char *id = viva_config_positional(config, 0);
	if (strlen(id) == 0 || strlen(id) > MAX_ID || strspn(id, letters) != strlen(id))
		return viva_fail(error, VIVA_EUSAGE, NULL, "\"%.64s\" is no interview's id", id);
	*ret_id = id;
	return 0;
}

static int write_out(const char *path, struct viva_bytes report, struct viva_error *error)
{
	if (strcmp(path, "-") == 0) {
		bool is_written = fwrite(report.data, 1, report.size, stdout) == report.size && fflush(stdout) == 0;
		return is_written ? 0
				  : viva_fail(error, VIVA_EIO, "output",
					      "the report can't be written to standard "
					      "output");
	}
	int status = viva_file_replace(path, report);
	if (status)
		return viva_fail(error, status, "output", "the report can't be written to %.120s: %s", path,
				 status == VIVA_EIO ? strerror(errno) : viva_error_text(status));
	return 0;
}

static int fetch(const struct viva_config *config, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO(candidate_client) client = NULL;
	const char *id = NULL;
	const char *format = choose_format(config);
	struct viva_bytes report;
	int status = choose_interview(config, &id, error);
	if (!status)
		status = candidate_client_create(config, &client, error);
	if (!status && viva_arena_create(0, &arena))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	if (status)
		return status;
	const char *path = viva_arena_printf(arena, "/api/v1/scores/report/%s?format=%s%s%s", id, format,
					     viva_config_flag(config, "no-emotions") ? "" : "&include_emotions=true",
					     viva_config_flag(config, "video") ? "&include_video=true" : "");
	const char *output = viva_config_text(config, "output");
	if (!output)
		output = viva_arena_printf(arena, "%s.%s", id, format);
	if (!path || !output)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	const struct candidate_request request = {.method = "GET", .path = path};
	status = candidate_call(client, &request, arena, &report, error);
	if (!status)
		status = write_out(output, report, error);
	if (!status && strcmp(output, "-") != 0)
		printf("%s\n", output);
	return status;
}

int viva_report_main(int argument_count, char **arguments)
{
	int exit_status = 0;
	struct viva_error error = {0};
	VIVA_AUTO(viva_config)
	config = review_load("report", usage, options, VIVA_COUNT(options), argument_count, arguments, &exit_status);
	if (!config)
		return exit_status;
	int status = fetch(config, &error);
	return status ? viva_command_fail("report", status, &error) : 0;
}
