// SPDX-License-Identifier: Apache-2.0
//
// One frame of one session: from the request's members to the answer, with the state that lies between frames.
//
// Threads: any worker; frames of one session wait for each other.
#ifndef VIVA_EMOTION_ANALYSIS_H
#define VIVA_EMOTION_ANALYSIS_H

#include "emotion.pb-c.h"
#include "emotion/frame_view.h"
#include "emotion/state.h"

// A frame whose members were checked.
struct emotion_frame {
	const char *session_id;
	struct viva_bytes image;
	enum viva_image_format format;
	int64_t timestamp_ms;
	int64_t frame_number;
	struct viva_bytes continuation;  // empty = the service's own memory of the session is used
	int64_t deadline_us;             // monotonic
};

// 1 to EMOTION_MAX_SESSION_ID bytes without control characters. VIVA_EFIELD.
VIVA_MUST_CHECK int emotion_session_id_check(const char *session_id, struct viva_error *error);

// Checks what came in a message; `session_id` (may be "") stands in for one that the view lacks. Texts are copied into
// the arena, bytes are borrowed. VIVA_EFIELD names the member.
VIVA_MUST_CHECK int emotion_frame_from_view(const struct emotion_frame_view *view, const char *session_id,
					    struct viva_arena *arena, struct emotion_frame *ret_frame,
					    struct viva_error *error);

// Analyses the frame and keeps it in the timeline. The answer is in the arena, with the session's new continuation.
// A frame of the same timestamp and number as an earlier one changes nothing that is kept.
// VIVA_EFIELD (a continuation that is not ours, or of another session), VIVA_EIMAGE, VIVA_EFRAMESIZE, VIVA_EOVERLOAD,
// VIVA_EDEADLINE, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_analyze(struct emotion_service *service, const struct emotion_frame *frame,
				    struct viva_arena *arena, Emotion__EmotionResponse **ret_response,
				    struct viva_error *error);

// Takes the frame into the session's blinks, but not into its timeline. Fails as emotion_analyze.
VIVA_MUST_CHECK int emotion_detect_blink(struct emotion_service *service, const struct emotion_frame *frame,
					 struct viva_arena *arena, Emotion__BlinkResponse **ret_response,
					 struct viva_error *error);

// The face in the frame by itself; the session is left alone. Fails as emotion_analyze.
VIVA_MUST_CHECK int emotion_detect_face(struct emotion_service *service, const struct emotion_frame *frame,
					struct viva_arena *arena, Emotion__FaceResponse **ret_response,
					struct viva_error *error);

// Forgets the session: its timeline, its state, and what stands of them in the store's files.
VIVA_MUST_CHECK int emotion_erase(struct emotion_service *service, const char *session_id, struct viva_error *error);

#endif
