// SPDX-License-Identifier: Apache-2.0
#include "interview/peers.h"

#include <stdlib.h>

#include "base/log.h"

static const struct {
	const char *name;
	int down;  // its error when it can't be reached
} PEERS[] = {
	[INTERVIEW_PEER_EMOTION] = {"emotion", VIVA_EEMOTIONDOWN},
	[INTERVIEW_PEER_SCORING] = {"scoring", VIVA_ESCORINGDOWN},
};

struct interview_peers {
	struct viva_peer *peers[VIVA_COUNT(PEERS)];
};

bool interview_peer_is_down(int code)
{
	return code == VIVA_EEMOTIONDOWN || code == VIVA_ESCORINGDOWN;
}

int interview_peers_create(const struct viva_service_runtime *runtime, struct interview_peers **ret_peers,
			   struct viva_error *error)
{
	struct interview_peers *peers = calloc(1, sizeof *peers);
	if (!peers)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the calls to other services");
	int status = 0;
	for (size_t i = 0; i < VIVA_COUNT(PEERS) && !status; i++) {
		struct viva_peer_options options = viva_peer_defaults(PEERS[i].name, runtime);
		status = viva_peer_create(&options, &peers->peers[i], error);
	}
	if (status) {
		interview_peers_destroy(peers);
		return status;
	}
	*ret_peers = peers;
	return 0;
}

void interview_peers_tune(struct interview_peers *peers, const struct viva_tuning *tuning)
{
	for (size_t i = 0; i < VIVA_COUNT(PEERS); i++)
		if (viva_peer_tune(peers->peers[i], tuning))
			viva_log_error("the calls to %s keep their old settings", PEERS[i].name);
}

struct interview_peers *interview_peers_destroy(struct interview_peers *peers)
{
	if (!peers)
		return NULL;
	for (size_t i = 0; i < VIVA_COUNT(PEERS); i++)
		viva_peer_destroy(peers->peers[i]);
	free(peers);
	return NULL;
}

// The client learns which of the two is away.
static int name_code(enum interview_peer peer, int status, struct viva_error *error)
{
	if (status != VIVA_EUNAVAILABLE)
		return status;
	return viva_fail(error, PEERS[peer].down, NULL, "the %s service can't be reached now", PEERS[peer].name);
}

int interview_call(struct interview_peers *peers, enum interview_peer peer, const char *method, struct viva_bytes head,
		   struct viva_blob *blob, int64_t deadline_us, const ProtobufCMessageDescriptor *reply_descriptor,
		   struct viva_arena *arena, ProtobufCMessage **ret_reply, struct viva_error *error)
{
	int status = viva_peer_call(peers->peers[peer], method, head, blob, deadline_us, reply_descriptor, arena,
				    ret_reply, error);
	return name_code(peer, status, error);
}

int interview_call_message(struct interview_peers *peers, enum interview_peer peer, const char *method,
			   const ProtobufCMessage *request, int64_t deadline_us,
			   const ProtobufCMessageDescriptor *reply_descriptor, struct viva_arena *arena,
			   ProtobufCMessage **ret_reply, struct viva_error *error)
{
	int status = viva_peer_call_message(peers->peers[peer], method, request, deadline_us, reply_descriptor, arena,
					    ret_reply, error);
	return name_code(peer, status, error);
}

int interview_rest(struct interview_peers *peers, enum interview_peer peer, const char *method, const char *path,
		   const char *interview_id, struct viva_arena *arena, struct viva_http_reply *ret_reply,
		   struct viva_error *error)
{
	struct viva_peer_request request = {.method = method, .path = path, .interview_id = interview_id};
	return name_code(peer, viva_peer_rest(peers->peers[peer], &request, arena, ret_reply, error), error);
}

void interview_peers_describe(struct interview_peers *peers, json_t *detail)
{
	for (size_t i = 0; i < VIVA_COUNT(PEERS); i++)
		viva_peer_describe(peers->peers[i], detail);
}
