// SPDX-License-Identifier: Apache-2.0
#include "service/own_store.h"

#include <limits.h>
#include <stdio.h>

#include "base/log.h"

int viva_own_store_open(const struct viva_service_runtime *runtime,
			int (*open)(const char *url, size_t connections, struct viva_store **ret_store,
				    struct viva_error *error),
			struct viva_store **ret_store, struct viva_error *error)
{
	char default_url[PATH_MAX];
	const char *url = viva_config_text(runtime->config, "store-url");
	int length = snprintf(default_url, sizeof default_url, "sqlite:%s/viva.db", runtime->data_directory);
	if (!url && length >= (int)sizeof default_url)
		return viva_fail(error, VIVA_EUSAGE, "data-dir", "the data folder's path is too long");
	size_t connections = (size_t)viva_config_int(runtime->config, "store-connections");
	return open(url ? url : default_url, connections, ret_store, error);
}

int viva_own_outbox_open(const struct viva_service_runtime *runtime, struct viva_store *store, const char *service,
			 uint32_t linger_ms, struct viva_outbox **ret_outbox)
{
	struct viva_outbox_options outbox = viva_outbox_defaults();
	outbox.store = store;
	outbox.bus = runtime->bus;
	outbox.service = service;
	outbox.linger_ms = linger_ms;
	outbox.max_events = viva_config_int(runtime->config, "outbox-max-events");
	outbox.clock = runtime->clock;
	outbox.random = runtime->random;
	return viva_outbox_create(&outbox, ret_outbox);
}

int viva_own_store_check(struct viva_store *store, struct viva_outbox *outbox, struct viva_bus *bus, json_t *detail,
			 struct viva_error *error)
{
	int64_t waiting = 0;
	int code = viva_store_ping(store, error);
	if (code == 0)
		code = viva_outbox_waiting(outbox, &waiting, error);
	json_object_set_new(detail, "store", json_string(code == 0 ? "ok" : "down"));
	json_object_set_new(detail, "bus", json_string(viva_bus_ping(bus, NULL) == 0 ? "ok" : "down"));
	json_object_set_new(detail, "outbox", json_integer((json_int_t)waiting));
	return code;
}

void viva_own_store_sweep(struct viva_store *store, int64_t deleted, atomic_bool *needs_scrub)
{
	if (deleted > 0) {
		viva_log_info("deleted %lld old rows", (long long)deleted);
		atomic_store(needs_scrub, true);
	}
	if (atomic_exchange(needs_scrub, false) && viva_store_scrub(store, NULL) != 0)
		atomic_store(needs_scrub, true);
}
