// SPDX-License-Identifier: Apache-2.0
#include "up/announce.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

enum { MAX_URL = VIVA_SOCKET_ADDRESS_TEXT + 8 };

static void make_url(const struct viva_plan *plan, size_t index, char ret_url[MAX_URL])
{
	const char *scheme = plan->has_tls && index == 0 ? "https" : "http";
	snprintf(ret_url, MAX_URL, "%s://%s", scheme, plan->services[index].address_text);
}

void viva_announce_table(const struct viva_plan *plan, const pid_t *pids, FILE *out)
{
	fprintf(out, "\nViva is up.\n\n  %-10s %-30s %s\n", "service", "address", "process");
	for (size_t i = 0; i < plan->count; i++) {
		char url[MAX_URL];
		make_url(plan, i, url);
		fprintf(out, "  %-10s %-30s %d\n", plan->services[i].name, url, (int)pids[i]);
	}
	for (size_t i = 0; i < plan->count; i++) {
		char url[MAX_URL];
		make_url(plan, i, url);
		if (strcmp(plan->services[i].name, "gateway") == 0)
			fprintf(out, "\nStart an interview in a browser: %s/\n", url);
	}
	fputs("Ctrl-C stops it.\n\n", out);
	fflush(out);
}

static json_t *to_json(const struct viva_plan *plan, const pid_t *pids)
{
	VIVA_AUTO_JSON root = json_object();
	json_t *ids = json_object();
	for (size_t i = 0; i < plan->count; i++) {
		char url[MAX_URL];
		make_url(plan, i, url);
		if (json_object_set_new(root, plan->services[i].name, json_string(url)) ||
		    json_object_set_new(ids, plan->services[i].name, json_integer(pids[i]))) {
			json_decref(ids);
			return NULL;
		}
	}
	return json_object_set_new(root, "pids", ids) ? NULL : viva_take(&root);
}

int viva_announce_ready_file(const struct viva_plan *plan, const pid_t *pids, const char *path,
			     struct viva_error *error)
{
	VIVA_AUTO_JSON json = to_json(plan, pids);
	if (!json)
		return viva_fail(error, VIVA_ENOMEM, NULL, "out of memory");
	char part[PATH_MAX];
	int size = snprintf(part, sizeof part, "%s.part", path);
	if (size < 0 || (size_t)size >= sizeof part)
		return viva_fail(error, VIVA_EIO, "ready-file", "the ready file's path is too long");
	if (json_dump_file(json, part, JSON_COMPACT) || rename(part, path)) {
		int reason = errno;
		unlink(part);
		return viva_fail(error, VIVA_EIO, "ready-file", "the ready file %s can't be written: %s", path,
				 strerror(reason));
	}
	return 0;
}
