// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <stdlib.h>

#include "gateway/probe.h"
#include "gateway/routes.h"
#include "service/service.h"

enum { DEFAULT_PORT = 8000, THREADS = 4 };

static const char *const tags[] = {"api", "v1", NULL};

// WebSockets live long: counted by turns they would gather where they were opened.
static const struct viva_option options[] = {
	{"balancing", VIVA_OPTION_CHOICE, "least_loaded", 0, 0, VIVA_BALANCING_CHOICES,
	 "How requests and WebSockets are spread over a service's instances", false},
};

struct gateway {
	struct gateway_router router;  // first: the routes' context
	struct gateway_probe *probe;
};

static void stop(void *state)
{
	struct gateway *gateway = state;
	gateway_probe_destroy(gateway->probe);
	gateway_upstreams_destroy(gateway->router.upstreams);
	free(gateway);
}

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	struct gateway *gateway = calloc(1, sizeof *gateway);
	if (!gateway)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the gateway");
	gateway->router.auth = runtime->auth;
	int code = gateway_upstreams_create(runtime->discovery, runtime->tuning, &gateway->router.upstreams, error);
	if (code == 0) {
		code = gateway_probe_create(runtime->discovery, runtime->clock, &gateway->probe);
		if (code != 0)
			viva_fail(error, code, NULL, "no memory for the health probes");
	}
	if (code != 0) {
		stop(gateway);
		return code;
	}
	*ret_state = gateway;
	return 0;
}

static void tune(void *state, const struct viva_tuning *tuning)
{
	struct gateway *gateway = state;
	gateway_upstreams_tune(gateway->router.upstreams, tuning);
}

// Without interviews the platform is down; without emotions or scores it limps, and a gateway taken out of balance for
// that would help nobody.
static int check(void *state, json_t *detail, struct viva_error *error)
{
	struct gateway *gateway = state;
	enum probe_result results[GATEWAY_SERVICES];
	gateway_probe_all(gateway->probe, results);
	for (size_t i = 0; i < GATEWAY_SERVICES; i++)
		if (json_object_set_new(detail, gateway_service_names[i],
					json_string(gateway_probe_text(results[i]))) != 0)
			return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the health check");
	if (results[GATEWAY_INTERVIEWS] != PROBE_OK)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the interview service is %s",
				 gateway_probe_text(results[GATEWAY_INTERVIEWS]));
	return 0;
}

int viva_gateway_main(int argument_count, char **arguments)
{
	const struct viva_service service = {
		.name = "gateway",
		.summary = "The public door: web pages, and REST and WebSocket for all services, on one port.",
		.default_port = DEFAULT_PORT,
		.default_threads = THREADS,
		.is_public = true,
		.tags = tags,
		.balances = true,
		.options = options,
		.option_count = VIVA_COUNT(options),
		.routes = gateway_routes,
		.route_count = gateway_route_count,
		.start = start,
		.check = check,
		.tune = tune,
		.stop = stop,
	};
	return viva_service_main(&service, argument_count, arguments);
}
