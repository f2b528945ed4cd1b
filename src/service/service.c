// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/log.h"
#include "base/text.h"
#include "service/health.h"
#include "service/presence.h"
#include "service/reload.h"
#include "service/settings.h"
#include "service/tls.h"
#include "service/tuning.h"

enum { HEALTH_INTERVAL_MS = 2000 };

// One running service. Made and freed on the main thread, which is also the loop's.
struct process {
	const struct viva_service *service;
	struct viva_service_runtime runtime;
	struct viva_config *config;
	struct viva_loop *loop;
	struct viva_pool *pool;
	struct viva_auth *auth;
	struct viva_discovery *discovery;
	struct viva_bus *bus;
	void *state;
	bool has_state;
	pthread_mutex_t rpc_lock;  // of rpc, which a health check on a worker may outlive
	struct viva_rpc_server *rpc;
	struct viva_tls *tls;  // that the server began with; NULL = none
	struct viva_http_server *http;
	struct viva_loop_timer *health_timer;
	struct viva_presence *presence;
	struct viva_tuning tuning;
	struct viva_reload reload;
	uv_signal_t signals[3];
	bool is_stopping;
};

// The gRPC server hands the service's state to authorize(), so the key itself has to be found elsewhere.
static const char *the_service_key;

static uint32_t grace_ms(const struct process *process)
{
	return (uint32_t)viva_config_int(process->config, "shutdown-grace-ms");
}

static int make_data_directory(const char *path, struct viva_error *error)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return viva_fail(error, VIVA_EIO, "data-dir", "the data folder %s can't be made: %s", path,
				 strerror(errno));
	return 0;
}

static int open_pool(struct process *process, struct viva_error *error)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t threads = (size_t)viva_config_int(process->config, "threads");
	if (threads == 0)
		threads = process->service->default_threads;
	if (threads == 0)
		threads = 2 * (size_t)VIVA_MAX(processors, 1L);

	struct viva_pool_options options = viva_pool_defaults();
	options.threads = threads;
	options.max_waiting = (size_t)viva_config_int(process->config, "max-waiting");
	if (viva_pool_create(&options, &process->pool))
		return viva_fail(error, VIVA_EINTERNAL, NULL, "%zu worker threads can't be started", threads);
	return 0;
}

static int open_auth(struct process *process, struct viva_error *error)
{
	const struct viva_auth_options options = {
		.data_directory = viva_config_text(process->config, "data-dir"),
		.api_key = viva_config_text(process->config, "api-key"),
		.token_key = viva_config_text(process->config, "token-key"),
		.is_off = strcmp(viva_config_text(process->config, "auth"), "off") == 0,
		.clock = viva_system_clock(),
	};
	return viva_auth_open(&options, &process->auth, error);
}

static int open_bus(struct process *process, struct viva_error *error)
{
	if (!process->service->uses_bus)
		return 0;
	char default_url[4096];
	snprintf(default_url, sizeof default_url, "sqlite:%s/bus.db", viva_config_text(process->config, "data-dir"));
	const char *url = viva_config_text(process->config, "bus-url");
	struct viva_bus_options options = viva_bus_defaults();
	options.url = url ? url : default_url;
	options.app_id = process->service->name;
	options.frame_partitions = (size_t)viva_config_int(process->config, "frame-partitions");
	options.max_stored_bytes = viva_config_int(process->config, "bus-max-stored-mib") << 20;
	return viva_bus_open(&options, &process->bus, error);
}

static int open_runtime(struct process *process, struct viva_error *error)
{
	const char *data_directory = viva_config_text(process->config, "data-dir");
	// Wrong usage is refused before anything is made on disk.
	struct viva_discovery_options discovery =
		viva_discovery_defaults(viva_config_text(process->config, "discovery-url"));
	discovery.token = viva_config_text(process->config, "consul-token");
	int status = viva_discovery_open_with(&discovery, &process->discovery, error);
	if (!status)
		status = viva_tuning_read(process->config, &process->tuning, error);
	if (!status)
		status = viva_tls_load(process->config, viva_system_clock(), &process->tls, error);
	if (!status)
		status = make_data_directory(data_directory, error);
	if (!status)
		status = open_auth(process, error);
	if (!status && viva_loop_create(&process->loop))
		status = viva_fail(error, VIVA_EINTERNAL, NULL, "the event loop can't be made");
	if (!status)
		status = open_pool(process, error);
	if (!status)
		status = open_bus(process, error);
	if (status)
		return status;
	process->runtime = (struct viva_service_runtime){
		.config = process->config,
		.clock = viva_system_clock(),
		.random = viva_system_random(),
		.loop = process->loop,
		.pool = process->pool,
		.auth = process->auth,
		.discovery = process->discovery,
		.tuning = &process->tuning,
		.bus = process->bus,
		.data_directory = data_directory,
	};
	return 0;
}

