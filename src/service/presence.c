// SPDX-License-Identifier: Apache-2.0
#include "service/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/tls.h"

enum { DEREGISTER_MS = 2000, MAX_TAGS = 16 };

struct viva_presence {
	const struct viva_service_runtime *runtime;
	struct viva_loop_timer *timer;
	void (*on_left)(void *context);
	void *context;
};

// Where others reach this instance; "" = where the Consul agent is.
static const char *advertised(const struct viva_config *config)
{
	const char *given = viva_config_text(config, "advertise-address");
	const char *host = viva_config_text(config, "host");
	if (given)
		return given;
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ? "" : host;
}

int viva_presence_create(const struct viva_service *service, const struct viva_service_runtime *runtime, uint16_t port,
			 bool is_working, struct viva_presence **ret_presence, struct viva_error *error)
{
	struct viva_discovery_instance instance = {
		.service = service->name,
		.address = advertised(runtime->config),
		.port = port,
		.tags = service->tags,
		.check = service->rpc_services             ? VIVA_DISCOVERY_CHECK_GRPC
			 : viva_tls_is_on(runtime->config) ? VIVA_DISCOVERY_CHECK_HTTPS
							   : VIVA_DISCOVERY_CHECK_HTTP,
		.is_working = is_working,
	};
	while (service->tags && instance.tag_count < MAX_TAGS && service->tags[instance.tag_count])
		instance.tag_count++;
	struct viva_presence *presence = calloc(1, sizeof *presence);
	if (!presence)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to register this instance");
	presence->runtime = runtime;
	int status = viva_discovery_register(runtime->discovery, &instance, error);
	if (status) {
		free(presence);
		return status == VIVA_EINVAL ? VIVA_EUSAGE : status;
	}
	*ret_presence = presence;
	return 0;
}

struct viva_presence *viva_presence_destroy(struct viva_presence *presence)
{
	if (!presence)
		return NULL;
	viva_loop_timer_destroy(presence->timer);
	free(presence);
	return NULL;
}

static void finish(void *context)
{
	struct viva_presence *presence = context;
	presence->timer = viva_loop_timer_destroy(presence->timer);
	presence->on_left(presence->context);
}

static void wait_for_others(void *context)
{
	struct viva_presence *presence = context;
	uint64_t pause_ms = (uint64_t)viva_config_int(presence->runtime->config, "leave-ms");
	if (viva_loop_timer_create(presence->runtime->loop, pause_ms, 0, finish, presence, &presence->timer))
		presence->on_left(presence->context);
}

// On a worker.
static void deregister(void *context)
{
	struct viva_presence *presence = context;
	struct viva_error error = {0};
	if (viva_discovery_deregister(presence->runtime->discovery, DEREGISTER_MS, &error))
		viva_log_warn("%s", viva_error_message(&error));
	if (viva_loop_post(presence->runtime->loop, wait_for_others, presence))
		viva_log_error("the end of accepting can't be scheduled");
}

void viva_presence_leave(struct viva_presence *presence, void (*on_left)(void *context), void *context)
{
	presence->on_left = on_left;
	presence->context = context;
	bool is_known = viva_discovery_is_dynamic(presence->runtime->discovery);
	// A pool that is full has other worries: the instance goes without a farewell, and its check fails.
	if (!is_known || viva_pool_submit(presence->runtime->pool, deregister, presence))
		on_left(context);
}
