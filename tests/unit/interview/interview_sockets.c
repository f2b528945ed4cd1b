// SPDX-License-Identifier: Apache-2.0
#include "interview_sockets.h"

#include <string.h>

#include "interview/listener.h"
#include "interview/routes.h"
#include "net_fixture.h"

enum { TIMEOUT_MS = 20000 };

// What the scoring service has stored; calculated later than anything that the tests' clock says.
static const char STORED_SCORE[] = "{\"technical_score\":50,\"communication_score\":60,\"emotion_score\":null,"
				   "\"overall_score\":55,\"feedback\":\"Stored.\",\"calculated_at\":9000000000000}";

static struct net_server *server;

static int handle_stored_score(struct viva_http_request *request, struct viva_http_response *response,
			       struct viva_error *error)
{
	(void)request, (void)error;
	return viva_http_respond_text(response, 200, "application/json", STORED_SCORE);
}

static struct viva_http_route routes[16];

// The interview service's own routes, and one of a scoring service that knows a score.
int interview_sockets_set_up(void **state)
{
	interview_fixture_set_up(state);
	struct interview_fixture *fixture = *state;
	assert_true(interview_route_count < VIVA_COUNT(routes));
	memcpy(routes, interview_routes, interview_route_count * sizeof routes[0]);
	routes[interview_route_count] = (struct viva_http_route){
		.method = "GET", .pattern = "/api/v1/scores/session/:id", .handle = handle_stored_score};
	struct viva_http_server_options options = viva_http_server_defaults();
	options.context = &fixture->service;
	server = net_server_start(routes, interview_route_count + 1, options);
	assert_ok(interview_listener_create(&fixture->service, &fixture->service.listener, NULL));
	return 0;
}

int interview_sockets_tear_down(void **state)
{
	struct interview_fixture *fixture = *state;
	net_server_stop(server);
	fixture->service.listener = interview_listener_destroy(fixture->service.listener);
	return interview_fixture_tear_down(state);
}

// From now on the scoring service is the one that knows a score.
void interview_sockets_find_scoring(struct interview_fixture *fixture)
{
	struct interview_service *service = &fixture->service;
	char url[96];
	snprintf(url, sizeof url, "static:emotion=127.0.0.1:1;scoring=127.0.0.1:%u", net_server_port(server));
	interview_peers_destroy(service->peers);
	viva_discovery_destroy(service->runtime.discovery);
	assert_ok(viva_discovery_open(url, &service->runtime.discovery, NULL));
	assert_ok(interview_peers_create(&service->runtime, &service->peers, NULL));
}

// ---- a client

void socket_expect_end(struct viva_websocket_client *client)
{
	struct viva_buffer text = {.limit = 1 << 20};
	enum viva_websocket_kind kind;
	assert_error(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &text), VIVA_ECLOSED);
	viva_buffer_finish(&text);
}

json_t *socket_receive(struct viva_websocket_client *client, const char *type)
{
	struct viva_buffer text = {.limit = 1 << 20};
	enum viva_websocket_kind kind;
	assert_ok(viva_websocket_client_receive(client, TIMEOUT_MS, &kind, &text));
	VIVA_AUTO_JSON message = json_loadb((const char *)text.data, text.size, 0, NULL);
	viva_buffer_finish(&text);
	assert_non_null(message);
	assert_string_equal(json_string_value(json_object_get(message, "type")), type);
	return json_incref(json_object_get(message, "data"));
}

void socket_expect(struct viva_websocket_client *client, const char *type)
{
	json_decref(socket_receive(client, type));
}

void socket_send(struct viva_websocket_client *client, const char *text)
{
	assert_ok(viva_websocket_client_send(client, VIVA_WEBSOCKET_TEXT, text, strlen(text)));
}

struct viva_websocket_client *socket_open(struct interview_fixture *fixture, const char *id)
{
	struct viva_claims claims = {.mode = "practice", .emotion_analysis = true};
	claims.expires_at = viva_clock_unix_ms(&fixture->clock.clock) / 1000 + 3600;
	snprintf(claims.interview_id, sizeof claims.interview_id, "%s", id);
	const char *token = NULL;
	assert_ok(viva_auth_issue(fixture->service.runtime.auth, &claims, fixture->arena, &token));
	struct viva_websocket_client_options options = {
		.host = "127.0.0.1",
		.port = net_server_port(server),
		.target = viva_arena_printf(fixture->arena, "/ws/interviews/%s?token=%s", id, token),
	};
	struct viva_websocket_client *client = NULL;
	assert_ok(viva_websocket_client_connect(&options, &client, NULL));
	return client;
}

struct viva_websocket_client *socket_connect(struct interview_fixture *fixture, const char *id)
{
	struct viva_websocket_client *client = socket_open(fixture, id);
	socket_expect(client, "status");
	return client;
}

struct viva_websocket_client *socket_begin(struct interview_fixture *fixture, const char **ret_id)
{
	*ret_id = interview_fixture_start(fixture, INTERVIEW_CONSENTED);
	struct viva_websocket_client *client = socket_connect(fixture, *ret_id);
	socket_expect(client, "question");
	return client;
}
