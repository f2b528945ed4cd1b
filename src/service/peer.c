// SPDX-License-Identifier: Apache-2.0
#include "service/peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "resilience/balancer.h"
#include "resilience/retry.h"

enum {
	REST_LIMIT_MS = 5000,
	MAX_REST_TRIES = 8,  // instances
	MAX_REST_BYTES = 8 * 1024 * 1024,
	TOKEN_LIFE_S = 300,
	FAIR_US = 1000 * 1000,
};

struct viva_peer {
	struct viva_peer_options options;
	struct viva_http_client *http;
	struct viva_rpc_client *rpc;  // NULL: it has none
	struct viva_balancer *rest;   // where REST calls go
	struct viva_breaker *breaker;
	struct viva_retry_budget *budget;
	struct viva_discovery_watch *watch;
	pthread_mutex_t mutex;  // guards options.tuning
};

struct viva_peer_options viva_peer_defaults(const char *service, const struct viva_service_runtime *runtime)
{
	return (struct viva_peer_options){
		.service = service,
		.runtime = runtime,
		.has_rpc = true,
		.tuning = runtime->tuning ? *runtime->tuning : viva_tuning_defaults(),
	};
}

static int create_rpc(struct viva_peer *peer, const struct viva_balancer_options *balancer, struct viva_error *error)
{
	const char *service_key = viva_config_text(peer->options.runtime->config, "service-key");
	struct viva_rpc_metadata metadata = {.key = VIVA_SERVICE_KEY_METADATA, .value = service_key};
	struct viva_rpc_client_options options = viva_rpc_client_defaults();
	options.service = peer->options.service;
	options.balancer = balancer;
	options.metadata = &metadata;
	options.metadata_count = service_key ? 1 : 0;
	return viva_rpc_client_create(&options, &peer->rpc, error);
}

// On discovery's thread. What can't be taken leaves the instances as they were.
static void on_change(void *context, const char *service, const char *const *addresses, size_t count)
{
	struct viva_peer *peer = context;
	struct viva_error error = {0};
	int status = viva_balancer_set(peer->rest, addresses, count);
	if (!status && peer->rpc)
		status = viva_rpc_client_set_addresses(peer->rpc, addresses, count, &error);
	if (status)
		viva_log_warn("the instances of %s can't be taken over: %s", service,
			      error.code ? viva_error_message(&error) : viva_error_text(status));
}

static int create_parts(struct viva_peer *peer, struct viva_error *error)
{
	const struct viva_peer_options *options = &peer->options;
	struct viva_breaker_options breaker = viva_breaker_defaults(options->service);
	struct viva_retry_budget_options budget = viva_retry_budget_defaults();
	struct viva_balancer_options balancer = viva_balancer_defaults(options->service);
	breaker.clock = options->runtime->clock;
	viva_tuning_of_breaker(&options->tuning, &breaker);
	budget.percent = options->tuning.retry_budget_percent;
	viva_tuning_of_balancer(&options->tuning, &balancer);
	int status = viva_breaker_create(&breaker, &peer->breaker);
	if (!status)
		status = viva_retry_budget_create(&budget, &peer->budget);
	if (!status)
		status = viva_balancer_create(&balancer, &peer->rest);
	if (!status)
		status = viva_http_client_create(&peer->http);
	if (status)
		return viva_fail(error, status, NULL, "the calls to %s can't be prepared", options->service);
	return options->has_rpc ? create_rpc(peer, &balancer, error) : 0;
}

int viva_peer_create(const struct viva_peer_options *options, struct viva_peer **ret_peer, struct viva_error *error)
{
	struct viva_peer *allocated = calloc(1, sizeof *allocated);
	if (!allocated)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to %s", options->service);
	VIVA_AUTO(viva_peer) peer = allocated;
	peer->options = *options;
	pthread_mutex_init(&peer->mutex, NULL);
	int status = create_parts(peer, error);
	if (!status)
		status = viva_discovery_watch(options->runtime->discovery, options->service, on_change, peer,
					      &peer->watch, error);
	if (status)
		return status;
	*ret_peer = viva_take(&peer);
	return 0;
}

struct viva_peer *viva_peer_destroy(struct viva_peer *peer)
{
	if (!peer)
		return NULL;
	viva_discovery_watch_end(peer->watch);
	viva_rpc_client_destroy(peer->rpc);
	viva_balancer_destroy(peer->rest);
	viva_http_client_destroy(peer->http);
	viva_retry_budget_destroy(peer->budget);
	viva_breaker_destroy(peer->breaker);
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
	return NULL;
}

