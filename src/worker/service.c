// SPDX-License-Identifier: Apache-2.0
//
// The service's settings, its start and its end.
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/own_store.h"
#include "worker/context.h"
#include "worker/erasures.h"
#include "worker/housekeeping.h"
#include "worker/schema.h"
#include "worker/scores.h"
#include "worker/worker.h"

enum { DEFAULT_PORT = 8083, PREFETCH = 16, HOUSEKEEPING_MS = 15000 };
#define HOUR_MS (INT64_C(60) * 60 * 1000)

static const char *const tags[] = {"worker", "v1", NULL};

static const struct viva_option options[] = {
	VIVA_OWN_STORE_OPTIONS("Where outcomes are kept"),
	{"max-frame-age-ms", VIVA_OPTION_INT, "10000", 0, 3600000, "ms",
	 "A queued frame that is older gives way to a newer one of its session", false},
	{"max-frame-backlog", VIVA_OPTION_INT, "1000", 0, 10000000, NULL,
	 "Frames that may wait for the emotion service before more are held back; 0 = any number", false},
	{"frame-prefetch", VIVA_OPTION_INT, "64", 1, 1024, NULL,
	 "Frames taken from the queue at a time; each is in memory", false},
	{"frame-retention-hours", VIVA_OPTION_INT, "168", 1, 8760, "hours",
	 "How long a frame's outcome is kept, and its duplicates are known", false},
	{"completion-wait-ms", VIVA_OPTION_INT, "30000", 0, 3600000, "ms",
	 "How long the score of a completed interview waits for frames in the queues", false},
	{"completion-threads", VIVA_OPTION_INT, "4", 1, 256, NULL, "Completed interviews worked on at a time", false},
	{"report-format", VIVA_OPTION_CHOICE, "pdf", 0, 0, "pdf|html|json",
	 "Which report is made of a scored interview", false},
	{"webhook-url", VIVA_OPTION_TEXT, NULL, 0, 0, "URLs",
	 "Told of each score; several are separated by commas. https only, but for this machine", true},
	{"webhook-secret", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "Signs webhooks; at least 16 characters", true},
	{"webhook-insecure", VIVA_OPTION_CHOICE, "off", 0, 0, "on|off", "on allows http:// to other machines, too",
	 false},
	{"webhook-timeout-ms", VIVA_OPTION_INT, "8000", 1, 60000, "ms", "For a webhook's receiver to answer", false},
	{"webhook-max-age-hours", VIVA_OPTION_INT, "24", 1, 720, "hours",
	 "How long a webhook that fails is tried again", false},
	{"webhook-concurrency", VIVA_OPTION_INT, "4", 1, 8, NULL, "Calls to one URL at a time", false},
	{"delivery-retention-days", VIVA_OPTION_INT, "30", 1, 3650, "days",
	 "How long the log of ended deliveries is kept", false},
};

// From consumer to store: nothing outlives what it uses. Each part settles what it has in hand.
static void stop(void *state)
{
	struct worker_service *service = state;
	worker_frames_destroy(service->frames);
	worker_completions_destroy(service->completions);
	viva_bus_consumer_destroy(service->scores);
	viva_bus_consumer_destroy(service->erasures);
	worker_webhooks_destroy(service->webhooks);
	viva_housekeeping_destroy(service->housekeeping);
	viva_peer_destroy(service->interview);
	viva_peer_destroy(service->emotion);
	viva_peer_destroy(service->scoring);
	viva_store_destroy(service->store);
	viva_arena_destroy(service->arena);
	free(service);
}

