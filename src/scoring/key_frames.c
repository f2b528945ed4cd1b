// SPDX-License-Identifier: Apache-2.0
#include "scoring/key_frames.h"

#include "base/log.h"
#include "service/peer.h"

enum { MAX_BYTES = 2 << 20, MAX_KEY_FRAMES = 64 };

static int load(struct scoring_service *service, const char *session_id, struct viva_arena *arena, json_t **ret_list,
		struct viva_error *error)
{
	const char *path = viva_arena_printf(arena, "/api/v1/emotions/session/%s/key-frames", session_id);
	const struct viva_peer_request request = {.method = "GET", .path = path, .interview_id = session_id};
	struct viva_http_reply reply;
	VIVA_AUTO_JSON json = NULL;
	json_t *list = NULL;
	int code = path ? viva_peer_rest(service->emotion, &request, arena, &reply, error) : VIVA_ENOMEM;
	if (code == 0 && reply.status != 200)
		code = viva_fail(error, VIVA_EBADGATEWAY, NULL, "the emotion service answered with status %d",
				 reply.status);
	if (code == 0)
		code = viva_json_parse_object(reply.body, MAX_BYTES, &json, error);
	if (code == 0)
		code = viva_json_get_array(json, "key_frames", true, MAX_KEY_FRAMES, &list, error);
	if (code == 0)
		*ret_list = json_incref(list);
	return code;
}

json_t *scoring_key_frames_load(struct scoring_service *service, const char *session_id, struct viva_arena *arena)
{
	struct viva_error reason = {0};
	json_t *list = NULL;
	int code = load(service, session_id, arena, &list, &reason);
	if (code != 0)
		viva_log_warn("a report is made without its key frames: %s",
			      reason.code ? viva_error_message(&reason) : viva_error_text(code));
	return list;
}
