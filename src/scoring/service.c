// SPDX-License-Identifier: Apache-2.0
//
// The service's settings, its start and its end.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "descriptor_sets.h"
#include "scoring/feed.h"
#include "scoring/llm.h"
#include "scoring/llm_settings.h"
#include "scoring/methods.h"
#include "scoring/records.h"
#include "scoring/routes.h"
#include "scoring/scoring.h"
#include "scoring/state.h"
#include "scoring/timeline.h"
#include "service/own_store.h"
#include "service/peer.h"
#include "service/service.h"

enum { DEFAULT_PORT = 8082, HOUSEKEEPING_MS = 60000 };

static const char *const tags[] = {"ml", "grpc", NULL};  // reference design §6

static const struct viva_option options[] = {
	VIVA_OWN_STORE_OPTIONS("Where scores are kept"),
	VIVA_OUTBOX_MAX_EVENTS_OPTION,
	{"questions", VIVA_OPTION_TEXT, NULL, 0, 0, "path", "Question bank; default the one that comes with Viva",
	 false},
	{"embedding-cache", VIVA_OPTION_TEXT, NULL, 0, 0, "path",
	 "File that keeps the embeddings of the question bank between starts; default DATA/embeddings.bin", false},
	{"model-dir", VIVA_OPTION_TEXT, VIVA_MODEL_DIR, 0, 0, "path", "Folder of the model files that ./dev deps makes",
	 false},
	{"analyses", VIVA_OPTION_INT, "0", 0, 64, NULL, "Answers analysed at a time; 0 = one for each processor",
	 false},
	{"confidence-floor", VIVA_OPTION_REAL, "0.4", 0, 1, NULL,
	 "Answers whose speech was recognised with less confidence are not scored", false},
	{"weight-technical", VIVA_OPTION_REAL, "0.6", 0, 1000, NULL,
	 "Weight of the technical score in the overall score", false},
	{"weight-communication", VIVA_OPTION_REAL, "0.4", 0, 1000, NULL,
	 "Weight of the communication score in the overall score", false},
	{"weight-emotion", VIVA_OPTION_REAL, "0", 0, 1000, NULL,
	 "Weight of the emotion score in the overall score of practice interviews", false},
	SCORING_LLM_OPTIONS,
	{"timeline-retention-days", VIVA_OPTION_INT, "30", 1, 36500, "days",
	 "Scoring's copies of emotion timelines are deleted when they are so old", false},
};

// On a worker: deletes what is too old, and overwrites what was deleted.
static void keep_house(void *context)
{
	struct scoring_service *service = context;
	struct viva_error error = {0};
	int64_t now_ms = viva_clock_unix_ms(service->clock), deleted = 0;
	int code = scoring_timeline_expire(service->store, now_ms - service->timeline_retention_ms, &deleted, &error);
	if (code == 0)
		code = scoring_records_expire(service->store, now_ms, &error);
	if (code != 0)
		viva_log_warn("what is old can't be deleted now: %s", viva_error_message(&error));
	viva_own_store_sweep(service->store, deleted, &service->needs_scrub);
}

// On a worker, since it waits for the bus.
static void stop_consuming(void *context)
{
	struct scoring_service *service = context;
	scoring_feed_stop(service->feed);
}

static void drain(void *state)
{
	struct scoring_service *service = state;
	viva_housekeeping_stop(service->housekeeping);
	// Where the pool is full, stop() does it.
	(void)!viva_pool_submit(service->pool, stop_consuming, service);
}

static void stop(void *state)
{
	struct scoring_service *service = state;
	viva_housekeeping_destroy(service->housekeeping);
	scoring_feed_destroy(service->feed);
	viva_peer_destroy(service->emotion);
	viva_outbox_close(service->outbox, service->grace_ms);
	scoring_llm_destroy(service->llm);
	viva_language_destroy(service->language);
	viva_question_bank_destroy(service->bank);
	viva_store_destroy(service->store);
	free(service);
}

