// SPDX-License-Identifier: Apache-2.0
//
// Key frames: the few small pictures of an interview that are kept where the candidate agreed to that, with what was
// seen in them.
//
// Threads: any but the loop's; calls block on the store, make() on the vision engine as well.
#ifndef VIVA_EMOTION_KEY_FRAMES_H
#define VIVA_EMOTION_KEY_FRAMES_H

#include <jansson.h>

#include "emotion/analysis.h"
#include "emotion/key_frame_choice.h"

// Belongs to the migrations of the timeline's store.
#define EMOTION_KEY_FRAMES_SCHEMA                                                                                      \
	"CREATE TABLE emotion_key_frames ("                                                                            \
	" session_id TEXT NOT NULL,"                                                                                   \
	" timestamp_ms BIGINT NOT NULL,"                                                                               \
	" frame_number BIGINT NOT NULL,"                                                                               \
	" question BIGINT NOT NULL,"                                                                                   \
	" emotion TEXT NOT NULL,"                                                                                      \
	" confidence DOUBLE PRECISION NOT NULL,"                                                                       \
	" quality DOUBLE PRECISION NOT NULL,"                                                                          \
	" width BIGINT NOT NULL,"                                                                                      \
	" height BIGINT NOT NULL,"                                                                                     \
	" picture BYTEA NOT NULL,"                                                                                     \
	" recorded_at BIGINT NOT NULL,"                                                                                \
	" PRIMARY KEY (session_id, timestamp_ms, frame_number));"                                                      \
	"CREATE INDEX emotion_key_frames_by_age ON emotion_key_frames (recorded_at);"

struct emotion_key_frame {
	struct emotion_key_frame_mark mark;
	int64_t timestamp_ms;
	int64_t frame_number;
	float confidence;           // of the expression
	struct viva_bytes picture;  // a JPEG of viva_vision_thumbnail
	struct viva_thumbnail size;
};

// The key frame that this frame, just analysed, would make, in the arena; NULL where it may not be kept, is none that
// the choice takes beside those of the store, or can't be made small enough. The store's errors, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_key_frame_make(struct emotion_service *service, const struct emotion_frame *frame,
					   const struct viva_vision_result *result, struct viva_arena *arena,
					   const struct emotion_key_frame **ret_key_frame, struct viva_error *error);

// Inside a transaction that has the session's lock: chooses again, by what is there now, and keeps the frame or not.
// *ret_kept says which. The store's errors.
VIVA_MUST_CHECK int emotion_key_frame_keep(struct viva_store_transaction *transaction, const char *session_id,
					   const struct emotion_key_frame *key_frame, int64_t now_ms,
					   struct viva_arena *arena, bool *ret_kept, struct viva_error *error);

// All of the session in order of time: {"session_id","key_frames":[{"timestamp","frame_number","question" (null =
// unknown),"emotion","confidence","width","height","image_data" (base64 of a JPEG)}]}, at most EMOTION_MAX_KEY_FRAMES.
// The store's errors.
VIVA_MUST_CHECK int emotion_key_frames_json(struct viva_store *store, const char *session_id, struct viva_arena *arena,
					    json_t **ret_json, struct viva_error *error);

#endif
