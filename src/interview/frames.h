// SPDX-License-Identifier: Apache-2.0
//
// One frame's way: to the emotion service and back, or into the queue.
//
// A live frame that does not reach the emotion service goes into the queue instead, under the number and time that it
// had: the service may have analysed it all the same (its answer was lost), and knows it by them. From then on the
// session's continuation is behind what the queue will change, so it is dropped: the service's own memory of the
// session counts again. Live frames that overtake queued ones are no harm: the timeline is in the order of time, and
// an old frame never sets the service's memory of a session back.
//
// Numbers come from blocks that the store hands out, so they are unique over all instances, and grow within one; what a
// crash leaves of a block is skipped. Only time orders frames of several instances.
//
// Threads: any but the loop's: calls block on the store, the bus and the emotion service.
#ifndef VIVA_INTERVIEW_FRAMES_H
#define VIVA_INTERVIEW_FRAMES_H

#include "emotion.pb-c.h"
#include "interview/context.h"
#include "interview/image.h"
#include "interview/records.h"

struct interview_frame {
	struct viva_blob *image;  // checked by interview_image_check; borrowed
	enum interview_image_format format;
	bool may_be_kept;          // as a key frame: interview_allows_pictures
	int question;              // number of the one last put to the candidate
	int64_t timestamp;         // Unix ms, > 0
	int64_t call_deadline_us;  // monotonic; how long somebody waits for the analysis
	int64_t deadline_us;       // monotonic; for the way into the queue
	const char *traceparent;   // of the request; NULL = none
	bool is_of_socket;         // so this process has those before and after it, too
};

struct interview_frame_result {
	int64_t number;
	const Emotion__EmotionResponse *response;  // in the arena; NULL: the frame went into the queue
};

// Whether frames of this interview may be looked at now. VIVA_EEMOTIONCONSENT, VIVA_ECOMPLETED.
VIVA_MUST_CHECK int interview_frame_allowed(const struct interview_record *record, struct viva_error *error);

// Numbers and analyses one frame of an interview that interview_frame_allowed, or gives it to the queue where the
// emotion service can't be reached. Frames of one interview wait for each other. VIVA_EIMAGE, VIVA_EFRAMESIZE,
// VIVA_EEMOTIONDOWN (and the queue takes it neither), VIVA_ERATE, VIVA_ENOTFOUND (erased meanwhile), the store's.
VIVA_MUST_CHECK int interview_analyse_frame(struct interview_service *service, struct interview_session *session,
					    const struct interview_frame *frame, struct viva_arena *arena,
					    struct interview_frame_result *ret_result, struct viva_error *error);

// Numbers one frame of an interview that interview_frame_allowed, and gives it to the queue; it waits for no other.
// VIVA_EOVERLOAD, VIVA_EUNAVAILABLE (then the frame may be in the queue all the same), VIVA_ENOTFOUND, the store's.
VIVA_MUST_CHECK int interview_queue_frame(struct interview_service *service, struct interview_session *session,
					  const struct interview_frame *frame, struct viva_arena *arena,
					  int64_t *ret_number, struct viva_error *error);

// What this process knows of the frames that it gave to the queue.
struct interview_queue_count {
	bool is_queueing;  // it gave some, or is about to
	int64_t frames;    // -1 = unknown: of some nobody can say whether the queue has them
};
// Not inside a transaction.
struct interview_queue_count interview_count_queued(struct interview_service *service, const char *id);
// How many frames of the interview are in the queue, or were, for InterviewCompleted; -1 = unknown. Each process that
// gives frames says so in the row (frame_queues), once, before it does. So none are known to be none, and those of one
// process are known to itself, as long as it lives and remembers the interview. Frames that are on their way while the
// interview is being completed may be missing.
int64_t interview_queued_frames(const struct interview_record *record, const struct interview_queue_count *own);

#endif