int viva_peer_tune(struct viva_peer *peer, const struct viva_tuning *tuning)
{
	struct viva_breaker_options breaker = viva_breaker_defaults(peer->options.service);
	struct viva_balancer_options balancer = viva_balancer_defaults(peer->options.service);
	viva_tuning_of_breaker(tuning, &breaker);
	viva_tuning_of_balancer(tuning, &balancer);
	int status = viva_breaker_tune(peer->breaker, &breaker);
	if (!status)
		status = viva_balancer_tune(peer->rest, &balancer);
	if (!status && peer->rpc)
		status = viva_rpc_client_tune(peer->rpc, &balancer);
	if (!status)
		status = viva_retry_budget_tune(peer->budget, tuning->retry_budget_percent);
	pthread_mutex_lock(&peer->mutex);
	if (!status)
		peer->options.tuning = *tuning;
	pthread_mutex_unlock(&peer->mutex);
	return status;
}

static struct viva_tuning tuning_of(struct viva_peer *peer)
{
	pthread_mutex_lock(&peer->mutex);
	struct viva_tuning tuning = peer->options.tuning;
	pthread_mutex_unlock(&peer->mutex);
	return tuning;
}

// Errors that come from not having reached a peer that works, as opposed to its answer.
static bool is_unreachable(int code)
{
	switch (code) {
	case VIVA_EUNAVAILABLE:
	case VIVA_EBREAKER:
	case VIVA_EDEADLINE:
	case VIVA_EOVERLOAD:
	case VIVA_ECLOSED:
	case VIVA_EBADGATEWAY:
	// A fleet that is set up wrong, or a peer that is going away: nothing the client could mend.
	case VIVA_EUNAUTHORIZED:
	case VIVA_EFORBIDDEN:
	case VIVA_EUNIMPLEMENTED:
	case VIVA_ECANCELLED:
		return true;
	default:
		return false;
	}
}

static int fail_as_unreachable(const struct viva_peer *peer, struct viva_error *error)
{
	return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "the %s service can't be reached now", peer->options.service);
}

struct attempt {
	struct viva_rpc_client *client;
	const char *method;
	struct viva_bytes head;
	struct viva_blob *blob;
	int64_t deadline_us;
	struct viva_arena *arena;
	struct viva_bytes reply;
};

static int run_attempt(void *context, struct viva_error *error)
{
	struct attempt *attempt = context;
	return viva_rpc_call_unary(attempt->client, attempt->method, attempt->head, attempt->blob, NULL, 0,
				   attempt->deadline_us, attempt->arena, &attempt->reply, error);
}

static void free_message(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

static int unpack(const ProtobufCMessageDescriptor *descriptor, struct viva_bytes reply, struct viva_arena *arena,
		  ProtobufCMessage **ret_reply)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, NULL, reply.size, reply.data);
	if (!message)
		return VIVA_EBADGATEWAY;
	if (viva_arena_on_destroy(arena, free_message, message)) {
		free_message(message);
		return VIVA_ENOMEM;
	}
	*ret_reply = message;
	return 0;
}

int viva_peer_call(struct viva_peer *peer, const char *method, struct viva_bytes head, struct viva_blob *blob,
		   int64_t deadline_us, const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
		   ProtobufCMessage **ret_reply, struct viva_error *error)
{
	struct viva_breaker_permit permit;
	int status = viva_breaker_enter(peer->breaker, deadline_us, &permit, NULL);
	if (status)
		return fail_as_unreachable(peer, error);

	struct attempt attempt = {.client = peer->rpc,
				  .method = method,
				  .head = head,
				  .blob = blob,
				  .deadline_us = deadline_us,
				  .arena = arena};
	struct viva_tuning tuning = tuning_of(peer);
	struct viva_retry_options retry = viva_retry_defaults();
	retry.target = peer->options.service;
	retry.max_retries = tuning.retry_attempts;
	retry.base_ms = tuning.retry_base_ms;
	retry.max_backoff_ms = tuning.retry_max_ms;
	retry.deadline_us = deadline_us;
	retry.budget = peer->budget;
	retry.clock = peer->options.runtime->clock;
	retry.random = peer->options.runtime->random;
	// A deadline that no healthy service could be blamed for missing says nothing about this one: else whoever may
	// choose deadlines could have the breaker opened for everybody.
	bool is_hurried = deadline_us - viva_clock_monotonic_us(retry.clock) < FAIR_US;
	status = viva_retry(&retry, run_attempt, &attempt, error);
	if (!status)
		status = unpack(reply_descriptor, attempt.reply, arena, ret_reply);
	viva_breaker_leave(peer->breaker, permit, is_hurried && status == VIVA_EDEADLINE ? VIVA_ECANCELLED : status);
	return is_unreachable(status) ? fail_as_unreachable(peer, error) : status;
}

