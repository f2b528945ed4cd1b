// SPDX-License-Identifier: Apache-2.0
#include "interview_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void open_bus(struct interview_fixture *fixture)
{
	char url[PATH_MAX + 32];
	snprintf(url, sizeof url, "sqlite:%s/bus.db", fixture->directory);
	struct viva_bus_options options = viva_bus_defaults();
	options.url = url;
	options.app_id = "interview";
	options.frame_partitions = 1;
	options.max_message_bytes = 8 << 20;
	options.max_unconfirmed_bytes = 8 << 20;
	options.max_stored_bytes = 8 << 20;
	options.defer_ms = 10;
	assert_ok(viva_bus_open(&options, &fixture->service.runtime.bus, NULL));
}

int interview_fixture_set_up(void **state)
{
	struct interview_fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	make_test_directory(fixture->directory, sizeof fixture->directory);
	fake_clock_init(&fixture->clock);
	assert_ok(viva_arena_create(0, &fixture->arena));
	set_up_runtime(fixture);

	open_bus(fixture);
	interview_fixture_init_instance(fixture, &fixture->service);
	*state = fixture;
	return 0;
}

void interview_fixture_init_instance(struct interview_fixture *fixture, struct interview_service *ret_service)
{
	struct interview_service *service = ret_service;
	service->runtime = fixture->service.runtime;
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
	struct viva_outbox_options outbox = viva_outbox_defaults();
	outbox.store = service->store;
	outbox.bus = service->runtime.bus;
	outbox.service = "interview";
	outbox.clock = viva_system_clock();
	outbox.random = service->runtime.random;
	assert_ok(viva_outbox_create(&outbox, &service->outbox));
	// The deadlines that it makes are for the bus.
	assert_ok(interview_queue_init(&service->queue, service->runtime.bus, viva_system_clock()));
	service->timeout_ms = 60 * 1000;
	service->confidence_floor = 0.4;
}

void interview_fixture_finish_instance(struct interview_service *service)
{
	viva_outbox_close(service->outbox, 1000);
	interview_queue_finish(&service->queue);
	interview_sessions_destroy(service->sessions);
	interview_peers_destroy(service->peers);
	viva_question_bank_destroy(service->bank);
	viva_store_destroy(service->store);
}

int interview_fixture_tear_down(void **state)
{
	struct interview_fixture *fixture = *state;
	struct viva_service_runtime *runtime = &fixture->service.runtime;
	interview_fixture_finish_instance(&fixture->service);
	viva_bus_destroy(runtime->bus);
	viva_discovery_destroy(runtime->discovery);
	viva_auth_destroy(runtime->auth);
	viva_pool_destroy(runtime->pool);
	viva_config_destroy(fixture->config);
	viva_arena_destroy(fixture->arena);
	remove_test_directory(fixture->directory);
	free(fixture);
	return 0;
}

// ---- the bus

struct taking {
	pthread_mutex_t lock;
	pthread_cond_t has_come;
	struct viva_arena *arena;
	struct viva_bus_message *message;
};

static const char *copy(struct viva_arena *arena, const char *text)
{
	return viva_arena_text(arena, text, strlen(text));
}

// The first delivery is taken, whatever comes behind it is left for later.
static void on_delivery(struct viva_bus_delivery *delivery, void *context)
{
	struct taking *taking = context;
	pthread_mutex_lock(&taking->lock);
	bool is_first = taking->message == NULL;
	if (is_first) {
		const struct viva_bus_message *message = viva_bus_delivery_message(delivery);
		struct viva_bus_message *taken = viva_arena_alloc(taking->arena, sizeof *taken);
		*taken = (struct viva_bus_message){
			.routing_key = copy(taking->arena, message->routing_key),
			.type = copy(taking->arena, message->type),
			.message_id = copy(taking->arena, message->message_id),
			.session_id = copy(taking->arena, message->session_id),
			.traceparent = copy(taking->arena, message->traceparent),
			.body = viva_bytes_of(
				viva_arena_text(taking->arena, (const char *)message->body.data, message->body.size),
				message->body.size),
		};
		taking->message = taken;
	}
	viva_bus_settle(delivery, is_first ? VIVA_BUS_ACK : VIVA_BUS_DEFER, NULL);
	pthread_cond_signal(&taking->has_come);
	pthread_mutex_unlock(&taking->lock);
}

const struct viva_bus_message *interview_fixture_take(struct interview_fixture *fixture, enum viva_bus_queue queue)
{
	struct taking taking = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_come = PTHREAD_COND_INITIALIZER};
	taking.arena = fixture->arena;
	const struct viva_bus_subscription subscription = {
		.queue = queue, .prefetch = 1, .on_delivery = on_delivery, .context = &taking};
	struct viva_bus_consumer *consumer = NULL;
	assert_ok(viva_bus_consume(fixture->service.runtime.bus, &subscription, &consumer, NULL));
	pthread_mutex_lock(&taking.lock);
	while (!taking.message)
		pthread_cond_wait(&taking.has_come, &taking.lock);
	pthread_mutex_unlock(&taking.lock);
	viva_bus_consumer_destroy(consumer);
	return taking.message;
}

int64_t interview_fixture_waiting(struct interview_fixture *fixture, enum viva_bus_queue queue)
{
	while (interview_fixture_count(fixture, "SELECT count(*) FROM interview_outbox") > 0)
		usleep(1000);
	const struct viva_bus_queue_status *queues = NULL;
	size_t count = 0;
	assert_ok(viva_bus_queues(fixture->service.runtime.bus, fixture->arena, &queues, &count, NULL));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(queues[i].name, viva_bus_bindings[queue].name) == 0)
			return queues[i].waiting;
	}
	fail_msg("there is no such queue");
	return -1;
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
