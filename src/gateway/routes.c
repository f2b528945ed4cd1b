// SPDX-License-Identifier: Apache-2.0
#include "gateway/routes.h"

#include <string.h>

#include "gateway/access.h"
#include "gateway/pages.h"
#include "gateway/probe.h"
#include "net/http_relay.h"

enum {
	MAX_BODY_BYTES = 1024 * 1024,
	MAX_FRAME_BODY_BYTES = 12 * 1024 * 1024,  // a frame of 8 MiB in base64, and what is around it
};

static int choose(struct viva_http_request *request, enum gateway_service service, enum gateway_access access,
		  struct viva_http_relay_choice *ret_choice, struct viva_error *error)
{
	struct gateway_router *router = request->context;
	int code = gateway_check_access(router->auth, access, request, error);
	if (code != 0)
		return code;
	*ret_choice = (struct viva_http_relay_choice){.balancer = gateway_upstream(router->upstreams, service)};
	return 0;
}

#define CHOICE(name, service, access)                                                                                  \
	static int choose_##name(struct viva_http_request *request, struct viva_http_relay_choice *ret_choice,         \
				 struct viva_error *error)                                                             \
	{                                                                                                              \
		return choose(request, service, access, ret_choice, error);                                            \
	}                                                                                                              \
	static const struct viva_http_relay_route to_##name = {.choose = choose_##name}

CHOICE(new_interviews, GATEWAY_INTERVIEWS, GATEWAY_API_KEY);
CHOICE(interviews, GATEWAY_INTERVIEWS, GATEWAY_INTERVIEW);
CHOICE(emotion_health, GATEWAY_EMOTIONS, GATEWAY_OPEN);
CHOICE(emotion_sessions, GATEWAY_EMOTIONS, GATEWAY_INTERVIEW);
CHOICE(emotions, GATEWAY_EMOTIONS, GATEWAY_ANY_GRANT);
CHOICE(score_health, GATEWAY_SCORES, GATEWAY_OPEN);
CHOICE(score_sessions, GATEWAY_SCORES, GATEWAY_INTERVIEW);
CHOICE(scores, GATEWAY_SCORES, GATEWAY_ANY_GRANT);

// Pages are for anyone: they hold nothing, what they show they fetch with a credential.
#define PAGE(path)                                                                                                     \
	{                                                                                                              \
		.method = "GET", .pattern = (path), .handle = gateway_serve_page                                       \
	}

// Prefixes end at a segment's end: /api/v1/interviewsX is nobody's. Methods are the services' business.
const struct viva_http_route gateway_routes[] = {
	{.pattern = "/api/v1/interviews", .relay = &to_new_interviews, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/interviews/start", .relay = &to_new_interviews, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/interviews/:id", .relay = &to_interviews, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/interviews/:id/*", .relay = &to_interviews, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/interviews/:id/frames",
	 .relay = &to_interviews,
	 .max_body_bytes = MAX_FRAME_BODY_BYTES,
	 .too_large_code = VIVA_EFRAMESIZE},
	{.pattern = "/ws/interviews/:id", .relay = &to_interviews},
	{.pattern = "/api/v1/emotions/health", .relay = &to_emotion_health},
	{.pattern = "/api/v1/emotions/session/:id", .relay = &to_emotion_sessions, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/emotions/*",
	 .relay = &to_emotions,
	 .max_body_bytes = MAX_FRAME_BODY_BYTES,
	 .too_large_code = VIVA_EFRAMESIZE},
	{.pattern = "/api/v1/scores/health", .relay = &to_score_health},
	{.pattern = "/api/v1/scores/session/:id", .relay = &to_score_sessions, .max_body_bytes = MAX_BODY_BYTES},
	{.pattern = "/api/v1/scores/*", .relay = &to_scores, .max_body_bytes = MAX_BODY_BYTES},
	PAGE("/"),
	PAGE("/interview/:id"),
	PAGE("/web/style.css"),
	PAGE("/web/icon.svg"),
	PAGE("/web/analysis.js"),
	PAGE("/web/api.js"),
	PAGE("/web/camera.js"),
	PAGE("/web/check.js"),
	PAGE("/web/data.js"),
	PAGE("/web/dom.js"),
	PAGE("/web/interview.js"),
	PAGE("/web/live.js"),
	PAGE("/web/memory.js"),
	PAGE("/web/question.js"),
	PAGE("/web/result.js"),
	PAGE("/web/speech.js"),
	PAGE("/web/start.js"),
	PAGE("/web/strings.js"),
	PAGE("/web/view.js"),
	PAGE("/web/welcome.js"),
};
const size_t gateway_route_count = VIVA_COUNT(gateway_routes);
