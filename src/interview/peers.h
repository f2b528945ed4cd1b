// SPDX-License-Identifier: Apache-2.0
//
// The calls to the emotion and scoring services (service/peer.h), whose errors tell the client which of them is away.
//
// Threads: any but the loop's: calls block until answered or past their deadline.
#ifndef VIVA_INTERVIEW_PEERS_H
#define VIVA_INTERVIEW_PEERS_H

#include "base/json.h"
#include "net/http_client.h"
#include "service/peer.h"
#include "service/service.h"

struct interview_peers;

enum interview_peer { INTERVIEW_PEER_EMOTION, INTERVIEW_PEER_SCORING };

// The errors that say a peer can't be reached now, whatever the reason: VIVA_EEMOTIONDOWN, VIVA_ESCORINGDOWN.
bool interview_peer_is_down(int code);

VIVA_MUST_CHECK int interview_peers_create(const struct viva_service_runtime *runtime,
					   struct interview_peers **ret_peers, struct viva_error *error);
void interview_peers_tune(struct interview_peers *peers, const struct viva_tuning *tuning);
struct interview_peers *interview_peers_destroy(struct interview_peers *peers);  // NULL is fine. Always NULL.

// One idempotent unary call: `head`, then `blob` (may be NULL) by reference, as viva_rpc_call_unary sends them; the
// answer is unpacked and lives in the arena. VIVA_EEMOTIONDOWN or VIVA_ESCORINGDOWN when the peer can't be reached, its
// breaker is open or the deadline passed; else the error the peer answered with; VIVA_ENOMEM, VIVA_EBADGATEWAY.
VIVA_MUST_CHECK int interview_call(struct interview_peers *peers, enum interview_peer peer, const char *method,
				   struct viva_bytes head, struct viva_blob *blob, int64_t deadline_us,
				   const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
				   ProtobufCMessage **ret_reply, struct viva_error *error);
// The same with a message to pack.
VIVA_MUST_CHECK int interview_call_message(struct interview_peers *peers, enum interview_peer peer, const char *method,
					   const ProtobufCMessage *request, int64_t deadline_us,
					   const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
					   ProtobufCMessage **ret_reply, struct viva_error *error);

// One REST call on behalf of an interview, with a short-lived token for it. `path` begins with "/". Any status is a
// success, but 5xx and no answer are VIVA_EEMOTIONDOWN or VIVA_ESCORINGDOWN.
VIVA_MUST_CHECK int interview_rest(struct interview_peers *peers, enum interview_peer peer, const char *method,
				   const char *path, const char *interview_id, struct viva_arena *arena,
				   struct viva_http_reply *ret_reply, struct viva_error *error);

// Adds {"emotion":"closed",…}: the breakers' states, for health.
void interview_peers_describe(struct interview_peers *peers, json_t *detail);

#endif
