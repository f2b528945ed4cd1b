// SPDX-License-Identifier: Apache-2.0
//
// The service's settings, its start, its housekeeping and its end.
#include "service/service.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "descriptor_sets.h"
#include "emotion/emotion.h"
#include "emotion/methods.h"
#include "emotion/queue.h"
#include "emotion/routes.h"
#include "emotion/state.h"
#include "emotion/timeline.h"
#include "service/own_store.h"

enum {
	DEFAULT_PORT = 8081,
	HOUSEKEEPING_MS = 60000,
	MAX_CONTEXTS = 64,
	QUEUE_PATIENCE_MS = 1000,
	OUTBOX_LINGER_MS = 50,  // a publication of eight frames costs little more than one of a single frame
};

static const char *const tags[] = {"ml", "grpc", NULL};  // reference design §6

static const struct viva_option options[] = {
	VIVA_OWN_STORE_OPTIONS("Where the timeline is kept"),
	VIVA_OUTBOX_MAX_EVENTS_OPTION,
	{"model-dir", VIVA_OPTION_TEXT, VIVA_MODEL_DIR, 0, 0, "path", "Folder of the model files that ./dev deps makes",
	 false},
	{"frames-at-a-time", VIVA_OPTION_INT, "0", 0, MAX_CONTEXTS, NULL,
	 "Frames analysed at a time, each on one processor; 0 = one for each", false},
	{"max-frame-bytes", VIVA_OPTION_INT, "10485760", 1024, 16777216, "bytes", "A larger picture is refused", false},
	{"max-frame-pixels", VIVA_OPTION_INT, "16777216", 4096, 67108864, "pixels",
	 "A picture of more, or wider or higher than 4096, is refused", false},
	{"max-sessions", VIVA_OPTION_INT, "10000", 1, 1000000, NULL,
	 "Sessions kept in memory; others are read from the store", false},
	{"session-idle-ms", VIVA_OPTION_INT, "600000", 1000, 86400000, "ms",
	 "A session without frames for so long leaves the memory", false},
	{"retention-days", VIVA_OPTION_INT, "30", 1, 36500, "days",
	 "Timelines and key frames are deleted when they are so old", false},
};

// On a worker: deletes what is too old, and overwrites what was deleted.
static void keep_house(void *context)
{
	struct emotion_service *service = context;
	struct viva_error error = {0};
	int64_t deleted = 0;
	int64_t now_ms = viva_clock_unix_ms(service->clock);
	if (emotion_timeline_expire(service->store, now_ms - service->retention_ms, now_ms, &deleted, &error) != 0)
		viva_log_warn("old timelines can't be deleted now: %s", viva_error_message(&error));
	viva_own_store_sweep(service->store, deleted, &service->needs_scrub);
}

// On a worker, since it waits for the bus.
static void stop_consuming(void *context)
{
	struct emotion_service *service = context;
	emotion_queue_stop(service->queue);
}

static void drain(void *state)
{
	struct emotion_service *service = state;
	viva_housekeeping_stop(service->housekeeping);
	// Frames that wait at the gate hold nothing up. Where the pool is full, stop() does the rest.
	emotion_gate_close(service->gate);
	(void)!viva_pool_submit(service->pool, stop_consuming, service);
}

static void stop(void *state)
{
	struct emotion_service *service = state;
	viva_housekeeping_destroy(service->housekeeping);
	emotion_queue_destroy(service->queue);
	viva_outbox_close(service->outbox, service->grace_ms);
	emotion_sessions_destroy(service->sessions);
	emotion_gate_destroy(service->gate);
	viva_vision_destroy(service->vision);
	viva_store_destroy(service->store);
	free(service);
}

static void register_metrics(struct emotion_service *service)
{
	static const char name[] = "viva_emotion_frames_total", help[] = "Frames by what came of them";
	service->frames_with_face = viva_counter(name, "result=\"face\"", help);
	service->frames_without_face = viva_counter(name, "result=\"no_face\"", help);
	service->frames_refused = viva_counter(name, "result=\"refused\"", help);
	service->key_frames = viva_counter("viva_emotion_key_frames_total", "", "Pictures kept as key frames");
	service->inference_seconds =
		viva_histogram("viva_emotion_inference_seconds", "", "Decoding and analysing a frame");
}

