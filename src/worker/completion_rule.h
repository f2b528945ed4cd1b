// SPDX-License-Identifier: Apache-2.0
//
// Whether a completed interview is to be scored now, or still has frames on their way to the timeline.
//
//   frames given to the queue   noted by the worker      passed on, in the timeline   then
//   none                        –                        –                            go on
//   unknown                     any                      all                          go on
//   n                           fewer than n             –                            wait
//   n                           n or more                all                          go on
//   any                         n or more                not all, or unknown          wait
//   whatever: it has waited as long as it may                                         cut short: go on
//   whatever: the interview was erased, and its frames come no more                   go on, to be told so
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_COMPLETION_RULE_H
#define VIVA_WORKER_COMPLETION_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum worker_completion_step { WORKER_WAIT, WORKER_GO_ON, WORKER_CUT_SHORT };

enum worker_timeline { WORKER_TIMELINE_UNKNOWN, WORKER_TIMELINE_BEHIND, WORKER_TIMELINE_THROUGH };

struct worker_completion_view {
	int64_t queued;                 // frames that were given to the queue, as the event says; −1 = it doesn't
	int64_t accepted;               // frames noted as passed on
	int64_t dropped;                // frames noted as thinned out or invalid
	enum worker_timeline timeline;  // whether it has those that were passed on
	bool is_erased;
	int64_t waited_ms;
	int64_t limit_ms;
};

enum worker_completion_step worker_completion_decide(const struct worker_completion_view *view);
// Whether the decision depends on what is in the timeline.
bool worker_completion_needs_timeline(const struct worker_completion_view *view);

#endif
