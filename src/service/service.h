// SPDX-License-Identifier: Apache-2.0
//
// What every service process shares: settings, loop, worker pool, the one port for HTTP and gRPC, health, metrics,
// signals and an orderly end. A service brings its routes, methods and state.
//
// Threads: start and stop run on the main thread before and after the loop; the rest as http_server.h and
// rpc_server.h say.
#ifndef VIVA_SERVICE_H
#define VIVA_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "base/config.h"
#include "base/json.h"
#include "base/pool.h"
#include "bus/bus.h"
#include "discovery/discovery.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "rpc/rpc_server.h"

// What the runtime gives to a service; all borrowed, alive from start to after stop.
struct viva_service_runtime {
	const struct viva_config *config;
	const struct viva_clock *clock;
	struct viva_random *random;
	struct viva_loop *loop;
	struct viva_pool *pool;
	struct viva_auth *auth;
	struct viva_discovery *discovery;
	const struct viva_tuning *tuning;  // of calls to others; may be NULL in tests: defaults
	struct viva_bus *bus;              // NULL unless the service uses it
	const char *data_directory;
};

struct viva_tuning;

struct viva_service {
	const char *name;     // "emotion"
	const char *summary;  // first line of --help
	uint16_t default_port;
	bool is_public;                     // the gateway: may bind to any address without a service key, has TLS
	bool balances;                      // spreads requests over others' instances: has those settings of tuning.h
	bool calls_others;                  // makes such calls itself: has all settings of tuning.h
	const char *const *tags;            // in Consul, NULL last; NULL = none
	bool uses_bus;                      // has --bus-url and --frame-partitions, and gets the bus they name
	size_t default_threads;             // worker threads; 0 = twice the processors
	const struct viva_option *options;  // beside the common ones
	size_t option_count;
	const struct viva_http_route *routes;  // beside /health, /health/live, /health/ready, /metrics
	size_t route_count;
	const char *const *rpc_services;  // NULL: no gRPC
	const struct viva_rpc_method *rpc_methods;
	size_t rpc_method_count;
	struct viva_bytes (*descriptor_set)(void);
	// Makes the state that handlers get as context. An error is printed and ends the process with status 1 (2 for
	// VIVA_EUSAGE).
	int (*start)(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error);
	// Whether the service can work now: adds what it knows to `detail` ({"store":"ok", …}). 0, or what is down.
	int (*check)(void *state, json_t *detail, struct viva_error *error);
	void (*drain)(
		void *state);  // on the loop, once, when a stop was asked for: say good-bye to clients. May be NULL.
	// On the loop, when the settings were read again (SIGHUP): the calls to others have another tuning. Must not
	// block. May be NULL.
	void (*tune)(void *state, const struct viva_tuning *tuning);
	void (*stop)(void *state);  // after the last handler returned
};

// The handler of /health, for services that also answer it under their own prefix (/api/v1/emotions/health). What is
// down is in the answer, with status 503; only VIVA_ENOMEM is an error.
VIVA_MUST_CHECK int viva_service_handle_health(struct viva_http_request *request, struct viva_http_response *response,
					       struct viva_error *error);

// The metadata key that carries the service key from service to service over gRPC.
#define VIVA_SERVICE_KEY_METADATA "x-viva-service-key"

// Runs the service until SIGINT or SIGTERM: the exit status of the process. `arguments` are those after the
// subcommand's name.
int viva_service_main(const struct viva_service *service, int argument_count, char **arguments);

#endif
