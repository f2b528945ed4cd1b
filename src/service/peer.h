// SPDX-License-Identifier: Apache-2.0
//
// Calls to another of Viva's services, wherever discovery says it is, spread over its instances: gRPC through a breaker
// with retries, and REST, through the same breaker, for what only REST has. Instances that come and go are followed
// without failing a call.
//
// Threads: any but the loop's: calls block until answered or past their deadline.
#ifndef VIVA_SERVICE_PEER_H
#define VIVA_SERVICE_PEER_H

#include "base/json.h"
#include "net/http_client.h"
#include "resilience/breaker.h"
#include "rpc/rpc_client.h"
#include "service/service.h"
#include "service/tuning.h"

struct viva_peer;

struct viva_peer_options {
	const char *service;                         // "emotion"; borrowed for ever
	const struct viva_service_runtime *runtime;  // borrowed
	bool has_rpc;                                // whether it is called over gRPC. Default true.
	struct viva_tuning tuning;                   // Default the runtime's, as configured.
};

struct viva_peer_options viva_peer_defaults(const char *service, const struct viva_service_runtime *runtime);
// The service need not be there yet, nor known to discovery. VIVA_EINVAL, VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_peer_create(const struct viva_peer_options *options, struct viva_peer **ret_peer,
				     struct viva_error *error);
struct viva_peer *viva_peer_destroy(struct viva_peer *peer);  // After the last call. NULL is fine. Always NULL.
VIVA_DEFINE_AUTO(viva_peer)

// Takes over another tuning, from the next call on. VIVA_EINVAL.
VIVA_MUST_CHECK int viva_peer_tune(struct viva_peer *peer, const struct viva_tuning *tuning);

// One idempotent unary call: `head`, then `blob` (may be NULL) by reference, as viva_rpc_call_unary sends them; the
// answer is unpacked and lives in the arena. VIVA_EUNAVAILABLE when the service can't be reached, whatever the reason:
// nobody answers, its breaker is open, the deadline (monotonic) passed, it refuses us. Else the error that it answered
// with; VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_peer_call(struct viva_peer *peer, const char *method, struct viva_bytes head,
				   struct viva_blob *blob, int64_t deadline_us,
				   const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
				   ProtobufCMessage **ret_reply, struct viva_error *error);
// The same with a message to pack.
VIVA_MUST_CHECK int viva_peer_call_message(struct viva_peer *peer, const char *method, const ProtobufCMessage *request,
					   int64_t deadline_us, const ProtobufCMessageDescriptor *reply_descriptor,
					   struct viva_arena *arena, ProtobufCMessage **ret_reply,
					   struct viva_error *error);

struct viva_peer_request {
	const char *method;
	const char *path;          // begins with "/"
	const char *interview_id;  // on whose behalf: a token for it, valid for minutes, goes along
	uint32_t timeout_ms;       // of each instance that is tried, which is told it as X-Request-Timeout. 0 = 5,000.
};

// One idempotent REST call. Any status is a success, but 5xx and no answer are VIVA_EUNAVAILABLE. VIVA_ELIMIT (the
// answer is larger than 8 MiB), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_peer_rest(struct viva_peer *peer, const struct viva_peer_request *request,
				   struct viva_arena *arena, struct viva_http_reply *ret_reply,
				   struct viva_error *error);

// Adds {"emotion":"closed"}: the breaker's state, for health.
void viva_peer_describe(struct viva_peer *peer, json_t *detail);

#endif
