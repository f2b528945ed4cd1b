// SPDX-License-Identifier: Apache-2.0
#include "interview_fixture.h"

#include <stdlib.h>

#include "interview/life.h"
#include "interview/live.h"
#include "interview/schema.h"

static const struct viva_option OPTIONS[] = {
	{"service-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "", true},
	{"breaker-open-ms", VIVA_OPTION_INT, "10000", 1, 100000, "ms", "", false},
};

static void set_up_runtime(struct interview_fixture *fixture)
{
	struct viva_service_runtime *runtime = &fixture->service.runtime;
	const struct viva_option *tables[] = {OPTIONS};
	size_t counts[] = {VIVA_COUNT(OPTIONS)};
	assert_ok(viva_config_load(tables, counts, 1, 0, NULL, &fixture->config, NULL));
	runtime->config = fixture->config;
	runtime->clock = &fixture->clock.clock;
	runtime->random = viva_system_random();
	runtime->data_directory = fixture->directory;
	fixture->tuning = viva_tuning_defaults();
	fixture->tuning.retry_base_ms = fixture->tuning.retry_max_ms = 1;
	runtime->tuning = &fixture->tuning;
	struct viva_pool_options pool = viva_pool_defaults();
	pool.threads = 2;
	assert_ok(viva_pool_create(&pool, &runtime->pool));
	struct viva_auth_options auth = {
		.data_directory = fixture->directory,
		.api_key = "an API key for tests only",
		.token_key = "a token key for tests only, longer than 32 bytes",
		.clock = runtime->clock,
	};
	assert_ok(viva_auth_open(&auth, &runtime->auth, NULL));
	// Nothing listens on port 1.
	assert_ok(viva_discovery_open("static:emotion=127.0.0.1:1;scoring=127.0.0.1:1", &runtime->discovery, NULL));
}

int interview_fixture_set_up(void **state)
{
	struct interview_fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	make_test_directory(fixture->directory, sizeof fixture->directory);
	fake_clock_init(&fixture->clock);
	assert_ok(viva_arena_create(0, &fixture->arena));
	set_up_runtime(fixture);

	struct interview_service *service = &fixture->service;
	char url[PATH_MAX + 32];
	snprintf(url, sizeof url, "sqlite:%s/viva.db", fixture->directory);
	struct viva_store_options store = viva_store_defaults();
	store.url = url;
	store.service = "interview";
	store.migrations = interview_migrations;
	store.migration_count = interview_migration_count;
	store.durability = VIVA_DURABLE_CRASH;
	assert_ok(viva_store_open(&store, &service->store, NULL));
	assert_ok(viva_question_bank_open(NULL, &service->bank, NULL));
	assert_ok(interview_peers_create(&service->runtime, &service->peers, NULL));
	struct interview_sessions_options sessions = {
		.max_sessions = 16,
		.pool = service->runtime.pool,
		.frame_pool = service->runtime.pool,
		.clock = service->runtime.clock,
		.on_drop = interview_live_drop_frame,
	};
	assert_ok(interview_sessions_create(&sessions, &service->sessions));
	service->timeout_ms = 60 * 1000;
	service->confidence_floor = 0.4;
	*state = fixture;
	return 0;
}

int interview_fixture_tear_down(void **state)
{
	struct interview_fixture *fixture = *state;
	struct interview_service *service = &fixture->service;
	interview_sessions_destroy(service->sessions);
	interview_peers_destroy(service->peers);
	viva_question_bank_destroy(service->bank);
	viva_store_destroy(service->store);
	viva_discovery_destroy(service->runtime.discovery);
	viva_auth_destroy(service->runtime.auth);
	viva_pool_destroy(service->runtime.pool);
	viva_config_destroy(fixture->config);
	viva_arena_destroy(fixture->arena);
	remove_test_directory(fixture->directory);
	free(fixture);
	return 0;
}

const char *interview_fixture_start(struct interview_fixture *fixture, const char *body)
{
	VIVA_AUTO_JSON json = json_loads(body, 0, NULL);
	struct interview_start start;
	const char *response = NULL;
	const char *id = NULL;
	assert_ok(interview_start_parse(json, fixture->service.bank, &start, NULL));
	assert_ok(interview_start(&fixture->service, &start, NULL, viva_bytes_of_text(body), fixture->arena, &response,
				  &id, NULL));
	return id;
}

struct interview_record interview_fixture_load(struct interview_fixture *fixture, const char *id)
{
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	struct interview_record record;
	assert_ok(interview_load(&reader, id, &record, NULL));
	return record;
}

int interview_fixture_answer(struct interview_fixture *fixture, const char *id, const char *words,
			     struct interview_answer_result *ret_result)
{
	struct interview_reader reader = {.store = fixture->service.store, .arena = fixture->arena};
	const struct interview_question *questions = NULL;
	size_t count = 0;
	assert_ok(interview_load_questions(&reader, id, &questions, &count, NULL));
	const struct interview_question *open = interview_open_question(questions, count);
	struct interview_answer_request request = {.question_id = open ? open->id : questions[0].id,
						   .transcript = words,
						   .confidence = -1,
						   .language = ""};
	return interview_answer(&fixture->service, id, &request, INT64_MAX, fixture->arena, ret_result, NULL);
}

int64_t interview_fixture_count(struct interview_fixture *fixture, const char *sql)
{
	struct viva_rows rows;
	assert_ok(viva_store_query(fixture->service.store, fixture->arena, sql, NULL, 0, &rows, NULL));
	return viva_rows_int(&rows, 0, 0);
}