static int read_settings(struct worker_service *service, struct viva_error *error)
{
	const struct viva_config *config = service->runtime.config;
	bool is_insecure = strcmp(viva_config_text(config, "webhook-insecure"), "on") == 0;
	service->webhook_max_age_ms = viva_config_int(config, "webhook-max-age-hours") * HOUR_MS;
	service->frame_retention_ms = viva_config_int(config, "frame-retention-hours") * HOUR_MS;
	service->delivery_retention_ms = viva_config_int(config, "delivery-retention-days") * 24 * HOUR_MS;
	if (viva_arena_create(0, &service->arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the worker");
	return worker_webhook_targets_read(viva_config_text(config, "webhook-url"),
					   viva_config_text(config, "webhook-secret"), is_insecure, service->arena,
					   &service->targets, error);
}

static int open_peer(struct worker_service *service, const char *name, bool has_rpc, struct viva_peer **ret_peer,
		     struct viva_error *error)
{
	struct viva_peer_options peer = viva_peer_defaults(name, &service->runtime);
	peer.has_rpc = has_rpc;
	return viva_peer_create(&peer, ret_peer, error);
}

static int open_peers(struct worker_service *service, struct viva_error *error)
{
	int status = open_peer(service, "interview", false, &service->interview, error);
	if (!status)
		status = open_peer(service, "emotion", false, &service->emotion, error);
	if (!status)
		status = open_peer(service, "scoring", true, &service->scoring, error);
	return status;
}

static int start_webhooks(struct worker_service *service, struct viva_error *error)
{
	const struct viva_config *config = service->runtime.config;
	const struct worker_webhooks_options webhooks = {
		.store = service->store,
		.targets = &service->targets,
		.clock = service->runtime.clock,
		.random = service->runtime.random,
		.timeout_ms = (uint32_t)viva_config_int(config, "webhook-timeout-ms"),
		.concurrency = (size_t)viva_config_int(config, "webhook-concurrency"),
	};
	if (service->targets.count == 0)
		return 0;
	int status = worker_webhooks_create(&webhooks, &service->webhooks);
	return status ? viva_fail(error, status, NULL, "the threads for webhooks can't be started") : 0;
}

static int start_frames(struct worker_service *service, struct viva_error *error)
{
	const struct viva_config *config = service->runtime.config;
	const struct worker_frames_options frames = {
		.store = service->store,
		.bus = service->runtime.bus,
		.clock = service->runtime.clock,
		.random = service->runtime.random,
		.prefetch = (size_t)viva_config_int(config, "frame-prefetch"),
		.max_age_ms = viva_config_int(config, "max-frame-age-ms"),
		.max_backlog = viva_config_int(config, "max-frame-backlog"),
	};
	return worker_frames_create(&frames, &service->frames, error);
}

static int start_completions(struct worker_service *service, struct viva_error *error)
{
	const struct viva_config *config = service->runtime.config;
	const struct worker_completions_options completions = {
		.store = service->store,
		.bus = service->runtime.bus,
		.inbox = &service->inbox,
		.interview = service->interview,
		.emotion = service->emotion,
		.scoring = service->scoring,
		.clock = service->runtime.clock,
		.random = service->runtime.random,
		.threads = (size_t)viva_config_int(config, "completion-threads"),
		.wait_ms = viva_config_int(config, "completion-wait-ms"),
		.report_format = viva_config_text(config, "report-format"),
	};
	return worker_completions_create(&completions, &service->completions, error);
}

static int consume(struct worker_service *service, enum viva_bus_queue queue,
		   void (*on_delivery)(struct viva_bus_delivery *delivery, void *context),
		   struct viva_bus_consumer **ret_consumer, struct viva_error *error)
{
	const struct viva_bus_subscription subscription = {
		.queue = queue, .prefetch = PREFETCH, .on_delivery = on_delivery, .context = service};
	return viva_bus_consume(service->runtime.bus, &subscription, ret_consumer, error);
}

// Erasures first: what comes after one must find it.
static int start_parts(struct worker_service *service, struct viva_error *error)
{
	int status = start_webhooks(service, error);
	if (!status)
		status = consume(service, VIVA_QUEUE_WORKER_ERASURES, worker_erasures_on_delivery, &service->erasures,
				 error);
	if (!status)
		status = consume(service, VIVA_QUEUE_WORKER_SCORES, worker_scores_on_delivery, &service->scores, error);
	if (!status)
		status = start_completions(service, error);
	if (!status)
		status = start_frames(service, error);
	if (!status && viva_housekeeping_create(&service->runtime, 0, HOUSEKEEPING_MS, worker_housekeeping_round,
						service, &service->housekeeping))
		status = viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the worker");
	return status;
}

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	struct worker_service *service = calloc(1, sizeof *service);
	if (!service)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the worker");
	service->runtime = *runtime;
	viva_inbox_init(&service->inbox, "worker");
	int status = read_settings(service, error);
	if (!status)
		status = viva_own_store_open(runtime, worker_store_open, &service->store, error);
	if (!status)
		status = open_peers(service, error);
	if (!status)
		status = start_parts(service, error);
	if (status) {
		stop(service);
		return status;
	}
	*ret_state = service;
	return 0;
}

// The worker works as long as its store and the bus do: what needs another service waits for it.
static int check(void *state, json_t *detail, struct viva_error *error)
{
	struct worker_service *service = state;
	struct viva_error ignored = {0};
	int store = viva_store_ping(service->store, error);
	int bus = viva_bus_ping(service->runtime.bus, store ? &ignored : error);
	json_object_set_new(detail, "store", json_string(store ? "down" : "ok"));
	json_object_set_new(detail, "bus", json_string(bus ? "down" : "ok"));
	viva_peer_describe(service->interview, detail);
	viva_peer_describe(service->emotion, detail);
	viva_peer_describe(service->scoring, detail);
	return store ? store : bus;
}

static void stop_consuming(void *context)
{
	struct worker_service *service = context;
	worker_frames_stop(service->frames);
	worker_completions_stop(service->completions);
	viva_bus_consumer_stop(service->scores);
	viva_bus_consumer_stop(service->erasures);
	if (service->webhooks)
		worker_webhooks_stop(service->webhooks);
}

// Consumers stop on a worker of the pool, since that may block; should it be full, they stop with the service.
static void drain(void *state)
{
	struct worker_service *service = state;
	viva_housekeeping_stop(service->housekeeping);
	(void)!viva_pool_submit(service->runtime.pool, stop_consuming, service);
}

static void tune(void *state, const struct viva_tuning *tuning)
{
	struct worker_service *service = state;
	struct viva_peer *peers[] = {service->interview, service->emotion, service->scoring};
	for (size_t i = 0; i < VIVA_COUNT(peers); i++)
		if (viva_peer_tune(peers[i], tuning))
			viva_log_warn("calls to a service keep their settings: the new ones can't be taken over");
}

int viva_worker_main(int argument_count, char **arguments)
{
	const struct viva_service service = {
		.name = "worker",
		.summary = "Passes frames on, has interviews scored and reported, and tells webhooks of scores.",
		.default_port = DEFAULT_PORT,
		.calls_others = true,
		.tags = tags,
		.uses_bus = true,
		.options = options,
		.option_count = VIVA_COUNT(options),
		.start = start,
		.check = check,
		.drain = drain,
		.tune = tune,
		.stop = stop,
	};
	return viva_service_main(&service, argument_count, arguments);
}
