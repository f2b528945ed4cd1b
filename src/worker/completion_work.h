// SPDX-License-Identifier: Apache-2.0
//
// What a completed interview needs, from whom: its frames through, its score, its report.
//
// Threads: any but the event loop's: calls block on the store and other services.
#ifndef VIVA_WORKER_COMPLETION_WORK_H
#define VIVA_WORKER_COMPLETION_WORK_H

#include "worker/completions.h"

struct worker_completion {
	const char *key;  // of the inbox: the message's id
	const char *session_id;
	int64_t queued_frames;  // −1 = unknown
	bool is_through;        // its frames are, or need not be waited for any longer; is set
};

enum worker_completion_result {
	WORKER_RESULT_DONE,
	WORKER_RESULT_REPEATED,  // was dealt with before
	WORKER_RESULT_GONE,      // the interview is erased, or has expired
	WORKER_RESULT_WAIT,      // for frames
	WORKER_RESULT_LATER,     // store or a service is away; *reason says which
	WORKER_RESULT_FAILED,    // a service refused; *reason says which
};

// One try, after the completion has waited for its frames for `waited_ms`. Everything that it does may be done again.
enum worker_completion_result worker_completion_try(const struct worker_completions_options *options,
						    struct worker_completion *completion, int64_t waited_ms,
						    struct viva_error *reason);

#endif
