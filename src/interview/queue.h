// SPDX-License-Identifier: Apache-2.0
//
// The way of frames into the queue: published as FrameCaptured, with confirmation.
//
// Frames of one interview may be published by several threads at once, so that their order in the queue is that of
// their arrival for whoever sends them one after the other, and no other.
//
// Threads: any but the loop's: calls block on the bus.
#ifndef VIVA_INTERVIEW_QUEUE_H
#define VIVA_INTERVIEW_QUEUE_H

#include "bus/bus.h"
#include "interview/image.h"
#include "interview/session.h"
#include "resilience/breaker.h"

enum {
	// How long a publication may take. A bus that slows down longer than that gets no more frames for a moment.
	INTERVIEW_PUBLISH_LIMIT_MS = 3000,
	INTERVIEW_BUS_BREAKER_OPEN_MS = 1000,
};

struct interview_queue {
	struct viva_bus *bus;  // borrowed
	const struct viva_clock *clock;
	// While the bus fails, callers are turned away at once: blocked ones would take the workers from answers.
	struct viva_breaker *breaker;
};

// VIVA_ENOMEM.
VIVA_MUST_CHECK int interview_queue_init(struct interview_queue *queue, struct viva_bus *bus,
					 const struct viva_clock *clock);
void interview_queue_finish(struct interview_queue *queue);  // one that is all zeros, too

struct interview_queued_frame {
	struct viva_bytes image;  // checked by interview_image_check
	enum interview_image_format format;
	int64_t timestamp;        // Unix ms, > 0
	int64_t number;           // of the interview
	bool may_be_kept;         // as a key frame
	int question;             // number of the one last put
	const char *traceparent;  // NULL = begin a trace
	int64_t deadline_us;      // monotonic; INTERVIEW_PUBLISH_LIMIT_MS at most
};

// Returns 0 when the frame is durable in the queue, and counts it for the session. On a failure it may be in the queue
// all the same, which the session remembers, too. VIVA_EOVERLOAD (the bus is full or slow), VIVA_EUNAVAILABLE (it is
// away, or was a moment ago), VIVA_ENOMEM; all of them worth trying again.
VIVA_MUST_CHECK int interview_queue_put(struct interview_queue *queue, struct interview_session *session,
					const struct interview_queued_frame *frame, struct viva_error *error);

#endif
