// SPDX-License-Identifier: Apache-2.0
//
// The gateway's routes in front of services that are the test's own: what passes, for whom, and where to.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/pages.h"
#include "gateway/probe.h"
#include "gateway/routes.h"
#include "net_fixture.h"

enum { PATH_BYTES = 4096, FRAME_LIMIT = 12 * 1024 * 1024, BODY_LIMIT = 1024 * 1024 };

static const char api_key[] = "an-api-key-for-tests-only";
static const char token_key[] = "a-token-key-of-at-least-thirty-two-bytes";

// Each service tells its name and what it was asked for.
static int tell(struct viva_http_request *request, struct viva_http_response *response, struct viva_error *error)
{
	(void)error;
	const char *authorization = viva_http_header(request, "authorization");
	char *text = viva_arena_printf(request->arena, "%s|%s %s|%zu|%s", (const char *)request->context,
				       request->method, request->path, viva_blob_bytes(request->body).size,
				       authorization ? "authorized" : "anonymous");
	return viva_http_respond_text(response, 200, "text/plain", text);
}

static const struct viva_http_route service_routes[] = {{.pattern = "/*", .handle = tell, .max_body_bytes = 1 << 26}};

static char data_directory[PATH_BYTES];
static struct viva_auth *auth;
static struct viva_arena *arena;
static struct viva_discovery *discovery;
static struct gateway_router router;
static struct net_server *services[GATEWAY_SERVICES];
static struct net_server *front;
static const char *token, *other_token;

static const char *issue(const char *interview_id)
{
	struct viva_claims claims = {.expires_at = viva_clock_unix_ms(viva_system_clock()) / 1000 + 3600};
	strcpy(claims.interview_id, interview_id);
	strcpy(claims.mode, "practice");
	const char *issued = NULL;
	assert_ok(viva_auth_issue(auth, &claims, arena, &issued));
	return issued;
}

static void start_services(void)
{
	static const char *const names[] = {"interview", "emotion", "scoring"};
	char url[256] = "static:";
	for (size_t i = 0; i < GATEWAY_SERVICES; i++) {
		struct viva_http_server_options options = viva_http_server_defaults();
		options.context = (void *)(uintptr_t)names[i];
		services[i] = net_server_start(service_routes, VIVA_COUNT(service_routes), options);
		size_t used = strlen(url);
		snprintf(url + used, sizeof url - used, "%s%s=127.0.0.1:%u", i > 0 ? ";" : "", names[i],
			 net_server_port(services[i]));
	}
	struct viva_error error = {0};
	assert_ok(viva_discovery_open(url, &discovery, &error));
}

static int set_up(void **state)
{
	(void)state;
	make_test_directory(data_directory, sizeof data_directory);
	const struct viva_auth_options options = {
		.data_directory = data_directory,
		.api_key = api_key,
		.token_key = token_key,
		.clock = viva_system_clock(),
	};
	struct viva_error error = {0};
	assert_ok(viva_auth_open(&options, &auth, &error));
	assert_ok(viva_arena_create(0, &arena));
	token = issue("interview-1");
	other_token = issue("interview-2");
	start_services();
	const struct viva_tuning tuning = viva_tuning_defaults();
	router = (struct gateway_router){.auth = auth};
	assert_ok(gateway_upstreams_create(discovery, &tuning, &router.upstreams, NULL));
	struct viva_http_server_options front_options = viva_http_server_defaults();
	front_options.context = &router;
	front = net_server_start(gateway_routes, gateway_route_count, front_options);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_server_stop(front);
	for (size_t i = 0; i < GATEWAY_SERVICES; i++)
		net_server_stop(services[i]);
	router.upstreams = gateway_upstreams_destroy(router.upstreams);
	discovery = viva_discovery_destroy(discovery);
	arena = viva_arena_destroy(arena);
	auth = viva_auth_destroy(auth);
	remove_test_directory(data_directory);
	return 0;
}

// The answer to `method path`, with a bearer credential if there is one. Freed with the test's arena.
static const char *ask_at(struct net_server *gateway, const char *method, const char *path, const char *bearer,
			  const char *more)
{
	char *request = viva_arena_printf(arena, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s%s%s%s\r\n",
					  method, path, bearer ? "Authorization: Bearer " : "", bearer ? bearer : "",
					  bearer ? "\r\n" : "", more ? more : "");
	char *answer = net_talk(net_server_port(gateway), request);
	const char *kept = viva_arena_text(arena, answer, strlen(answer));
	free(answer);
	return kept;
}

static const char *ask(const char *method, const char *path, const char *bearer, const char *more)
{
	return ask_at(front, method, path, bearer, more);
}