static int demand_service_key(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	(void)context;
	const char *given = viva_rpc_metadata(call, VIVA_SERVICE_KEY_METADATA);
	if (given && viva_equal_in_constant_time(given, strlen(given), the_service_key, strlen(the_service_key)))
		return 0;
	return viva_fail(error, VIVA_EUNAUTHORIZED, NULL, "this service needs the service key (metadata %s)",
			 VIVA_SERVICE_KEY_METADATA);
}

static int open_rpc(struct process *process, struct viva_error *error)
{
	const struct viva_service *service = process->service;
	if (!service->rpc_services)
		return 0;
	struct viva_rpc_server_options options = viva_rpc_server_defaults();
	options.services = service->rpc_services;
	options.methods = service->rpc_methods;
	options.method_count = service->rpc_method_count;
	options.context = process->state;
	options.pool = process->pool;
	if (service->descriptor_set)
		options.descriptor_set = service->descriptor_set();
	the_service_key = viva_config_text(process->config, "service-key");
	if (the_service_key)
		options.authorize = demand_service_key;
	return viva_rpc_server_create(&options, &process->rpc, error);
}

static void adopt_http2(int fd, void *context)
{
	viva_rpc_server_adopt(context, fd);
}

static int open_http(struct process *process, struct viva_error *error)
{
	const struct viva_service *service = process->service;
	const struct viva_http_route *tables[] = {viva_health_routes, service->routes};
	size_t counts[] = {viva_health_route_count, service->route_count};

	struct viva_http_server_options options = viva_settings_http(process->config);
	options.route_tables = tables;
	options.route_counts = counts;
	options.route_table_count = VIVA_COUNT(tables);
	options.context = process->state;
	options.loop = process->loop;
	options.pool = process->pool;
	if (process->rpc) {
		options.on_http2_connection = adopt_http2;
		options.http2_context = process->rpc;
	}
	options.tls = process->tls;
	int status = viva_http_server_create(&options, &process->http, error);
	if (!status)
		status = viva_http_server_start(process->http, error);
	return status;
}

// gRPC's health is pushed to its watchers, so it must be looked at without being asked for.
static void refresh_rpc_health(void *context)
{
	struct process *process = context;
	bool is_serving = viva_health_check_now();
	pthread_mutex_lock(&process->rpc_lock);
	if (process->rpc)
		viva_rpc_server_set_serving(process->rpc, is_serving);
	pthread_mutex_unlock(&process->rpc_lock);
}

static void on_health_timer(void *context)
{
	struct process *process = context;
	// A full pool means the next tick looks again.
	(void)!viva_pool_submit(process->pool, refresh_rpc_health, process);
}

static void on_http_stopped(void *context)
{
	struct process *process = context;
	viva_loop_stop(process->loop);
}

// Nobody is sent here any more.
static void on_left(void *context)
{
	struct process *process = context;
	if (process->service->drain)
		process->service->drain(process->state);
	viva_http_server_stop(process->http, grace_ms(process), on_http_stopped, process);
}

// Not ready, then out of the list, then no new connections: in this order nobody calls one that doesn't answer.
static void begin_stop(struct process *process)
{
	process->is_stopping = true;
	viva_log_info("stopping");
	viva_health_set_draining();
	process->health_timer = viva_loop_timer_destroy(process->health_timer);
	if (process->rpc)
		viva_rpc_server_set_serving(process->rpc, false);
	viva_presence_leave(process->presence, on_left, process);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct process *process = handle->data;
	if (number == SIGHUP) {
		viva_reload_now(&process->reload);
		return;
	}
	if (process->is_stopping)
		_exit(128 + number);
	begin_stop(process);
}

