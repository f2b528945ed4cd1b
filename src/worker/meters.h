// SPDX-License-Identifier: Apache-2.0
//
// The worker's own metrics.
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_METERS_H
#define VIVA_WORKER_METERS_H

#include "base/metrics.h"
#include "worker/frame_rule.h"

enum worker_completion_end {
	WORKER_COMPLETION_DONE,      // score and report are made
	WORKER_COMPLETION_REPEATED,  // was dealt with before
	WORKER_COMPLETION_GONE,      // the interview is erased, or has expired
	WORKER_COMPLETION_DEFERRED,  // a service can't be reached now
	WORKER_COMPLETION_FAILED,    // is tried again, or a dead letter
	WORKER_COMPLETION_ENDS
};

enum worker_attempt {
	WORKER_ATTEMPT_DELIVERED,
	WORKER_ATTEMPT_REFUSED,      // an answer that is not 2xx
	WORKER_ATTEMPT_GONE,         // 410
	WORKER_ATTEMPT_TIMEOUT,      // no answer in time
	WORKER_ATTEMPT_UNREACHABLE,  // no connection, or no HTTP
	WORKER_ATTEMPTS
};
const char *worker_attempt_name(enum worker_attempt attempt);

struct worker_meters {
	struct viva_metric *frames[WORKER_OUTCOMES];
	struct viva_metric *frames_held;  // 1 while frames are held back
	struct viva_metric *completions[WORKER_COMPLETION_ENDS];
	struct viva_metric *completion_wait_seconds;
	struct viva_metric *completions_cut_short;  // those that waited as long as they may
	struct viva_metric *attempts[WORKER_ATTEMPTS];
	struct viva_metric *deliveries_pending;
	struct viva_metric *oldest_undelivered_seconds;
	struct viva_metric *erasures;
};

const struct worker_meters *worker_meters(void);

#endif