static void assert_reaches(const char *method, const char *path, const char *bearer, const char *service)
{
	const char *answer = ask(method, path, bearer, NULL);
	assert_begins(answer, "HTTP/1.1 200 OK\r\n");
	assert_contains(answer, viva_arena_printf(arena, "\r\n\r\n%s|%s %s|", service, method, path));
}

static void assert_status(const char *method, const char *path, const char *bearer, int status)
{
	assert_begins(ask(method, path, bearer, NULL), viva_arena_printf(arena, "HTTP/1.1 %d ", status));
}

static void test_gateway__routes_by_prefix(void **state)
{
	(void)state;
	assert_reaches("POST", "/api/v1/interviews/start", api_key, "interview");
	assert_reaches("GET", "/api/v1/interviews/interview-1", api_key, "interview");
	assert_reaches("DELETE", "/api/v1/interviews/interview-1", api_key, "interview");
	assert_reaches("GET", "/api/v1/interviews/interview-1/status", api_key, "interview");
	assert_reaches("POST", "/api/v1/emotions/analyze", api_key, "emotion");
	assert_reaches("GET", "/api/v1/emotions/session/interview-1", api_key, "emotion");
	assert_reaches("POST", "/api/v1/scores/calculate", api_key, "scoring");
	assert_reaches("GET", "/api/v1/scores/session/interview-1", api_key, "scoring");
	assert_reaches("GET", "/ws/interviews/interview-1", api_key, "interview");
}

static void test_gateway__a_prefix_ends_at_a_segments_end(void **state)
{
	(void)state;
	static const char *const unknown[] = {"/index.html",
					      "/interview/1/2",
					      "/api/v1/interviewsX",
					      "/api/v1/interviewsX/start",
					      "/api/v1/emotionsX/analyze",
					      "/api/v2/interviews/start",
					      "/ws/interviews",
					      "/ws/interviews/1/2",
					      "/api/v1/../v1/interviews/start",
					      "//api/v1/interviews/start"};
	for (size_t i = 0; i < VIVA_COUNT(unknown); i++) {
		const char *answer = ask("GET", unknown[i], api_key, NULL);
		assert_begins(answer, "HTTP/1.1 404 Not Found\r\n");
		assert_contains(answer, "\r\n\r\n{\"error\":\"not found\"}");
	}
}

static void test_gateway__health_of_services_is_open_to_all(void **state)
{
	(void)state;
	assert_reaches("GET", "/api/v1/emotions/health", NULL, "emotion");
	assert_reaches("GET", "/api/v1/scores/health", NULL, "scoring");
}

static void test_gateway__pages_are_open_to_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < gateway_page_count; i++) {
		assert_status("GET", gateway_pages[i].pattern, NULL, 200);
		assert_status("POST", gateway_pages[i].pattern, api_key, 405);
	}
}

static void test_gateway__nobody_else_passes_without_credentials(void **state)
{
	(void)state;
	static const char *const paths[] = {"/api/v1/interviews/start",
					    "/api/v1/interviews/interview-1",
					    "/api/v1/interviews/interview-1/answers",
					    "/ws/interviews/interview-1",
					    "/api/v1/emotions/analyze",
					    "/api/v1/emotions/session/interview-1",
					    "/api/v1/scores/calculate",
					    "/api/v1/scores/session/interview-1"};
	for (size_t i = 0; i < VIVA_COUNT(paths); i++) {
		assert_status("POST", paths[i], NULL, 401);
		assert_status("POST", paths[i], "not-a-key", 401);
	}
	assert_contains(ask("POST", paths[0], NULL, NULL), "\"code\":\"UNAUTHORIZED\"");
}

static void test_gateway__a_token_opens_its_own_interview_only(void **state)
{
	(void)state;
	assert_reaches("GET", "/api/v1/interviews/interview-1/status", token, "interview");
	assert_reaches("GET", "/api/v1/emotions/session/interview-1", token, "emotion");
	assert_reaches("GET", "/api/v1/scores/session/interview-1", token, "scoring");
	assert_reaches("POST", "/api/v1/emotions/analyze", token, "emotion");
	assert_status("GET", "/api/v1/interviews/interview-1/status", other_token, 403);
	assert_status("GET", "/api/v1/emotions/session/interview-1", other_token, 403);
	assert_status("POST", "/api/v1/interviews/start", token, 403);
}

static void test_gateway__a_websocket_may_bring_its_token_in_three_ways(void **state)
{
	(void)state;
#define UPGRADE "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
	// The services here don't speak WebSocket: that one was reached is what counts.
	assert_contains(ask("GET", "/ws/interviews/interview-1", token, UPGRADE), "interview|GET");
	assert_contains(
		ask("GET", viva_arena_printf(arena, "/ws/interviews/interview-1?token=%s", token), NULL, UPGRADE),
		"interview|GET");
	assert_contains(ask("GET", "/ws/interviews/interview-1", NULL,
			    viva_arena_printf(arena, UPGRADE "Sec-WebSocket-Protocol: viva, viva.token.%s\r\n", token)),
			"interview|GET");
	assert_begins(ask("GET", viva_arena_printf(arena, "/ws/interviews/interview-2?token=%s", token), NULL, UPGRADE),
		      "HTTP/1.1 403 ");
	// Elsewhere a token in the address, which ends up in histories, is none.
	assert_begins(
		ask("GET", viva_arena_printf(arena, "/api/v1/interviews/interview-1?token=%s", token), NULL, NULL),
		"HTTP/1.1 401 ");
}

