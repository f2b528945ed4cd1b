// SPDX-License-Identifier: Apache-2.0
#include "interview/peers.h"

#include <stdlib.h>
#include <string.h>

#include "resilience/breaker.h"
#include "resilience/retry.h"

enum {
	RETRY_BASE_MS = 50,  // the live path's: somebody waits
	RETRY_MAX_MS = 500,
	REST_LIMIT_MS = 5000,
	MAX_REST_BYTES = 8 * 1024 * 1024,
	TOKEN_LIFE_S = 300,
};

static const struct {
	const char *name;
	int down;  // its error when it can't be reached
} PEERS[] = {
	[INTERVIEW_PEER_EMOTION] = {"emotion", VIVA_EEMOTIONDOWN},
	[INTERVIEW_PEER_SCORING] = {"scoring", VIVA_ESCORINGDOWN},
};

struct peer {
	struct viva_rpc_client *client;
	struct viva_breaker *breaker;
	struct viva_retry_budget *budget;
};

struct interview_peers {
	const struct viva_service_runtime *runtime;
	struct viva_http_client *http;
	struct peer peers[VIVA_COUNT(PEERS)];
};

bool interview_peer_is_down(int code)
{
	return code == VIVA_EEMOTIONDOWN || code == VIVA_ESCORINGDOWN;
}

static int create_client(const struct viva_service_runtime *runtime, const char *name, struct viva_arena *arena,
			 struct viva_rpc_client **ret_client, struct viva_error *error)
{
	struct viva_rpc_client_options options = viva_rpc_client_defaults();
	int status = viva_discovery_addresses(runtime->discovery, name, arena, &options.addresses,
					      &options.address_count, error);
	if (status)
		return status;
	const char *service_key = viva_config_text(runtime->config, "service-key");
	struct viva_rpc_metadata metadata = {.key = VIVA_SERVICE_KEY_METADATA, .value = service_key};
	options.metadata = &metadata;
	options.metadata_count = service_key ? 1 : 0;
	return viva_rpc_client_create(&options, ret_client, error);
}

static int create_peer(const struct viva_service_runtime *runtime, const char *name, struct peer *peer,
		       struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_breaker_options breaker = viva_breaker_defaults(name);
	struct viva_retry_budget_options budget = viva_retry_budget_defaults();
	breaker.clock = runtime->clock;
	breaker.open_ms = (uint32_t)viva_config_int(runtime->config, "breaker-open-ms");
	if (viva_arena_create(0, &arena) || viva_breaker_create(&breaker, &peer->breaker) ||
	    viva_retry_budget_create(&budget, &peer->budget))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to %s", name);
	return create_client(runtime, name, arena, &peer->client, error);
}

int interview_peers_create(const struct viva_service_runtime *runtime, struct interview_peers **ret_peers,
			   struct viva_error *error)
{
	struct interview_peers *peers = calloc(1, sizeof *peers);
	if (!peers)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to other services");
	peers->runtime = runtime;
	int status = viva_http_client_create(&peers->http);
	if (status)
		viva_fail(error, status, NULL, "no HTTP client for the calls to other services");
	for (size_t i = 0; i < VIVA_COUNT(PEERS) && !status; i++)
		status = create_peer(runtime, PEERS[i].name, &peers->peers[i], error);
	if (status) {
		interview_peers_destroy(peers);
		return status;
	}
	*ret_peers = peers;
	return 0;
}

