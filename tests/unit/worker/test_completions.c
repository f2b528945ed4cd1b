// SPDX-License-Identifier: Apache-2.0
#include "worker/completions.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/events.h"
#include "net_fixture.h"
#include "rpc_fixture.h"
#include "scoring.pb-c.h"
#include "worker/frame_store.h"
#include "worker_bus.h"

static const char INTERVIEW[] = "01890a5d-ac96-774b-bcce-b302099a8057";
static const char OTHER[] = "01890a5d-ac96-774b-bcce-b302099a8058";

// The other services, and what they answer.
static atomic_int complete_calls, timeline_calls, report_calls;
static atomic_int complete_status, report_code;
static atomic_bool is_erased_meanwhile;  // the interview, while its report is asked for
static _Atomic(const char *) complete_body, frame_state;

static int handle_complete(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	(void)error;
	assert_non_null(viva_http_header(request, "authorization"));
	atomic_fetch_add(&complete_calls, 1);
	return viva_http_respond_text(response, atomic_load(&complete_status), "application/json",
				      atomic_load(&complete_body));
}

static int handle_timeline(struct viva_http_request *request, struct viva_http_response *response,
			   struct viva_error *error)
{
	(void)error;
	const char *number = viva_http_query(request, "frame");
	const char *state = atomic_load(&frame_state);
	atomic_fetch_add(&timeline_calls, 1);
	assert_string_equal(number, "2");
	return viva_http_respond_json(response, 200,
				      json_pack("{s:{s:i}, s:{s:s}}", "summary", "frames", 0, "frame", "state", state));
}

static const struct viva_http_route ROUTES[] = {
	{.method = "POST", .pattern = "/api/v1/interviews/:id/complete", .handle = handle_complete},
	{.method = "GET", .pattern = "/api/v1/emotions/session/:id", .handle = handle_timeline},
};

static int generate_report(struct viva_rpc_call *call, void *context, struct viva_error *error)
{
	(void)context;
	ProtobufCMessage *message = NULL;
	assert_ok(viva_rpc_unpack(call, &scoring__report_request__descriptor, &message, error));
	const Scoring__ReportRequest *request = (const Scoring__ReportRequest *)message;
	assert_string_equal(request->format, "json");
	assert_string_equal(request->session_id, INTERVIEW);
	atomic_fetch_add(&report_calls, 1);
	int code = atomic_load(&report_code);
	if (atomic_load(&is_erased_meanwhile))
		atomic_store(&complete_status, 404);
	if (code)
		return viva_fail(error, code, NULL, "no report of that session");
	Scoring__ReportResponse reply;
	scoring__report_response__init(&reply);
	return viva_rpc_reply(call, &reply.base);
}

static const char *const SERVICES[] = {"scoring.ScoringService", NULL};
static const struct viva_rpc_method METHODS[] = {
	{.path = "/scoring.ScoringService/GenerateReport", .handle = generate_report}};

static void be_scoring(struct viva_rpc_server_options *options)
{
	options->services = SERVICES;
	options->methods = METHODS;
	options->method_count = VIVA_COUNT(METHODS);
	options->descriptor_set = (struct viva_bytes){0};
}

// ---- the worker's side

