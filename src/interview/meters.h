// SPDX-License-Identifier: Apache-2.0
//
// The interview service's metrics.
//
// Threads: any; nothing blocks.
#ifndef VIVA_INTERVIEW_METERS_H
#define VIVA_INTERVIEW_METERS_H

#include "base/metrics.h"

struct interview_meters {
	struct viva_metric *started;    // interviews
	struct viva_metric *completed;  // interviews, by request or by time
	struct viva_metric *expired;    // interviews
	struct viva_metric *scored;     // interviews
	struct viva_metric *erased;     // interviews
	struct viva_metric *answers;    // stored
	struct viva_metric *frames_analysed;
	struct viva_metric *frames_failed;
	struct viva_metric *frames_replaced;   // by a newer one, before their turn came
	struct viva_metric *messages_refused;  // over the rate of an interview
	struct viva_metric *sessions;          // now in memory
	struct viva_metric *sockets;           // now open
};

// Registers them at the first call.
const struct interview_meters *interview_meters(void);

#endif