static int open_language(struct scoring_service *service, const struct viva_service_runtime *runtime,
			 struct viva_error *error)
{
	const struct viva_config *config = runtime->config;
	char default_file[4096];
	snprintf(default_file, sizeof default_file, "%s/embeddings.bin", runtime->data_directory);
	const char *file = viva_config_text(config, "embedding-cache");
	size_t count = viva_question_bank_question_count(service->bank);
	struct viva_background_question *background = calloc(count + 1, sizeof *background);
	if (!background)
		return VIVA_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct viva_question *question = viva_question_bank_question_at(service->bank, i);
		background[i] = (struct viva_background_question){.text = question->text,
								  .points = question->reference_points,
								  .point_count = question->reference_point_count};
	}

	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t analyses = (size_t)viva_config_int(config, "analyses");
	struct viva_language_options language = viva_language_defaults();
	language.model_directory = viva_config_text(config, "model-dir");
	language.max_concurrent = analyses > 0 ? analyses : (size_t)VIVA_MIN(VIVA_MAX(processors, 1L), 64L);
	language.background = background;
	language.background_count = count;
	language.background_file = file ? file : default_file;
	language.confidence_floor = viva_config_real(config, "confidence-floor");
	int code = viva_language_open(&language, &service->language, error);
	free(background);
	return code;
}

static int read_weights(struct scoring_service *service, const struct viva_config *config, struct viva_error *error)
{
	service->weights = (struct scoring_weights){
		.technical = viva_config_real(config, "weight-technical"),
		.communication = viva_config_real(config, "weight-communication"),
		.emotion = viva_config_real(config, "weight-emotion"),
	};
	// Emotions are not always measured, so they can't carry the overall score alone.
	if (service->weights.technical + service->weights.communication <= 0)
		return viva_fail(error, VIVA_EUSAGE, "weight-technical",
				 "--weight-technical and --weight-communication must not both be 0");
	return 0;
}

// Over REST alone.
static int know_emotion(struct scoring_service *service, const struct viva_service_runtime *runtime,
			struct viva_error *error)
{
	struct viva_peer_options emotion = viva_peer_defaults("emotion", runtime);
	emotion.has_rpc = false;
	return viva_peer_create(&emotion, &service->emotion, error);
}

static void tune(void *state, const struct viva_tuning *tuning)
{
	struct scoring_service *service = state;
	if (viva_peer_tune(service->emotion, tuning) != 0)
		viva_log_error("the calls to emotion keep their old settings");
}

static int start_consuming(struct scoring_service *service, struct viva_error *error)
{
	struct scoring_feed_options feed = scoring_feed_defaults();
	feed.service = service;
	return scoring_feed_create(&feed, &service->feed, error);
}

static int start(const struct viva_service_runtime *runtime, void **ret_state, struct viva_error *error)
{
	struct scoring_service *service = calloc(1, sizeof *service);
	if (!service)
		return VIVA_ENOMEM;
	service->clock = runtime->clock;
	service->auth = runtime->auth;
	service->pool = runtime->pool;
	service->bus = runtime->bus;
	service->grace_ms = (uint32_t)viva_config_int(runtime->config, "shutdown-grace-ms");
	service->timeline_retention_ms = viva_config_int(runtime->config, "timeline-retention-days") * 86400000;
	int code = read_weights(service, runtime->config, error);
	if (code == 0)
		code = viva_question_bank_open(viva_config_text(runtime->config, "questions"), &service->bank, error);
	if (code == 0)
		code = scoring_llm_create(runtime->config, runtime->clock, &service->llm, error);
	if (code == 0)
		code = viva_own_store_open(runtime, scoring_records_open, &service->store, error);
	if (code == 0)
		code = open_language(service, runtime, error);
	if (code == 0)
		code = viva_own_outbox_open(runtime, service->store, "scoring", 0, &service->outbox);
	if (code == 0)
		code = know_emotion(service, runtime, error);
	if (code == 0)
		code = start_consuming(service, error);
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
	struct scoring_service *service = state;
	int code = viva_own_store_check(service->store, service->outbox, service->bus, detail, error);
	json_object_set_new(detail, "model", json_string("ok"));
	viva_peer_describe(service->emotion, detail);
	return code;
}

int viva_scoring_main(int argument_count, char **arguments)
{
	const struct viva_service service = {
		.name = "scoring",
		.summary = "Judges answers, scores interviews and makes reports.",
		.default_port = DEFAULT_PORT,
		.calls_others = true,
		.tags = tags,
		.uses_bus = true,
		.options = options,
		.option_count = VIVA_COUNT(options),
		.routes = scoring_routes,
		.route_count = scoring_route_count,
		.rpc_services = scoring_rpc_services,
		.rpc_methods = scoring_methods,
		.rpc_method_count = scoring_method_count,
		.descriptor_set = viva_scoring_descriptor_set,
		.start = start,
		.check = check,
		.tune = tune,
		.drain = drain,
		.stop = stop,
	};
	return viva_service_main(&service, argument_count, arguments);
}
