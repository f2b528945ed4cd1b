// SPDX-License-Identifier: Apache-2.0
//
// The events that services tell each other, and their JSON: as Go's encoding/json writes and reads the structs of the
// same names (times are RFC 3339, bytes are padded base64). schemas/events has them as JSON Schema.
//
// Writers append one JSON object. Readers take bytes from outside: they check size, types and ranges, name the member
// at fault, ignore members they don't know, and put all texts into the arena. Names are matched exactly; of members of
// the same name the last one counts; null counts as absent; a whole number may be written 5.0.
//
// Threads: any; nothing blocks.
#ifndef VIVA_EVENTS_H
#define VIVA_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/macros.h"

enum {
	VIVA_EVENT_MAX_QUESTION = 10000,
	VIVA_EVENT_MAX_SESSION_ID = 128,         // bytes: 1 to 128 visible ASCII characters
	VIVA_EVENT_MAX_USER_ID = 512,            // bytes, ≥ 1
	VIVA_EVENT_MAX_EMOTION = 64,             // bytes
	VIVA_EVENT_MAX_IMAGE_BYTES = 8 << 20,    // of a picture, decoded
	VIVA_EVENT_MAX_FRAME_BYTES = 12 << 20,   // of a FrameCaptured body
	VIVA_EVENT_MAX_SMALL_BYTES = 256 << 10,  // of any other body
};

#define VIVA_EVENT_FRAME_CAPTURED "FrameCaptured"
#define VIVA_EVENT_EMOTION_ANALYZED "EmotionAnalyzed"
#define VIVA_EVENT_INTERVIEW_COMPLETED "InterviewCompleted"
#define VIVA_EVENT_SCORE_CALCULATED "ScoreCalculated"
#define VIVA_EVENT_INTERVIEW_ERASED "InterviewErased"
#define VIVA_EVENT_INTERVIEW_CHANGED "InterviewChanged"

// All times are Unix time in ms, > 0. Finer digits of a time that is read are dropped.

struct viva_frame_captured {
	const char *session_id;
	int64_t timestamp_ms;
	struct viva_bytes image;  // a file; may be empty, and need not be a picture: whoever decodes it finds out
	const char *format;       // "jpeg" or "png"; "jpg" is read as "jpeg"
	int64_t frame_number;     // ≥ 0; with the session it names the frame
	bool keep;                // ours: the candidate agreed to pictures being stored; absent = false
	int64_t question;         // ours: number of the one last put, from 1; 0 = absent, unknown
};

struct viva_emotion_analyzed {
	const char *session_id;
	int64_t timestamp_ms;
	const char *emotion;  // "" without a face
	double confidence;    // [0, 1]
	int64_t blink_count;  // ≥ 0, of the session so far
	json_t *metadata;     // object, at least frame_number, face_detected, latency_ms, source ("live" or "queue");
			      // from our emotion service also attention [0, 1], face_count, hint, and with a face
			      // face {x, y, width, height} in pixels, head_pose {yaw, pitch, roll} and, with open
			      // eyes, gaze {yaw, pitch} in degrees: an emotion_update is made of them;
			      // writing: borrowed; reading: owned by the arena; {} when absent or null
};

struct viva_interview_completed {
	const char *session_id;
	const char *user_id;
	int64_t completed_at_ms;
	int64_t total_duration_s;  // from start to completion, in seconds
	int64_t answer_count;
	int64_t queued_frames;  // ours: frames of the session that were given to the queue; -1 = absent, unknown
};

struct viva_score_calculated {
	const char *session_id;
	double technical_score, communication_score, emotion_score,
		overall_score;  // [0, 100]; emotion 0 when not scored
	bool not_scorable;  // ours: no answer could be scored, and the scores are 0 for want of data; absent = false
	int64_t calculated_at_ms;
};

struct viva_interview_erased {
	const char *session_id;
	int64_t erased_at_ms;
};

// Ours: whoever shows the interview to somebody should look at it again.
struct viva_interview_changed {
	const char *session_id;
	int64_t changed_at_ms;
};

// On failure nothing was appended. VIVA_ELIMIT (the buffer's), VIVA_EINVAL (a number that JSON can't write, a text that
// is not UTF-8, metadata that is no object), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_event_write_frame_captured(const struct viva_frame_captured *event, struct viva_buffer *out);
VIVA_MUST_CHECK int viva_event_write_emotion_analyzed(const struct viva_emotion_analyzed *event,
						      struct viva_buffer *out);
VIVA_MUST_CHECK int viva_event_write_interview_completed(const struct viva_interview_completed *event,
							 struct viva_buffer *out);
VIVA_MUST_CHECK int viva_event_write_score_calculated(const struct viva_score_calculated *event,
						      struct viva_buffer *out);
VIVA_MUST_CHECK int viva_event_write_interview_erased(const struct viva_interview_erased *event,
						      struct viva_buffer *out);
VIVA_MUST_CHECK int viva_event_write_interview_changed(const struct viva_interview_changed *event,
						       struct viva_buffer *out);

// Whether a message whose AMQP property `type` is this may be the event: a stock client may leave it out (""), since
// the routing key says it already. VIVA_EUNKNOWNTYPE; then the message is a dead letter.
VIVA_MUST_CHECK int viva_event_check_type(const char *type, const char *event, struct viva_error *error);

// VIVA_EJSON (not JSON), VIVA_EFIELD (a member missing, of another type or out of range; error->field names it),
// VIVA_ELIMIT (too large), VIVA_EFRAMESIZE (the picture), VIVA_ENOMEM. But for VIVA_ENOMEM the message is a dead
// letter.
VIVA_MUST_CHECK int viva_event_read_frame_captured(struct viva_bytes body, struct viva_arena *arena,
						   struct viva_frame_captured *ret_event, struct viva_error *error);
VIVA_MUST_CHECK int viva_event_read_emotion_analyzed(struct viva_bytes body, struct viva_arena *arena,
						     struct viva_emotion_analyzed *ret_event, struct viva_error *error);
VIVA_MUST_CHECK int viva_event_read_interview_completed(struct viva_bytes body, struct viva_arena *arena,
							struct viva_interview_completed *ret_event,
							struct viva_error *error);
VIVA_MUST_CHECK int viva_event_read_score_calculated(struct viva_bytes body, struct viva_arena *arena,
						     struct viva_score_calculated *ret_event, struct viva_error *error);
VIVA_MUST_CHECK int viva_event_read_interview_erased(struct viva_bytes body, struct viva_arena *arena,
						     struct viva_interview_erased *ret_event, struct viva_error *error);
VIVA_MUST_CHECK int viva_event_read_interview_changed(struct viva_bytes body, struct viva_arena *arena,
						      struct viva_interview_changed *ret_event,
						      struct viva_error *error);

#endif
