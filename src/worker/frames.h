// SPDX-License-Identifier: Apache-2.0
//
// Captured frames on their way to the emotion service: checked, thinned out when late (frame_rule.h), passed on, noted.
//
// Frames are worked on in batches of what waits, in order, by one thread. What was passed on is noted afterwards, so
// that a crash in between repeats a frame rather than losing it. While bus or store are away, or the emotion service is
// behind by more than max_backlog frames, nothing is settled and the queue waits: what gets late there is thinned out.
//
// Threads: create and destroy on one thread; stop on any but the loop's.
#ifndef VIVA_WORKER_FRAMES_H
#define VIVA_WORKER_FRAMES_H

#include "bus/bus.h"
#include "store/store.h"

struct worker_frames;

struct worker_frames_options {
	struct viva_store *store;
	struct viva_bus *bus;
	const struct viva_clock *clock;
	struct viva_random *random;  // all borrowed
	size_t prefetch;             // frames taken at a time, 1–4,096
	int64_t max_age_ms;          // of a message; an older one is late
	int64_t max_backlog;         // frames that may wait for the emotion service; 0 = any number
};

// Starts to consume. The errors of viva_bus_consume.
VIVA_MUST_CHECK int worker_frames_create(const struct worker_frames_options *options, struct worker_frames **ret_frames,
					 struct viva_error *error);
// No frame comes any more. Those in hand are still passed on, or go back into the queue where that can't be done now.
void worker_frames_stop(struct worker_frames *frames);
struct worker_frames *worker_frames_destroy(struct worker_frames *frames);  // Stops. NULL is fine. Always NULL.

#endif
