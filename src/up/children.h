// SPDX-License-Identifier: Apache-2.0
//
// The life of one supervised process: when to start it, when to start it again, when to give up, when to kill.
//
//             start              ready
//   WAITING ─────────▶ STARTING ─────────▶ READY
//    │  ▲               │ │ │               │ │
//    │  │     exit      │ │ │               │ │
//    │  └───────────────┘ │ │ stop     stop │ │ exit: WAITING
//    │ stop               │ └──▶ STOPPING ◀─┘
//    ▼        exit        │         │
//   STOPPED ◀─────────────┼─────────┘
//                         │ third exit in a row with status 1 or 2, never ready
//                         ▼
//                       FAILED
//
// It decides and does nothing itself: the supervisor forks, kills and reaps.
//
// Threads: one owner; nothing blocks.
#ifndef VIVA_UP_CHILDREN_H
#define VIVA_UP_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"

enum viva_child_state {
	VIVA_CHILD_WAITING,   // for its (next) start
	VIVA_CHILD_STARTING,  // runs, but is not ready yet
	VIVA_CHILD_READY,
	VIVA_CHILD_STOPPING,  // was asked to end
	VIVA_CHILD_STOPPED,   // ended as asked; final
	VIVA_CHILD_FAILED,    // can't start at all; final
};

enum {
	VIVA_CHILD_BACKOFF_MIN_MS = 100,
	VIVA_CHILD_BACKOFF_MAX_MS = 10 * 1000,
	VIVA_CHILD_RAN_WELL_MS = 10 * 1000,  // ready for this long: its next crash is a new story
	VIVA_CHILD_MAX_FAILED_STARTS = 3,
};

#define VIVA_CHILD_NEVER_MS INT64_MAX

struct viva_child {
	const struct viva_clock *clock;
	enum viva_child_state state;
	pid_t pid;               // of the running process; 0 = none
	int64_t start_at_ms;     // monotonic; of WAITING
	int64_t ready_at_ms;     // of READY
	int64_t kill_at_ms;      // of STOPPING
	int64_t backoff_ms;      // before the next restart
	unsigned failed_starts;  // in a row
	unsigned restarts;
	bool was_ever_ready;
};

// A child that is to be started now. `clock` is borrowed.
void viva_child_init(struct viva_child *child, const struct viva_clock *clock);

// Whether the supervisor must start the process now.
bool viva_child_must_start(const struct viva_child *child);
void viva_child_on_started(struct viva_child *child, pid_t pid);
void viva_child_on_ready(struct viva_child *child);
// The process ended with this status of waitpid(2). A fork that failed counts as an end by itself (status of SIGKILL).
void viva_child_on_exit(struct viva_child *child, int wait_status);

// The process is to end: the supervisor sends SIGTERM if this gives true (it runs), and SIGKILL after `grace_ms`.
VIVA_MUST_CHECK bool viva_child_stop(struct viva_child *child, int64_t grace_ms);
// Whether the grace is over and the supervisor must send SIGKILL. True once.
VIVA_MUST_CHECK bool viva_child_must_kill(struct viva_child *child);

bool viva_child_is_running(const struct viva_child *child);
// When one of must_start and must_kill may turn true: monotonic ms, or VIVA_CHILD_NEVER_MS.
int64_t viva_child_wakes_at_ms(const struct viva_child *child);

#endif