static int watch_signals(struct process *process, struct viva_error *error)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < VIVA_COUNT(numbers); i++) {
		uv_signal_t *handle = &process->signals[i];
		handle->data = process;
		if (uv_signal_init(viva_loop_uv(process->loop), handle) ||
		    uv_signal_start(handle, on_signal, numbers[i]))
			return viva_fail(error, VIVA_EINTERNAL, NULL, "signals can't be watched");
	}
	return 0;
}

static int open_all(struct process *process, struct viva_error *error)
{
	int status = open_runtime(process, error);
	if (!status)
		status = process->service->start(&process->runtime, &process->state, error);
	if (status)
		return status;
	process->has_state = true;
	viva_health_start(process->service, process->state, process->runtime.clock);
	status = open_rpc(process, error);
	if (!status)
		status = open_http(process, error);
	if (!status)
		status = viva_presence_create(process->service, &process->runtime, viva_http_server_port(process->http),
					      viva_health_check_now(), &process->presence, error);
	if (!status)
		status = watch_signals(process, error);
	if (!status && process->rpc) {
		if (viva_loop_timer_create(process->loop, 0, HEALTH_INTERVAL_MS, on_health_timer, process,
					   &process->health_timer))
			status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the health timer");
	}
	return status;
}

// In the order in which nothing outlives what it uses: calls end, then workers, then what they worked with.
static void close_all(struct process *process)
{
	pthread_mutex_lock(&process->rpc_lock);
	struct viva_rpc_server *rpc = viva_take(&process->rpc);
	pthread_mutex_unlock(&process->rpc_lock);
	viva_rpc_server_destroy(rpc, process->is_stopping ? grace_ms(process) : 0);
	process->pool = viva_pool_destroy(process->pool);
	process->presence = viva_presence_destroy(process->presence);
	process->health_timer = viva_loop_timer_destroy(process->health_timer);
	process->http = viva_http_server_destroy(process->http);
	process->tls = viva_tls_destroy(process->tls);
	if (process->has_state)
		process->service->stop(process->state);
	process->bus = viva_bus_destroy(process->bus);
	process->loop = viva_loop_destroy(process->loop);
	process->discovery = viva_discovery_destroy(process->discovery);
	process->auth = viva_auth_destroy(process->auth);
	viva_reload_finish(&process->reload);
	process->config = viva_config_destroy(process->config);
}

static void print_help(const struct viva_service *service, const struct viva_config *config)
{
	char usage[256];
	snprintf(usage, sizeof usage, "viva %s [OPTIONS]\n%s", service->name, service->summary);
	viva_config_print_help(config, usage, stdout);
}

// What ps and the kernel's log call the process: started by `viva up`, it would be "exe".
static void name_process(const struct viva_service *service)
{
	char name[16];
	snprintf(name, sizeof name, "viva-%.10s", service->name);
	prctl(PR_SET_NAME, name);
}

int viva_service_main(const struct viva_service *service, int argument_count, char **arguments)
{
	struct process process = {.service = service, .rpc_lock = PTHREAD_MUTEX_INITIALIZER};
	struct viva_error error = {0};
	signal(SIGPIPE, SIG_IGN);
	name_process(service);

	int status = viva_settings_load(service, argument_count, arguments, false, &process.config, &error);
	if (status)
		return viva_command_fail(service->name, status, &error);
	if (viva_config_wants_help(process.config)) {
		print_help(service, process.config);
		process.config = viva_config_destroy(process.config);
		return 0;
	}

	status = open_all(&process, &error);
	process.reload = (struct viva_reload){
		.service = service,
		.argument_count = argument_count,
		.arguments = arguments,
		.auth = process.auth,
		.http = process.http,
		.state = process.state,
		.first = process.config,
	};
	if (!status) {
		viva_log_info("listening on %s:%u%s", viva_config_text(process.config, "host"),
			      viva_http_server_port(process.http), viva_tls_is_on(process.config) ? " with TLS" : "");
		viva_loop_run(process.loop);
		viva_log_info("stopped");
	}
	close_all(&process);
	return status ? viva_command_fail(service->name, status, &error) : 0;
}
