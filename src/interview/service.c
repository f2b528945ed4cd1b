// SPDX-License-Identifier: Apache-2.0
//
// The service's settings, its start and its end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interview/context.h"
#include "interview/interview.h"
#include "interview/janitor.h"
#include "interview/listener.h"
#include "interview/live.h"
#include "interview/routes.h"
#include "interview/schema.h"
#include "interview/spread.h"

enum { JANITOR_INTERVAL_MS = 2000, OUTBOX_GRACE_MS = 3000 };

static const char *const tags[] = {"api", "v1", NULL};  // reference design §6

static const struct viva_option options[] = {
	{"store-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URL", "Where interviews are kept; default sqlite:DATA/viva.db",
	 true},
	VIVA_STORE_CONNECTIONS_OPTION,
	VIVA_OUTBOX_MAX_EVENTS_OPTION,
	{"questions", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "Question bank; default the one that comes with Viva",
	 false},
	{"adaptive", VIVA_OPTION_TEXT, "on", 0, 0, NULL,
	 "on: interviews of adaptive question sets choose questions by the answers; off: all ask in the set's order",
	 false},
	{"interview-timeout-minutes", VIVA_OPTION_INT, "120", 1, 10080, "minutes",
	 "How long after its start an interview ends by itself", false},
	{"confidence-floor", VIVA_OPTION_REAL, "0.4", 0, 1, NULL,
	 "Answers whose speech was recognised with less confidence are kept, but not judged", false},
	// The live path's: somebody waits.
	{"retry-base-ms", VIVA_OPTION_INT, "50", 1, 3600000, "ms",
	 "Pause before the first retry; doubles each time, and as much again by chance is added", false},
	{"retry-max-ms", VIVA_OPTION_INT, "500", 1, 3600000, "ms", "Longest pause, before chance is added", false},
	{"frame-threads", VIVA_OPTION_INT, "8", 1, 256, NULL, "Live frames that are analysed at a time", false},
	{"max-sessions", VIVA_OPTION_INT, "10000", 1, 1000000, NULL, "Interviews remembered in memory at a time",
	 false},
};

// Makes the store's options; `url` gets the text that store-url defaults to.
static int open_store(struct interview_service *service, struct viva_error *error)
{
	const struct viva_service_runtime *runtime = &service->runtime;
	char default_url[4096];
	snprintf(default_url, sizeof default_url, "sqlite:%s/viva.db", runtime->data_directory);
	const char *url = viva_config_text(runtime->config, "store-url");
	struct viva_store_options store = viva_store_defaults();
	store.url = url ? url : default_url;
	store.readers = store.writers = (size_t)viva_config_int(runtime->config, "store-connections");
	store.service = "interview";
	store.migrations = interview_migrations;
	store.migration_count = interview_migration_count;
	return viva_store_open(&store, &service->store, error);
}

static void stop(void *state)
{
	struct interview_service *service = state;
	viva_pool_destroy(service->frame_pool);
	interview_listener_destroy(service->listener);
	interview_spreader_destroy(service->spreader);
	interview_janitor_destroy(service->janitor);
	viva_outbox_close(service->outbox, OUTBOX_GRACE_MS);
	interview_queue_finish(&service->queue);
	interview_sessions_destroy(service->sessions);
	interview_peers_destroy(service->peers);
	viva_question_bank_destroy(service->bank);
	viva_store_destroy(service->store);
	free(service);
}

static int open_sessions(struct interview_service *service)
{
	const struct viva_service_runtime *runtime = &service->runtime;
	struct interview_sessions_options sessions = {
		.max_sessions = (size_t)viva_config_int(runtime->config, "max-sessions"),
		.pool = runtime->pool,
		.clock = runtime->clock,
		.on_drop = interview_live_drop_frame,
	};
	struct viva_pool_options pool = viva_pool_defaults();
	pool.name = "frames";
	pool.threads = (size_t)viva_config_int(runtime->config, "frame-threads");
	pool.max_waiting = sessions.max_sessions;  // each has one task at a time
	int status = viva_pool_create(&pool, &service->frame_pool);
	if (status)
		return status;
	sessions.frame_pool = service->frame_pool;
	return interview_sessions_create(&sessions, &service->sessions);
}

