// SPDX-License-Identifier: Apache-2.0
#include "gateway/upstreams.h"

#include <stdlib.h>

#include "base/log.h"

struct gateway_upstreams {
	struct viva_balancer *balancers[GATEWAY_SERVICES];
	struct viva_discovery_watch *watches[GATEWAY_SERVICES];
};

// On discovery's thread. What can't be taken leaves the instances as they were.
static void on_change(void *context, const char *service, const char *const *addresses, size_t count)
{
	struct viva_balancer *balancer = context;
	int code = viva_balancer_set(balancer, addresses, count);
	if (code != 0)
		viva_log_warn("the instances of %s can't be taken over: %s", service, viva_error_text(code));
}

static int follow(struct gateway_upstreams *upstreams, size_t service, struct viva_discovery *discovery,
		  const struct viva_tuning *tuning, struct viva_error *error)
{
	const char *name = gateway_service_names[service];
	struct viva_balancer_options options = viva_balancer_defaults(name);
	viva_tuning_of_balancer(tuning, &options);
	int code = viva_balancer_create(&options, &upstreams->balancers[service]);
	if (code != 0)
		return viva_fail(error, code, NULL, "no memory to follow the %s service", name);
	return viva_discovery_watch(discovery, name, on_change, upstreams->balancers[service],
				    &upstreams->watches[service], error);
}

int gateway_upstreams_create(struct viva_discovery *discovery, const struct viva_tuning *tuning,
			     struct gateway_upstreams **ret_upstreams, struct viva_error *error)
{
	VIVA_AUTO(gateway_upstreams) upstreams = calloc(1, sizeof *upstreams);
	if (!upstreams)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to follow the services");
	int code = 0;
	for (size_t i = 0; i < GATEWAY_SERVICES && code == 0; i++)
		code = follow(upstreams, i, discovery, tuning, error);
	if (code == 0)
		*ret_upstreams = viva_take(&upstreams);
	return code;
}

struct gateway_upstreams *gateway_upstreams_destroy(struct gateway_upstreams *upstreams)
{
	if (!upstreams)
		return NULL;
	for (size_t i = 0; i < GATEWAY_SERVICES; i++) {
		viva_discovery_watch_end(upstreams->watches[i]);
		viva_balancer_destroy(upstreams->balancers[i]);
	}
	free(upstreams);
	return NULL;
}

struct viva_balancer *gateway_upstream(struct gateway_upstreams *upstreams, enum gateway_service service)
{
	return upstreams->balancers[service];
}

void gateway_upstreams_tune(struct gateway_upstreams *upstreams, const struct viva_tuning *tuning)
{
	for (size_t i = 0; i < GATEWAY_SERVICES; i++) {
		struct viva_balancer_options options = viva_balancer_defaults(gateway_service_names[i]);
		viva_tuning_of_balancer(tuning, &options);
		if (viva_balancer_tune(upstreams->balancers[i], &options) != 0)
			viva_log_error("requests to %s keep their old settings", gateway_service_names[i]);
	}
}