static size_t frames_at_a_time(const struct viva_config *config)
{
	int64_t configured = viva_config_int(config, "frames-at-a-time");
	int64_t processors = sysconf(_SC_NPROCESSORS_ONLN);
	return (size_t)(configured > 0 ? configured : VIVA_MIN(VIVA_MAX(processors, 1), MAX_CONTEXTS));
}

static int open_vision(struct emotion_service *service, const struct viva_config *config, struct viva_error *error)
{
	struct viva_vision_options vision = viva_vision_defaults();
	vision.model_directory = viva_config_text(config, "model-dir");
	vision.contexts = frames_at_a_time(config);
	vision.max_bytes = (size_t)viva_config_int(config, "max-frame-bytes");
	vision.max_pixels = (uint64_t)viva_config_int(config, "max-frame-pixels");
	return viva_vision_open(&vision, &service->vision, error);
}

static int make_sessions(struct emotion_service *service, const struct viva_service_runtime *runtime)
{
	struct emotion_sessions_options sessions = emotion_sessions_defaults();
	sessions.max_sessions = (size_t)viva_config_int(runtime->config, "max-sessions");
	sessions.max_idle_ms = viva_config_int(runtime->config, "session-idle-ms");
	sessions.clock = runtime->clock;
	sessions.random = runtime->random;
	return emotion_sessions_create(&sessions, &service->sessions);
}

// After all that their handlers use.
static int start_consuming(struct emotion_service *service, const struct viva_config *config, struct viva_error *error)
{
	const struct emotion_queue_options queue = {
		.service = service,
		.partitions = (size_t)viva_config_int(config, "frame-partitions"),
		.frames_at_a_time = frames_at_a_time(config),
	};
	return emotion_queue_create(&queue, &service->queue, error);
}

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	struct emotion_service *service = calloc(1, sizeof *service);
	if (!service)
		return VIVA_ENOMEM;
	service->clock = runtime->clock;
	service->auth = runtime->auth;
	service->pool = runtime->pool;
	service->bus = runtime->bus;
	service->grace_ms = (uint32_t)viva_config_int(runtime->config, "shutdown-grace-ms");
	service->retention_ms = viva_config_int(runtime->config, "retention-days") * 86400000;
	register_metrics(service);
	int code = open_vision(service, runtime->config, error);
	if (code == 0)
		code = viva_own_store_open(runtime, emotion_timeline_open, &service->store, error);
	if (code == 0)
		code = make_sessions(service, runtime);
	if (code == 0)
		code = emotion_gate_create(frames_at_a_time(runtime->config), QUEUE_PATIENCE_MS, &service->gate);
	if (code == 0)
		code = viva_own_outbox_open(runtime, service->store, "emotion", OUTBOX_LINGER_MS, &service->outbox);
	if (code == 0)
		code = start_consuming(service, runtime->config, error);
	if (code == 0)
		code = viva_housekeeping_create(runtime, HOUSEKEEPING_MS, HOUSEKEEPING_MS, keep_house, service,
						&service->housekeeping);
	if (code != 0) {
		stop(service);
		return code;
	}
	*ret_state = service;
	return 0;
}

static int check(void *state, json_t *detail, struct viva_error *error)
{
	struct emotion_service *service = state;
	int code = viva_own_store_check(service->store, service->outbox, service->bus, detail, error);
	json_object_set_new(detail, "models", json_string("ok"));
	json_object_set_new(detail, "sessions", json_integer((json_int_t)emotion_sessions_count(service->sessions)));
	return code;
}

int viva_emotion_main(int argument_count, char **arguments)
{
	const struct viva_service service = {
		.name = "emotion",
		.summary = "Sees faces, expressions and blinks in frames, and keeps their timeline.",
		.default_port = DEFAULT_PORT,
		.tags = tags,
		.uses_bus = true,
		.options = options,
		.option_count = VIVA_COUNT(options),
		.routes = emotion_routes,
		.route_count = emotion_route_count,
		.rpc_services = emotion_rpc_services,
		.rpc_methods = emotion_methods,
		.rpc_method_count = emotion_method_count,
		.descriptor_set = viva_emotion_descriptor_set,
		.start = start,
		.check = check,
		.drain = drain,
		.stop = stop,
	};
	return viva_service_main(&service, argument_count, arguments);
}