static int open_bus(struct interview_service *service)
{
	const struct viva_service_runtime *runtime = &service->runtime;
	struct viva_outbox_options outbox = viva_outbox_defaults();
	outbox.store = service->store;
	outbox.bus = runtime->bus;
	outbox.service = "interview";
	outbox.max_events = viva_config_int(runtime->config, "outbox-max-events");
	outbox.clock = runtime->clock;
	outbox.random = runtime->random;
	int status = viva_outbox_create(&outbox, &service->outbox);
	return status ? status : interview_queue_init(&service->queue, runtime->bus, runtime->clock);
}

static int read_adaptive(struct interview_service *service, struct viva_error *error)
{
	const char *value = viva_config_text(service->runtime.config, "adaptive");
	service->is_order_fixed = strcmp(value, "off") == 0;
	if (service->is_order_fixed || strcmp(value, "on") == 0)
		return 0;
	return viva_fail(error, VIVA_EUSAGE, "adaptive", "--adaptive must be on or off");
}

static int open_parts(struct interview_service *service, struct viva_error *error)
{
	const struct viva_service_runtime *runtime = &service->runtime;
	int status = read_adaptive(service, error);
	if (!status)
		status = viva_question_bank_open(viva_config_text(runtime->config, "questions"), &service->bank, error);
	if (!status)
		status = open_store(service, error);
	if (!status)
		status = interview_peers_create(runtime, &service->peers, error);
	if (status)
		return status;
	status = open_sessions(service);
	if (!status)
		status = open_bus(service);
	if (!status)
		status = interview_janitor_create(service, JANITOR_INTERVAL_MS, &service->janitor);
	if (!status)
		status = interview_spreader_create(service, &service->spreader);
	if (status)
		return viva_fail(error, status, NULL, "no memory for the interview service");
	return interview_listener_create(service, &service->listener, error);
}

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	struct interview_service *service = calloc(1, sizeof *service);
	if (!service)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the interview service");
	service->runtime = *runtime;
	// What the process before this one could not overwrite any more.
	atomic_store(&service->needs_scrub, true);
	service->timeout_ms = viva_config_int(runtime->config, "interview-timeout-minutes") * 60 * 1000;
	service->confidence_floor = viva_config_real(runtime->config, "confidence-floor");
	int status = open_parts(service, error);
	if (status) {
		stop(service);
		return status;
	}
	*ret_state = service;
	return 0;
}

static const char *bus_state(struct viva_bus *bus)
{
	switch (viva_bus_ping(bus, NULL)) {
	case 0:
		return "ok";
	case VIVA_EOVERLOAD:
		return "full";
	default:
		return "down";
	}
}

// The service works as long as its store does: what needs the other services waits for them, and so do its events
// while the bus is away. Frames are then refused or analysed live.
static int check(void *state, json_t *detail, struct viva_error *error)
{
	struct interview_service *service = state;
	int status = viva_store_ping(service->store, error);
	json_object_set_new(detail, "store", json_string(status ? "down" : "ok"));
	json_object_set_new(detail, "interviews_in_memory",
			    json_integer((json_int_t)interview_sessions_count(service->sessions)));
	int64_t waiting = 0;
	if (!status && !viva_outbox_waiting(service->outbox, &waiting, NULL))
		json_object_set_new(detail, "events_waiting", json_integer(waiting));
	json_object_set_new(detail, "bus", json_string(bus_state(service->runtime.bus)));
	interview_peers_describe(service->peers, detail);
	return status;
}

static void drain(void *state)
{
	struct interview_service *service = state;
	interview_janitor_stop(service->janitor);
}

static void tune(void *state, const struct viva_tuning *tuning)
{
	struct interview_service *service = state;
	interview_peers_tune(service->peers, tuning);
}

int viva_interview_main(int argument_count, char **arguments)
{
	const struct viva_service service = {
		.name = "interview",
		.summary = "Conducts interviews over REST and WebSocket.",
		.default_port = 8080,
		.calls_others = true,
		.tags = tags,
		// Handlers wait for the other services most of their time.
		.default_threads = 16,
		.uses_bus = true,
		.options = options,
		.option_count = VIVA_COUNT(options),
		.routes = interview_routes,
		.route_count = interview_route_count,
		.start = start,
		.check = check,
		.drain = drain,
		.tune = tune,
		.stop = stop,
	};
	return viva_service_main(&service, argument_count, arguments);
}
