// SPDX-License-Identifier: Apache-2.0
//
// `viva webhooks list|retry`: the delivery log for operators, read from the worker's store.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/command.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "worker/deliveries.h"
#include "worker/schema.h"
#include "worker/worker.h"

enum { MAX_IDS = 1000 };
#define HOUR_MS (INT64_C(60) * 60 * 1000)

static const char USAGE[] = "viva webhooks list [OPTIONS]\nviva webhooks retry ID… | --failed [OPTIONS]\n"
			    "Shows what webhooks were sent, and sends some again.";

static const struct viva_option options[] = {
	{"data-dir", VIVA_OPTION_TEXT, "./viva-data", 0, 0, "path", "Folder of the embedded store", false},
	{"store-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", "The worker's store; default sqlite:DATA/viva.db", true},
	{"state", VIVA_OPTION_CHOICE, NULL, 0, 0, "pending|delivered|gone|expired|erased",
	 "list: only those of this state", false},
	{"limit", VIVA_OPTION_INT, "50", 1, 10000, NULL, "list: at most so many, the newest first", false},
	{"json", VIVA_OPTION_FLAG, NULL, 0, 0, NULL, "list: a JSON object a line instead of a table", false},
	{"failed", VIVA_OPTION_FLAG, NULL, 0, 0, NULL, "retry: all that are gone or expired", false},
	{"webhook-max-age-hours", VIVA_OPTION_INT, "24", 1, 720, "hours", "retry: how long those are tried again",
	 false},
};

static int64_t now_ms(void)
{
	return viva_clock_unix_ms(viva_system_clock());
}

// A store that is not there would be made: the command only looks.
static int open_store(const struct viva_config *config, struct viva_store **ret_store, struct viva_error *error)
{
	static const char scheme[] = "sqlite:";
	char default_url[4096];
	snprintf(default_url, sizeof default_url, "%s%s/viva.db", scheme, viva_config_text(config, "data-dir"));
	const char *given = viva_config_text(config, "store-url");
	const char *url = given ? given : default_url;
	struct stat found;
	if (strncmp(url, scheme, sizeof scheme - 1) == 0 && stat(url + sizeof scheme - 1, &found))
		return viva_fail(error, VIVA_ENOTFOUND, "store-url", "there is no store %s", url + sizeof scheme - 1);
	return worker_store_open(url, 1, ret_store, error);
}

// ---- list

static const char *time_text(int64_t unix_ms, char text[32])
{
	if (unix_ms > 0)
		viva_rfc3339_from_unix_ms(unix_ms, text);
	else
		snprintf(text, 32, "-");
	return text;
}

static void print_row(const struct worker_delivery *delivery)
{
	char created[32], next[32], status[24] = "-";
	bool is_pending = strcmp(delivery->state, "pending") == 0;
	if (delivery->last_status > 0)
		snprintf(status, sizeof status, "%lld", (long long)delivery->last_status);
	printf("%-32s  %-9s  %8lld  %6s  %-24s  %-24s  %s%s%s\n", delivery->id, delivery->state,
	       (long long)delivery->attempts, status, time_text(delivery->created_at, created),
	       time_text(is_pending ? delivery->next_at : delivery->delivered_at, next), delivery->url,
	       delivery->last_error[0] ? "  " : "", delivery->last_error);
}

static int print_json(const struct worker_delivery *delivery)
{
	char created[32], next[32], delivered[32];
	bool is_pending = strcmp(delivery->state, "pending") == 0;
	VIVA_AUTO_JSON json = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s?, s:s?}", "id", delivery->id, "event_id",
		delivery->event_id, "session_id", delivery->session_id, "url", delivery->url, "state", delivery->state,
		"attempts", (json_int_t)delivery->attempts, "last_status", (json_int_t)delivery->last_status,
		"last_error", delivery->last_error, "created_at", time_text(delivery->created_at, created), "next_at",
		is_pending ? time_text(delivery->next_at, next) : NULL, "delivered_at",
		delivery->delivered_at > 0 ? time_text(delivery->delivered_at, delivered) : NULL);
	VIVA_AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!text)
		return VIVA_ENOMEM;
	puts(text);
	return 0;
}

static int list(const struct viva_config *config, struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	VIVA_AUTO(viva_store) store = NULL;
	const char *state = viva_config_text(config, "state");
	if (viva_config_positional_count(config) > 1)
		return viva_fail(error, VIVA_EUSAGE, NULL, "list takes no arguments");
	struct worker_delivery *deliveries = NULL;
	size_t count = 0;
	int status = viva_arena_create(0, &arena);
	if (!status)
		status = open_store(config, &store, error);
	if (!status)
		status = worker_deliveries_list(store, state, viva_config_int(config, "limit"), arena, &deliveries,
						&count, error);
	bool is_json = viva_config_flag(config, "json");
	if (!status && !is_json)
		printf("%-32s  %-9s  %8s  %6s  %-24s  %-24s  %s\n", "id", "state", "attempts", "status", "created",
		       "next or delivered", "url");
	for (size_t i = 0; i < count && !status; i++) {
		if (is_json)
			status = print_json(&deliveries[i]);
		else
			print_row(&deliveries[i]);
	}
	return status;
}

// ---- retry

static int retry(const struct viva_config *config, struct viva_error *error)
{
	VIVA_AUTO(viva_store) store = NULL;
	size_t ids = viva_config_positional_count(config) - 1;
	bool all_failed = viva_config_flag(config, "failed");
	if (ids > MAX_IDS || (ids == 0) != all_failed)
		return viva_fail(error, VIVA_EUSAGE, NULL, "retry takes ids of deliveries, or --failed");
	int64_t expires_at = now_ms() + viva_config_int(config, "webhook-max-age-hours") * HOUR_MS;
	int64_t count = (int64_t)ids;
	int status = open_store(config, &store, error);
	for (size_t i = 0; i < ids && !status; i++)
		status = worker_delivery_retry(store, viva_config_positional(config, i + 1), now_ms(), expires_at,
					       error);
	if (!status && all_failed)
		status = worker_deliveries_retry_failed(store, now_ms(), expires_at, &count, error);
	if (!status)
		printf("%lld to be sent again\n", (long long)count);
	return status;
}

static int run(const struct viva_config *config, struct viva_error *error)
{
	const char *verb = viva_config_positional_count(config) > 0 ? viva_config_positional(config, 0) : "";
	if (strcmp(verb, "list") == 0)
		return list(config, error);
	if (strcmp(verb, "retry") == 0)
		return retry(config, error);
	return viva_fail(error, VIVA_EUSAGE, NULL, "list or retry, not \"%.32s\"", verb);
}

int viva_webhooks_main(int argument_count, char **arguments)
{
	const struct viva_command command = {"webhooks", USAGE, {options}, {VIVA_COUNT(options)}};
	int status = 0;
	struct viva_error error = {0};
	signal(SIGPIPE, SIG_IGN);
	viva_log_configure("webhooks", VIVA_LOG_WARN, VIVA_LOG_AUTO);
	VIVA_AUTO(viva_config) config = viva_command_load(&command, argument_count, arguments, &status);
	if (!config)
		return status;
	status = run(config, &error);
	return status ? viva_command_fail(command.name, status, &error) : 0;
}
