// SPDX-License-Identifier: Apache-2.0
//
// One frame's way to the emotion service and back.
//
// Threads: any but the loop's: calls block on the store and the emotion service.
#ifndef VIVA_INTERVIEW_FRAMES_H
#define VIVA_INTERVIEW_FRAMES_H

#include "emotion.pb-c.h"
#include "interview/context.h"
#include "interview/image.h"
#include "interview/records.h"

struct interview_frame {
	struct viva_blob *image;  // checked by interview_image_check; borrowed
	enum interview_image_format format;
	int64_t timestamp;    // Unix ms, > 0
	int64_t deadline_us;  // monotonic
};

// What the analysis of a frame found, beside the response itself.
struct interview_frame_result {
	const Emotion__EmotionResponse *response;  // in the arena
	bool is_face_notice_due;                   // FACE_NOT_DETECTED is to be told now
	bool is_faces_notice_due;                  // MULTIPLE_FACES is to be told now
};

// Whether frames of this interview may be looked at now. VIVA_EEMOTIONCONSENT, VIVA_ECOMPLETED.
VIVA_MUST_CHECK int interview_frame_allowed(const struct interview_record *record, struct viva_error *error);

// Numbers and analyses one frame of an interview that interview_frame_allowed. Frames of one interview wait for each
// other. VIVA_EIMAGE, VIVA_EFRAMESIZE, VIVA_EEMOTIONDOWN, VIVA_ERATE, VIVA_ENOTFOUND (erased meanwhile), the store's.
VIVA_MUST_CHECK int interview_analyse_frame(struct interview_service *service, struct interview_session *session,
					    const struct interview_frame *frame, struct viva_arena *arena,
					    struct interview_frame_result *ret_result, struct viva_error *error);

#endif