static void assert_refused_size(const char *path, size_t size, const char *code)
{
	char *length = viva_arena_printf(arena, "Content-Length: %zu\r\nExpect: 100-continue\r\n", size);
	const char *answer = ask("POST", path, api_key, length);
	assert_begins(answer, "HTTP/1.1 413 ");
	assert_contains(answer, code);
}

static void test_gateway__refuses_bodies_by_their_announced_size(void **state)
{
	(void)state;
	assert_refused_size("/api/v1/interviews/interview-1/frames", FRAME_LIMIT + 1, "\"FRAME_TOO_LARGE\"");
	assert_refused_size("/api/v1/emotions/analyze", FRAME_LIMIT + 1, "\"FRAME_TOO_LARGE\"");
	assert_refused_size("/api/v1/interviews/start", BODY_LIMIT + 1, "\"BODY_TOO_LARGE\"");
	assert_refused_size("/api/v1/scores/calculate", BODY_LIMIT + 1, "\"BODY_TOO_LARGE\"");
}

static void test_gateway__an_unreachable_service_is_503_with_a_code(void **state)
{
	(void)state;
	struct viva_discovery *nowhere = NULL;
	struct viva_error error = {0};
	// Port 1 of the loopback: nobody listens there.
	assert_ok(viva_discovery_open("static:interview=127.0.0.1:1;emotion=127.0.0.1:1;scoring=127.0.0.1:1", &nowhere,
				      &error));
	const struct viva_tuning tuning = viva_tuning_defaults();
	struct gateway_router lost_router = {.auth = auth};
	assert_ok(gateway_upstreams_create(nowhere, &tuning, &lost_router.upstreams, NULL));
	struct viva_http_server_options options = viva_http_server_defaults();
	options.context = &lost_router;
	struct net_server *lost_front = net_server_start(gateway_routes, gateway_route_count, options);
	const char *answer = ask_at(lost_front, "GET", "/api/v1/scores/session/interview-1", token, NULL);
	net_server_stop(lost_front);
	gateway_upstreams_destroy(lost_router.upstreams);
	viva_discovery_destroy(nowhere);
	assert_begins(answer, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_contains(answer, "\"code\":\"UNAVAILABLE\"");
	assert_contains(answer, "\r\nRetry-After: ");
}

static void test_gateway__probes_at_most_once_a_second(void **state)
{
	(void)state;
	struct fake_clock clock;
	fake_clock_init(&clock);
	VIVA_AUTO(gateway_probe) probe = NULL;
	assert_ok(gateway_probe_create(discovery, &clock.clock, &probe));
	enum probe_result results[GATEWAY_SERVICES];
	gateway_probe_all(probe, results);
	for (size_t i = 0; i < GATEWAY_SERVICES; i++)
		assert_string_equal(gateway_probe_text(results[i]), "ok");

	net_server_stop(services[GATEWAY_SCORES]);
	services[GATEWAY_SCORES] = NULL;
	gateway_probe_all(probe, results);
	assert_int_equal(results[GATEWAY_SCORES], PROBE_OK);
	fake_clock_advance_ms(&clock, 1001);
	gateway_probe_all(probe, results);
	assert_int_equal(results[GATEWAY_SCORES], PROBE_UNREACHABLE);
	assert_int_equal(results[GATEWAY_EMOTIONS], PROBE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway__routes_by_prefix),
		cmocka_unit_test(test_gateway__a_prefix_ends_at_a_segments_end),
		cmocka_unit_test(test_gateway__health_of_services_is_open_to_all),
		cmocka_unit_test(test_gateway__pages_are_open_to_all),
		cmocka_unit_test(test_gateway__nobody_else_passes_without_credentials),
		cmocka_unit_test(test_gateway__a_token_opens_its_own_interview_only),
		cmocka_unit_test(test_gateway__a_websocket_may_bring_its_token_in_three_ways),
		cmocka_unit_test(test_gateway__refuses_bodies_by_their_announced_size),
		cmocka_unit_test(test_gateway__an_unreachable_service_is_503_with_a_code),
		cmocka_unit_test(test_gateway__probes_at_most_once_a_second),
	};
	return cmocka_run_group_tests_name("gateway", tests, set_up, tear_down);
}
