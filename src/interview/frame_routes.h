// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/interviews/:id/frames.
//
// Threads: on the worker pool.
#ifndef VIVA_INTERVIEW_FRAME_ROUTES_H
#define VIVA_INTERVIEW_FRAME_ROUTES_H

#include "interview/context.h"
#include "interview/frames.h"

// Takes a raw JPEG or PNG, or {"image_data","format"?,"timestamp"?}; analyses it and answers 200 with the analysis and
// its frame_number.
viva_http_handler interview_handle_frame;

// Tells the interview's sockets what a frame showed: emotion_update, or FACE_NOT_DETECTED, and MULTIPLE_FACES.
void interview_announce_frame(struct interview_session *session, const struct interview_frame_result *result,
			      struct viva_arena *arena);

#endif