struct interview_peers *interview_peers_destroy(struct interview_peers *peers)
{
	if (!peers)
		return NULL;
	for (size_t i = 0; i < VIVA_COUNT(PEERS); i++) {
		viva_rpc_client_destroy(peers->peers[i].client);
		viva_retry_budget_destroy(peers->peers[i].budget);
		viva_breaker_destroy(peers->peers[i].breaker);
	}
	viva_http_client_destroy(peers->http);
	free(peers);
	return NULL;
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

static int fail_as_down(enum interview_peer peer, struct viva_error *error)
{
	return viva_fail(error, PEERS[peer].down, NULL, "the %s service can't be reached now", PEERS[peer].name);
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

int interview_call(struct interview_peers *peers, enum interview_peer which, const char *method, struct viva_bytes head,
		   struct viva_blob *blob, int64_t deadline_us, const ProtobufCMessageDescriptor *reply_descriptor,
		   struct viva_arena *arena, ProtobufCMessage **ret_reply, struct viva_error *error)
{
	struct peer *peer = &peers->peers[which];
	struct viva_breaker_permit permit;
	int status = viva_breaker_enter(peer->breaker, deadline_us, &permit, NULL);
	if (status)
		return fail_as_down(which, error);

	struct attempt attempt = {.client = peer->client,
				  .method = method,
				  .head = head,
				  .blob = blob,
				  .deadline_us = deadline_us,
				  .arena = arena};
	struct viva_retry_options retry = viva_retry_defaults();
	retry.base_ms = RETRY_BASE_MS;
	retry.max_backoff_ms = RETRY_MAX_MS;
	retry.deadline_us = deadline_us;
	retry.budget = peer->budget;
	retry.clock = peers->runtime->clock;
	retry.random = peers->runtime->random;
	status = viva_retry(&retry, run_attempt, &attempt, error);
	if (!status)
		status = unpack(reply_descriptor, attempt.reply, arena, ret_reply);
	viva_breaker_leave(peer->breaker, permit, status);
	return is_unreachable(status) ? fail_as_down(which, error) : status;
}

int interview_call_message(struct interview_peers *peers, enum interview_peer peer, const char *method,
			   const ProtobufCMessage *request, int64_t deadline_us,
			   const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
			   ProtobufCMessage **ret_reply, struct viva_error *error)
{
	size_t size = protobuf_c_message_get_packed_size(request);
	uint8_t *packed = viva_arena_alloc(arena, size + 1);
	if (!packed)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the call");
	protobuf_c_message_pack(request, packed);
	return interview_call(peers, peer, method, viva_bytes_of(packed, size), NULL, deadline_us, reply_descriptor,
			      arena, ret_reply, error);
}

static const char *authorization_for(struct interview_peers *peers, const char *interview_id, struct viva_arena *arena)
{
	struct viva_claims claims = {
		.mode = "practice",
		.expires_at = viva_clock_unix_ms(peers->runtime->clock) / 1000 + TOKEN_LIFE_S,
	};
	snprintf(claims.interview_id, sizeof claims.interview_id, "%s", interview_id);
	const char *token = NULL;
	if (viva_auth_issue(peers->runtime->auth, &claims, arena, &token))
		return NULL;
	return viva_arena_printf(arena, "Authorization: Bearer %s", token);
}

// The addresses in turn, until one answers.
static int call_any(struct interview_peers *peers, struct viva_http_call *call, const char *const *addresses,
		    size_t address_count, const char *path, struct viva_arena *arena, struct viva_http_reply *ret_reply)
{
	int status = VIVA_EUNAVAILABLE;
	for (size_t i = 0; i < address_count && is_unreachable(status); i++) {
		call->url = viva_arena_printf(arena, "http://%s%s", addresses[i], path);
		status = call->url ? viva_http_call(peers->http, call, arena, ret_reply, NULL) : VIVA_ENOMEM;
		if (!status && ret_reply->status >= 500)
			status = VIVA_EUNAVAILABLE;
	}
	return status;
}

int interview_rest(struct interview_peers *peers, enum interview_peer peer, const char *method, const char *path,
		   const char *interview_id, struct viva_arena *arena, struct viva_http_reply *ret_reply,
		   struct viva_error *error)
{
	const char *const *addresses = NULL;
	size_t address_count = 0;
	if (viva_discovery_addresses(peers->runtime->discovery, PEERS[peer].name, arena, &addresses, &address_count,
				     NULL))
		return fail_as_down(peer, error);
	const char *authorization = authorization_for(peers, interview_id, arena);
	if (!authorization)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the call");
	struct viva_http_call call = {
		.method = method,
		.headers = &authorization,
		.header_count = 1,
		.timeout_ms = REST_LIMIT_MS,
		.max_response_bytes = MAX_REST_BYTES,
	};
	int status = call_any(peers, &call, addresses, address_count, path, arena, ret_reply);
	if (is_unreachable(status))
		return fail_as_down(peer, error);
	return status ? viva_fail(error, status, NULL, "the %s service's answer can't be used", PEERS[peer].name) : 0;
}

void interview_peers_describe(struct interview_peers *peers, json_t *detail)
{
	for (size_t i = 0; i < VIVA_COUNT(PEERS); i++) {
		enum viva_breaker_state state = viva_breaker_state(peers->peers[i].breaker);
		json_object_set_new(detail, PEERS[i].name, json_string(viva_breaker_state_name(state)));
	}
}
