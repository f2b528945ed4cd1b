// SPDX-License-Identifier: Apache-2.0
//
// The interviews that were erased, as the bus tells: all of theirs is deleted here, and what still comes of them is not
// kept.
//
// Threads: create and destroy from the main thread; stop from any but the loop's.
#ifndef VIVA_EMOTION_ERASURES_H
#define VIVA_EMOTION_ERASURES_H

#include "bus/bus.h"
#include "emotion/state.h"

// Starts to consume. The service is borrowed. VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int emotion_erasures_create(struct emotion_service *service, struct emotion_erasures **ret_erasures,
					    struct viva_error *error);
// None begins after it returned.
void emotion_erasures_stop(struct emotion_erasures *erasures);
// Stops, and waits for the one in work. NULL is fine. Always NULL.
struct emotion_erasures *emotion_erasures_destroy(struct emotion_erasures *erasures);

#endif
