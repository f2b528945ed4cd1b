// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/interviews/:id/frames.
//
// Threads: on the worker pool.
#ifndef VIVA_INTERVIEW_FRAME_ROUTES_H
#define VIVA_INTERVIEW_FRAME_ROUTES_H

#include "interview/context.h"
#include "interview/frames.h"

// Takes a raw JPEG or PNG, or {"image_data","format"?,"timestamp"?} and answers 202 with its frame_number: it is in the
// queue. With `Prefer: wait` the answer is 200 with the analysis and `Preference-Applied`; 202 then says that there was
// no analysis in time, and that the frame is in the queue.
viva_http_handler interview_handle_frame;

#endif
