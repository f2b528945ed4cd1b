// SPDX-License-Identifier: Apache-2.0
#include "emotion/continuation.h"

#include <string.h>

#include "emotion/state.h"

enum {
	// A sealed state and its session's id; what is longer was not made here.
	MAX_CONTINUATION = VIVA_TRACKER_MAX_BYTES + EMOTION_MAX_SESSION_ID + 256,
};

static const char purpose[] = "continuation";

static int refuse(struct viva_error *error)
{
	return viva_fail(error, VIVA_EFIELD, "continuation", "the continuation was not made for this session");
}

// The sealed text is the id's length, the id, and the tracker's bytes: a continuation of another session does not open.
int emotion_continuation_open(const struct viva_auth *auth, const char *session_id, struct viva_bytes sealed,
			      struct viva_arena *arena, struct viva_tracker *ret_tracker, struct viva_error *error)
{
	struct viva_bytes plain;
	size_t id_size = strlen(session_id);
	if (sealed.size > MAX_CONTINUATION)
		return refuse(error);
	int code = viva_auth_unseal(auth, purpose, sealed, arena, &plain);
	if (code == VIVA_ENOMEM)
		return code;
	if (code != 0 || plain.size < 1 + id_size || plain.data[0] != id_size ||
	    memcmp(plain.data + 1, session_id, id_size) != 0)
		return refuse(error);
	struct viva_bytes state = viva_bytes_of(plain.data + 1 + id_size, plain.size - 1 - id_size);
	return viva_tracker_read(state, ret_tracker) == 0 ? 0 : refuse(error);
}

int emotion_continuation_make(const struct viva_auth *auth, const char *session_id, const struct viva_tracker *tracker,
			      struct viva_arena *arena, struct viva_bytes *ret_sealed)
{
	uint8_t plain[1 + EMOTION_MAX_SESSION_ID + VIVA_TRACKER_MAX_BYTES];
	size_t id_size = strlen(session_id);
	plain[0] = (uint8_t)id_size;
	memcpy(plain + 1, session_id, id_size);
	size_t size = 1 + id_size + viva_tracker_write(tracker, plain + 1 + id_size);
	return viva_auth_seal(auth, purpose, viva_bytes_of(plain, size), arena, ret_sealed);
}