int viva_peer_call_message(struct viva_peer *peer, const char *method, const ProtobufCMessage *request,
			   int64_t deadline_us, const ProtobufCMessageDescriptor *reply_descriptor,
			   struct viva_arena *arena, ProtobufCMessage **ret_reply, struct viva_error *error)
{
	size_t size = protobuf_c_message_get_packed_size(request);
	uint8_t *packed = viva_arena_alloc(arena, size + 1);
	if (!packed)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the call");
	protobuf_c_message_pack(request, packed);
	return viva_peer_call(peer, method, viva_bytes_of(packed, size), NULL, deadline_us, reply_descriptor, arena,
			      ret_reply, error);
}

static const char *authorization_for(struct viva_peer *peer, const char *interview_id, struct viva_arena *arena)
{
	struct viva_claims claims = {
		.mode = "practice",
		.expires_at = viva_clock_unix_ms(peer->options.runtime->clock) / 1000 + TOKEN_LIFE_S,
	};
	snprintf(claims.interview_id, sizeof claims.interview_id, "%s", interview_id);
	const char *token = NULL;
	if (viva_auth_issue(peer->options.runtime->auth, &claims, arena, &token))
		return NULL;
	return viva_arena_printf(arena, "Authorization: Bearer %s", token);
}

static int call_one(struct viva_peer *peer, struct viva_http_call *call, const char *address, const char *path,
		    struct viva_arena *arena, struct viva_http_reply *ret_reply)
{
	call->url = viva_arena_printf(arena, "http://%s%s", address, path);
	int status = call->url ? viva_http_call(peer->http, call, arena, ret_reply, NULL) : VIVA_ENOMEM;
	return !status && ret_reply->status >= 500 ? VIVA_EUNAVAILABLE : status;
}

// One instance after another, until one answers.
static int call_any(struct viva_peer *peer, struct viva_http_call *call, const char *path, struct viva_arena *arena,
		    struct viva_http_reply *ret_reply)
{
	struct viva_member *tried[MAX_REST_TRIES];
	int status = VIVA_EUNAVAILABLE;
	for (size_t i = 0; i < MAX_REST_TRIES && is_unreachable(status); i++) {
		if (viva_balancer_begin(peer->rest, tried, i, &tried[i]))
			break;
		status = call_one(peer, call, viva_member_address(tried[i]), path, arena, ret_reply);
		viva_balancer_end(peer->rest, tried[i], status);
	}
	return status;
}

int viva_peer_rest(struct viva_peer *peer, const struct viva_peer_request *request, struct viva_arena *arena,
		   struct viva_http_reply *ret_reply, struct viva_error *error)
{
	uint32_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : REST_LIMIT_MS;
	const char *headers[] = {
		authorization_for(peer, request->interview_id, arena),
		viva_arena_printf(arena, "X-Request-Timeout: %.3f", timeout_ms / 1e3),
	};
	if (!headers[0] || !headers[1])
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the call");
	struct viva_breaker_permit permit;
	int64_t deadline_us =
		viva_clock_monotonic_us(peer->options.runtime->clock) + INT64_C(1000) * (int64_t)timeout_ms;
	int status = viva_breaker_enter(peer->breaker, deadline_us, &permit, NULL);
	if (status)
		return fail_as_unreachable(peer, error);
	struct viva_http_call call = {
		.method = request->method,
		.headers = headers,
		.header_count = VIVA_COUNT(headers),
		.timeout_ms = timeout_ms,
		.max_response_bytes = MAX_REST_BYTES,
	};
	status = call_any(peer, &call, request->path, arena, ret_reply);
	viva_breaker_leave(peer->breaker, permit, status);
	if (is_unreachable(status))
		return fail_as_unreachable(peer, error);
	return status ? viva_fail(error, status, NULL, "the %s service's answer can't be used", peer->options.service)
		      : 0;
}

void viva_peer_describe(struct viva_peer *peer, json_t *detail)
{
	enum viva_breaker_state state = viva_breaker_state(peer->breaker);
	json_object_set_new(detail, peer->options.service, json_string(viva_breaker_state_name(state)));
}