static const struct viva_option OPTIONS[] = {{"service-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "", true}};

static struct net_server *server;
static struct rpc_fixture rpc;
static struct viva_bus *bus;
static struct viva_config *config;
static struct viva_service_runtime runtime;
static struct viva_inbox inbox;
static struct viva_peer *interview, *emotion, *scoring;
static struct worker_completions *completions;

static void open_peer(const char *name, bool has_rpc, struct viva_peer **ret_peer)
{
	struct viva_peer_options options = viva_peer_defaults(name, &runtime);
	options.has_rpc = has_rpc;
	assert_ok(viva_peer_create(&options, ret_peer, NULL));
}

static void open_peers(const struct worker_fixture *fixture, unsigned interview_port)
{
	char url[128];
	snprintf(url, sizeof url, "static:interview=127.0.0.1:%u;emotion=127.0.0.1:%u;scoring=%s", interview_port,
		 net_server_port(server), rpc.address);
	struct viva_auth_options auth = {
		.data_directory = fixture->directory,
		.api_key = "an API key for tests only",
		.token_key = "a token key for tests only, longer than 32 bytes",
		.clock = viva_system_clock(),
	};
	runtime = (struct viva_service_runtime){
		.config = config, .clock = viva_system_clock(), .random = viva_system_random(), .bus = bus};
	assert_ok(viva_auth_open(&auth, &runtime.auth, NULL));
	assert_ok(viva_discovery_open(url, &runtime.discovery, NULL));
	open_peer("interview", false, &interview);
	open_peer("emotion", false, &emotion);
	open_peer("scoring", true, &scoring);
}

static void close_peers(void)
{
	interview = viva_peer_destroy(interview);
	emotion = viva_peer_destroy(emotion);
	scoring = viva_peer_destroy(scoring);
	runtime.discovery = viva_discovery_destroy(runtime.discovery);
	runtime.auth = viva_auth_destroy(runtime.auth);
}

static int set_up_with(void **state, bool has_interview)
{
	if (worker_fixture_set_up(state))
		return 1;
	const struct viva_option *tables[] = {OPTIONS};
	size_t counts[] = {VIVA_COUNT(OPTIONS)};
	atomic_store(&complete_calls, 0);
	atomic_store(&timeline_calls, 0);
	atomic_store(&report_calls, 0);
	atomic_store(&complete_status, 200);
	atomic_store(&report_code, 0);
	atomic_store(&is_erased_meanwhile, false);
	atomic_store(&complete_body, "{\"status\":\"scored\",\"score\":{\"overall_score\":80}}");
	atomic_store(&frame_state, "unknown");
	assert_ok(viva_config_load(tables, counts, 1, 0, NULL, &config, NULL));
	server = net_server_start(ROUTES, VIVA_COUNT(ROUTES), viva_http_server_defaults());
	rpc_fixture_start(&rpc, 0, be_scoring);
	bus = worker_bus_open(*state);
	viva_inbox_init(&inbox, "worker");
	// Nothing listens on port 1.
	open_peers(*state, has_interview ? net_server_port(server) : 1);
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, true);
}

static int set_up_without_interview(void **state)
{
	return set_up_with(state, false);
}

static int tear_down(void **state)
{
	completions = worker_completions_destroy(completions);
	close_peers();
	bus = viva_bus_destroy(bus);
	rpc_fixture_stop(&rpc, 0);
	net_server_stop(server);
	config = viva_config_destroy(config);
	return worker_fixture_tear_down(state);
}

static void start(struct worker_fixture *fixture, int64_t wait_ms)
{
	const struct worker_completions_options options = {
		.store = fixture->store,
		.bus = bus,
		.inbox = &inbox,
		.interview = interview,
		.emotion = emotion,
		.scoring = scoring,
		.clock = viva_system_clock(),
		.random = viva_system_random(),
		.threads = 2,
		.wait_ms = wait_ms,
		.report_format = "json",
	};
	assert_ok(worker_completions_create(&options, &completions, NULL));
}

static void publish(const char *session_id, const char *message_id, int64_t queued_frames)
{
	const struct viva_interview_completed event = {.session_id = session_id,
						       .user_id = "u",
						       .completed_at_ms = 1700000000000,
						       .total_duration_s = 60,
						       .answer_count = 2,
						       .queued_frames = queued_frames};
	struct viva_buffer body;
	viva_buffer_init(&body, VIVA_EVENT_MAX_SMALL_BYTES);
	assert_ok(viva_event_write_interview_completed(&event, &body));
	const struct viva_bus_message message = {.routing_key = VIVA_KEY_INTERVIEW_COMPLETED,
						 .type = VIVA_EVENT_INTERVIEW_COMPLETED,
						 .message_id = message_id,
						 .session_id = session_id,
						 .body = viva_bytes_of(body.data, body.size)};
	assert_ok(viva_bus_publish(bus, &message, 1, INT64_MAX, NULL));
	viva_buffer_finish(&body);
}

static void note_frame(struct worker_fixture *fixture, int64_t number, const char *message_id)
{
	const struct worker_frame frame = {
		.message_id = message_id, .session_id = INTERVIEW, .number = number, .outcome = WORKER_ACCEPTED};
	const struct worker_note note = {.frames = &frame,
					 .count = 1,
					 .now_ms = 1,
					 .clock = viva_system_clock(),
					 .random = viva_system_random()};
	assert_ok(worker_frames_note(fixture->store, &note, NULL));
}

static void wait_for_end(void)
{
	worker_bus_wait_for_queue(bus, "worker.completions", 0, 0);
}

static bool was_called(void *counter)
{
	return atomic_load((atomic_int *)counter) > 0;
}

static void test_completions__have_score_and_report_made_once(void **state)
{
	start(*state, 30000);
	publish(INTERVIEW, "m1", 0);
	wait_for_end();
	publish(INTERVIEW, "m1", 0);
	wait_for_end();
	assert_int_equal(atomic_load(&complete_calls), 1);
	assert_int_equal(atomic_load(&report_calls), 1);
	assert_int_equal(atomic_load(&timeline_calls), 0);
}

// One of INTERVIEW waits for the second of its frames. It holds up no other.
static void start_with_one_that_waits(struct worker_fixture *fixture)
{
	start(fixture, 1000 * 1000);
	note_frame(fixture, 1, "f1");
	atomic_store(&complete_status, 404);
	publish(INTERVIEW, "m1", 2);
	publish(OTHER, "m2", 0);
	worker_bus_wait_for_queue(bus, "worker.completions", 0, 1);
	assert_int_equal(atomic_load(&complete_calls), 1);
	assert_int_equal(atomic_load(&timeline_calls), 0);
}

static void test_completions__wait_until_the_frames_are_noted_and_in_the_timeline(void **state)
{
	struct worker_fixture *fixture = *state;
	start_with_one_that_waits(fixture);
	atomic_store(&complete_status, 200);
	note_frame(fixture, 2, "f2");
	wait_until(was_called, &timeline_calls, "the timeline is asked for");
	assert_int_equal(atomic_load(&complete_calls), 1);
	atomic_store(&frame_state, "analysed");
	wait_for_end();
	assert_int_equal(atomic_load(&complete_calls), 2);
	assert_int_equal(atomic_load(&report_calls), 1);
}

static int erase_frames(struct viva_store_transaction *transaction, void *context, struct viva_error *error)
{
	(void)context;
	return worker_frames_erase(transaction, INTERVIEW, 1, NULL, error);
}

static void test_completions__of_an_erased_interview_wait_for_no_frames(void **state)
{
	struct worker_fixture *fixture = *state;
	start_with_one_that_waits(fixture);
	assert_ok(viva_store_transact(fixture->store, erase_frames, NULL, NULL));
	wait_for_end();
	assert_int_equal(atomic_load(&complete_calls), 2);
	assert_int_equal(atomic_load(&timeline_calls), 0);
	assert_int_equal(atomic_load(&report_calls), 0);
}

static void test_completions__wait_no_longer_than_they_may(void **state)
{
	start(*state, 0);
	publish(INTERVIEW, "m1", 2);
	wait_for_end();
	assert_int_equal(atomic_load(&report_calls), 1);
}

static void test_completions__without_a_score_are_tried_again(void **state)
{
	atomic_store(&complete_body, "{\"status\":\"completed\",\"score\":null}");
	start(*state, 0);
	publish(INTERVIEW, "m1", 0);
	wait_until(was_called, &complete_calls, "the score is asked for");
	worker_bus_wait_for_queue(bus, "worker.completions", 0, 1);
	assert_int_equal(atomic_load(&report_calls), 0);
	atomic_store(&complete_body, "{\"status\":\"scored\",\"score\":{}}");
	wait_for_end();
	assert_int_equal(atomic_load(&report_calls), 1);
}

static void test_completions__of_interviews_that_are_gone_are_done(void **state)
{
	static const int statuses[] = {404, 409, 410};
	start(*state, 0);
	for (size_t i = 0; i < VIVA_COUNT(statuses); i++) {
		atomic_store(&complete_status, statuses[i]);
		publish(INTERVIEW, NULL, 0);
		wait_for_end();
		assert_int_equal(atomic_load(&complete_calls), i + 1);
	}
	publish("../scores/calculate", NULL, 0);
	wait_for_end();
	assert_int_equal(atomic_load(&complete_calls), VIVA_COUNT(statuses));
	assert_int_equal(atomic_load(&report_calls), 0);
}

static void test_completions__of_an_interview_that_goes_meanwhile_are_done(void **state)
{
	char reason[256];
	atomic_store(&report_code, VIVA_ENOTFOUND);
	atomic_store(&is_erased_meanwhile, true);
	start(*state, 0);
	publish(INTERVIEW, "m1", 0);
	wait_for_end();
	assert_int_equal(atomic_load(&report_calls), 1);
	assert_int_equal(atomic_load(&complete_calls), 2);
	worker_bus_wait_for_dead_letters(bus, 0, reason);
}

static void test_completions__that_a_service_refuses_die_after_their_retries(void **state)
{
	char reason[256];
	atomic_store(&report_code, VIVA_ENOTFOUND);
	start(*state, 0);
	publish(INTERVIEW, "m1", 0);
	worker_bus_wait_for_dead_letters(bus, 1, reason);
	assert_string_equal(reason, "no report of that session");
	assert_int_equal(atomic_load(&report_calls), VIVA_BUS_MAX_RETRIES + 1);
}

static void test_completions__that_are_none_are_dead_letters(void **state)
{
	char reason[256];
	start(*state, 0);
	worker_bus_publish(bus, VIVA_KEY_INTERVIEW_COMPLETED, VIVA_EVENT_INTERVIEW_COMPLETED, INTERVIEW, "[]");
	worker_bus_publish(bus, VIVA_KEY_INTERVIEW_COMPLETED, VIVA_EVENT_INTERVIEW_ERASED, INTERVIEW, "{}");
	worker_bus_wait_for_dead_letters(bus, 2, reason);
	assert_int_not_equal(reason[0], '\0');
	assert_int_equal(atomic_load(&complete_calls), 0);
}

static void test_completions__outlast_a_service_that_is_away(void **state)
{
	struct worker_fixture *fixture = *state;
	char reason[256];
	start(fixture, 0);
	publish(INTERVIEW, "m1", 0);
	worker_bus_wait_for_queue(bus, "worker.completions", 0, 1);
	completions = worker_completions_destroy(completions);
	assert_int_equal(worker_fixture_number(fixture, "SELECT COUNT(*) FROM worker_inbox"), 0);
	worker_bus_wait_for_dead_letters(bus, 0, reason);

	close_peers();
	open_peers(fixture, net_server_port(server));
	start(fixture, 0);
	wait_until(was_called, &report_calls, "the report is made");
	wait_for_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_completions__have_score_and_report_made_once),
		TEST(test_completions__wait_until_the_frames_are_noted_and_in_the_timeline),
		TEST(test_completions__of_an_erased_interview_wait_for_no_frames),
		TEST(test_completions__wait_no_longer_than_they_may),
		TEST(test_completions__without_a_score_are_tried_again),
		TEST(test_completions__of_interviews_that_are_gone_are_done),
		TEST(test_completions__of_an_interview_that_goes_meanwhile_are_done),
		TEST(test_completions__that_a_service_refuses_die_after_their_retries),
		TEST(test_completions__that_are_none_are_dead_letters),
		cmocka_unit_test_setup_teardown(test_completions__outlast_a_service_that_is_away,
						set_up_without_interview, tear_down),
	};
	return cmocka_run_group_tests_name("completions", tests, NULL, NULL);
}
