// SPDX-License-Identifier: Apache-2.0
#include "service/peer.h"

#include <limits.h>
#include <string.h>

#include "net_fixture.h"

static int handle_token(struct viva_http_request *request, struct viva_http_response *response,
			struct viva_error *error)
{
	(void)error;
	const char *authorization = viva_http_header(request, "authorization");
	return viva_http_respond_text(response, 202, "text/plain", authorization ? authorization : "");
}

static int handle_broken(struct viva_http_request *request, struct viva_http_response *response,
			 struct viva_error *error)
{
	(void)request;
	(void)response;
	return viva_fail(error, VIVA_EINTERNAL, NULL, "broken");
}

static const struct viva_http_route ROUTES[] = {
	{.method = "GET", .pattern = "/token", .handle = handle_token},
	{.method = "GET", .pattern = "/broken", .handle = handle_broken},
};

static const struct viva_option OPTIONS[] = {{"service-key", VIVA_OPTION_TEXT, NULL, 0, 0, NULL, "", true}};
static const char INTERVIEW[] = "01890a5d-ac96-774b-bcce-b302099a8057";

static struct net_server *server;
static struct viva_service_runtime runtime;
static struct viva_config *config;
static struct fake_clock the_clock;
static char directory[PATH_MAX];
static struct viva_arena *arena;

static int set_up(void **state)
{
	(void)state;
	const struct viva_option *tables[] = {OPTIONS};
	size_t counts[] = {VIVA_COUNT(OPTIONS)};
	make_test_directory(directory, sizeof directory);
	fake_clock_init(&the_clock);
	server = net_server_start(ROUTES, VIVA_COUNT(ROUTES), viva_http_server_defaults());
	assert_ok(viva_config_load(tables, counts, 1, 0, NULL, &config, NULL));
	assert_ok(viva_arena_create(0, &arena));
	struct viva_auth_options auth = {
		.data_directory = directory,
		.api_key = "an API key for tests only",
		.token_key = "a token key for tests only, longer than 32 bytes",
		.clock = &the_clock.clock,
	};
	runtime = (struct viva_service_runtime){
		.config = config, .clock = &the_clock.clock, .random = viva_system_random()};
	assert_ok(viva_auth_open(&auth, &runtime.auth, NULL));
	// Nothing listens on port 1.
	char url[96];
	snprintf(url, sizeof url, "static:interview=127.0.0.1:1,127.0.0.1:%u;scoring=127.0.0.1:1",
		 net_server_port(server));
	assert_ok(viva_discovery_open(url, &runtime.discovery, NULL));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	viva_discovery_destroy(runtime.discovery);
	viva_auth_destroy(runtime.auth);
	viva_config_destroy(config);
	viva_arena_destroy(arena);
	net_server_stop(server);
	remove_test_directory(directory);
	return 0;
}

static struct viva_peer *peer_of(const char *service)
{
	struct viva_peer_options options = viva_peer_defaults(service, &runtime);
	options.has_rpc = strcmp(service, "scoring") == 0;
	options.tuning.retry_base_ms = options.tuning.retry_max_ms = 1;
	struct viva_peer *peer = NULL;
	assert_ok(viva_peer_create(&options, &peer, NULL));
	return peer;
}

static int get(struct viva_peer *peer, const char *path, struct viva_http_reply *ret_reply)
{
	struct viva_peer_request request = {.method = "GET", .path = path, .interview_id = INTERVIEW};
	return viva_peer_rest(peer, &request, arena, ret_reply, NULL);
}

static const char *state_of(struct viva_peer *peer, const char *service)
{
	VIVA_AUTO_JSON detail = json_object();
	viva_peer_describe(peer, detail);
	const char *state = json_string_value(json_object_get(detail, service));
	return viva_arena_text(arena, state, strlen(state));
}

static void test_peer__a_rest_call_finds_the_instance_that_answers_and_brings_a_token(void **state)
{
	(void)state;
	VIVA_AUTO(viva_peer) peer = peer_of("interview");
	struct viva_http_reply reply;
	struct viva_claims claims;
	assert_ok(get(peer, "/token", &reply));
	assert_int_equal(reply.status, 202);
	assert_ok(viva_auth_check_interview(runtime.auth, (const char *)reply.body.data, NULL, INTERVIEW, NULL, &claims,
					    NULL));
	assert_true(claims.expires_at > viva_clock_unix_ms(runtime.clock) / 1000);
	assert_ok(get(peer, "/nowhere", &reply));
	assert_int_equal(reply.status, 404);
}

