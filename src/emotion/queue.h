// SPDX-License-Identifier: Apache-2.0
//
// What comes through the bus: frames, each partition in order, several at a time; and interviews that were erased.
//
// Threads: create and destroy from the main thread; stop from any but the loop's.
#ifndef VIVA_EMOTION_QUEUE_H
#define VIVA_EMOTION_QUEUE_H

#include "bus/bus.h"
#include "emotion/state.h"

struct emotion_queue_options {
	struct emotion_service *service;  // borrowed; complete but for the queue
	size_t partitions;                // of the bus. > 0
	size_t frames_at_a_time;          // > 0; more threads than partitions have no work
};

// Starts to consume. VIVA_EINVAL, VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int emotion_queue_create(const struct emotion_queue_options *options, struct emotion_queue **ret_queue,
					 struct viva_error *error);
// No frame and no erasure begins after it returned; those that had not begun go back to the bus. Waits for the bus, not
// for frames.
void emotion_queue_stop(struct emotion_queue *queue);
// Stops, and waits for what is in work. NULL is fine. Always NULL.
struct emotion_queue *emotion_queue_destroy(struct emotion_queue *queue);

#endif
