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
	bool is_queued;                  // it came through the queue, not as a call
	bool may_be_kept;                // as a key frame: the candidate agreed to pictures being stored
	int32_t question;                // put last when it was taken, from 1; 0 = unknown
	const char *traceparent;         // W3C trace context of who sent it; NULL = none
};

// 1 to EMOTION_MAX_SESSION_ID bytes without control characters. VIVA_EFIELD.
VIVA_MUST_CHECK int emotion_session_id_check(const char *session_id, struct viva_error *error);

// Checks what came in a message; `session_id` (may be "") stands in for one that the view lacks. Texts are copied into
// the arena, bytes are borrowed. VIVA_EFIELD names the member.
VIVA_MUST_CHECK int emotion_frame_from_view(const struct emotion_frame_view *view, const char *session_id,
					    struct viva_arena *arena, struct emotion_frame *ret_frame,
					    struct viva_error *error);

// Analyses the frame, keeps it in the timeline, and tells the others of it. The answer is in the arena, with the
// session's new continuation. A frame that was kept before, by its number or else by its time, changes nothing that is
// kept, and nobody is told again. VIVA_EFIELD (a continuation that is not ours, or of another session), VIVA_EIMAGE,
// VIVA_EFRAMESIZE, VIVA_ENOTFOUND (the session was erased), VIVA_EOVERLOAD, VIVA_EDEADLINE, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_analyze(struct emotion_service *service, const struct emotion_frame *frame,
				    struct viva_arena *arena, Emotion__EmotionResponse **ret_response,
				    struct viva_error *error);

// What came of a frame of the queue. Each but ANALYSED is the stated rule by which it was not analysed (again).
enum emotion_queued_outcome {
	EMOTION_QUEUED_ANALYSED,
	EMOTION_QUEUED_REPEATED,    // it was analysed or dropped before; no inference was spent on it
	EMOTION_QUEUED_ERASED,      // its session was erased; nothing is noted
	EMOTION_QUEUED_UNREADABLE,  // "invalid_image": noted as dropped
	EMOTION_QUEUED_TOO_LARGE,   // "frame_too_large": noted as dropped
	EMOTION_QUEUED_OUTCOMES,
};

// The same for a frame of the queue (is_queued), which waits for live ones (gate.h), goes on from the latest state
// known, sets none back that is later than the frame, and has effect once. VIVA_ECLOSED (the service stops),
// VIVA_EFIELD (a time out of range), VIVA_EOVERLOAD (too many frames of the session wait), VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_analyze_queued(struct emotion_service *service, const struct emotion_frame *frame,
					   struct viva_arena *arena, enum emotion_queued_outcome *ret_outcome,
					   struct viva_error *error);

// Takes the frame into the session's blinks, but not into its timeline. Fails as emotion_analyze.
VIVA_MUST_CHECK int emotion_detect_blink(struct emotion_service *service, const struct emotion_frame *frame,
					 struct viva_arena *arena, Emotion__BlinkResponse **ret_response,
					 struct viva_error *error);

// The face in the frame by itself; the session is left alone. Fails as emotion_analyze.
VIVA_MUST_CHECK int emotion_detect_face(struct emotion_service *service, const struct emotion_frame *frame,
					struct viva_arena *arena, Emotion__FaceResponse **ret_response,
					struct viva_error *error);

// Forgets the session: its timeline, its state, its events that wait, and what stands of them in the store's files.
// `until_ms` as emotion_timeline_erase has it. VIVA_EOVERLOAD, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int emotion_erase(struct emotion_service *service, const char *session_id, int64_t until_ms,
				  struct viva_error *error);

#endif