static void test_peer__failing_rest_calls_open_the_breaker(void **state)
{
	(void)state;
	VIVA_AUTO(viva_peer) peer = peer_of("interview");
	struct viva_http_reply reply;
	for (int i = 0; i < 6; i++)
		assert_error(get(peer, "/broken", &reply), VIVA_EUNAVAILABLE);
	assert_string_equal(state_of(peer, "interview"), "open");
	assert_error(get(peer, "/token", &reply), VIVA_EUNAVAILABLE);
	fake_clock_advance_ms(&the_clock, 10 * 1000);
	assert_ok(get(peer, "/token", &reply));
	assert_string_equal(state_of(peer, "interview"), "closed");
}

static void test_peer__a_service_that_is_away_is_unavailable_over_grpc_too(void **state)
{
	(void)state;
	VIVA_AUTO(viva_peer) peer = peer_of("scoring");
	struct viva_error error = {0};
	ProtobufCMessage *reply = NULL;
	// The descriptor is only needed for an answer.
	int64_t deadline_us = viva_clock_monotonic_us(viva_system_clock()) + 5 * 1000 * 1000;
	assert_error(viva_peer_call(peer, "/scoring.ScoringService/GenerateReport", viva_bytes_of("", 0), NULL,
				    deadline_us, NULL, arena, &reply, &error),
		     VIVA_EUNAVAILABLE);
	assert_string_equal(error.message, "the scoring service can't be reached now");
	assert_null(reply);
}

static void test_peer__callers_in_a_hurry_do_not_open_the_breaker(void **state)
{
	(void)state;
	VIVA_AUTO(viva_peer) peer = peer_of("scoring");
	ProtobufCMessage *reply = NULL;
	for (int i = 0; i < 20; i++)
		assert_error(viva_peer_call(peer, "/scoring.ScoringService/GenerateReport", viva_bytes_of("", 0), NULL,
					    1, NULL, arena, &reply, NULL),
			     VIVA_EUNAVAILABLE);
	assert_string_equal(state_of(peer, "scoring"), "closed");
}

static void test_peer__takes_another_tuning_over(void **state)
{
	(void)state;
	VIVA_AUTO(viva_peer) peer = peer_of("interview");
	struct viva_tuning tuning = viva_tuning_defaults();
	struct viva_http_reply reply;
	tuning.breaker_failures = 0;
	tuning.breaker_open_ms = 100;
	assert_ok(viva_peer_tune(peer, &tuning));
	assert_error(get(peer, "/broken", &reply), VIVA_EUNAVAILABLE);
	assert_string_equal(state_of(peer, "interview"), "open");
	fake_clock_advance_ms(&the_clock, 100);
	assert_ok(get(peer, "/token", &reply));
	tuning.breaker_open_ms = 0;
	assert_error(viva_peer_tune(peer, &tuning), VIVA_EINVAL);
}

static void test_peer__a_service_that_is_not_known_yet_is_unavailable(void **state)
{
	(void)state;
	VIVA_AUTO(viva_discovery) nowhere = NULL;
	struct viva_discovery *somewhere = runtime.discovery;
	assert_ok(viva_discovery_open("consul://127.0.0.1:1", &nowhere, NULL));
	runtime.discovery = nowhere;
	VIVA_AUTO(viva_peer) peer = peer_of("scoring");
	runtime.discovery = somewhere;
	struct viva_http_reply reply;
	assert_error(get(peer, "/token", &reply), VIVA_EUNAVAILABLE);
	peer = viva_peer_destroy(peer);
}

static void test_peer__no_memory_makes_no_peer(void **state)
{
	(void)state;
	struct viva_peer_options options = viva_peer_defaults("interview", &runtime);
	struct viva_peer *peer = NULL;
	options.has_rpc = false;
	for (unsigned skipped = 0; skipped < 4; skipped++) {
		fail_next_allocation(skipped);
		assert_error(viva_peer_create(&options, &peer, NULL), VIVA_ENOMEM);
		assert_null(peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_peer__a_rest_call_finds_the_instance_that_answers_and_brings_a_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peer__failing_rest_calls_open_the_breaker, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peer__a_service_that_is_away_is_unavailable_over_grpc_too, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_peer__callers_in_a_hurry_do_not_open_the_breaker, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_peer__takes_another_tuning_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peer__a_service_that_is_not_known_yet_is_unavailable, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_peer__no_memory_makes_no_peer, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
