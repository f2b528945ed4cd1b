// SPDX-License-Identifier: Apache-2.0
//
// A circuit breaker in front of one target service, with the semantics of sony/gobreaker: it stops calls to a target
// that fails, and lets one call through from time to time to see whether it has recovered.
//
//              failures                 open_ms passed
//   CLOSED ───────────────▶ OPEN ─────────────────────▶ HALF_OPEN
//     ▲                      ▲                            │    │
//     │                      └──────── trial failed ──────┘    │
//     └───────────────────────── trial succeeded ──────────────┘
//
// State and transitions are in the metrics viva_breaker_state and viva_breaker_transitions_total, and in the log.
//
// Threads: any; nothing blocks.
#ifndef VIVA_RESILIENCE_BREAKER_H
#define VIVA_RESILIENCE_BREAKER_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_breaker;

enum viva_breaker_state { VIVA_BREAKER_CLOSED, VIVA_BREAKER_OPEN, VIVA_BREAKER_HALF_OPEN };

struct viva_breaker_options {
	const char *target;              // the service's name, for metrics, log and errors; borrowed for ever
	uint32_t open_ms;                // how long it stays open. > 0. Default 10,000 (gobreaker's is 60,000).
	uint32_t max_failures_in_a_row;  // one more opens it. Default 5 (gobreaker's).
	uint32_t min_calls;              // of a window, before its share of failures matters. > 0. Default 20.
	double failure_share;            // of a window's calls, in (0, 1], that opens it. Default 0.5.
	uint32_t window_ms;              // ≥ 10; slides in tenths. Default 10,000.
	const struct viva_clock *clock;  // borrowed. Default the system's.
};

struct viva_breaker_options viva_breaker_defaults(const char *target);

// VIVA_EINVAL (a member is out of its range), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_breaker_create(const struct viva_breaker_options *options, struct viva_breaker **ret_breaker);
// After the last call has left. NULL is fine. Always NULL.
struct viva_breaker *viva_breaker_destroy(struct viva_breaker *breaker);
VIVA_DEFINE_AUTO(viva_breaker)

// Takes new limits over (open_ms … window_ms of the options; target and clock stay). What was counted is kept, unless
// the window changes. One that is open stays so as long as it was to be. VIVA_EINVAL: nothing has changed.
VIVA_MUST_CHECK int viva_breaker_tune(struct viva_breaker *breaker, const struct viva_breaker_options *options);

// A call's admission; opaque. It need not be given back: a call that never leaves merely isn't counted.
struct viva_breaker_permit {
	uint64_t generation;
};

// Asks whether a call may go out. `deadline_us` (monotonic, INT64_MAX = none) is the call's: were it the trial of a
// half-open breaker, then the next trial may begin when it has passed (without one, after open_ms), whether or not
// this one ever leaves. VIVA_EBREAKER: don't call.
VIVA_MUST_CHECK int viva_breaker_enter(struct viva_breaker *breaker, int64_t deadline_us,
				       struct viva_breaker_permit *ret_permit, struct viva_error *error);

// Tells how the call ended: 0 or its error. Only errors of the callee count (viva_error_counts_for_breaker); those of
// the caller prove the callee well. Cancelled and locally refused calls (VIVA_ECANCELLED, VIVA_EBREAKER, VIVA_ECLOSED)
// prove nothing. A call that entered before the state last changed is ignored, as in gobreaker.
void viva_breaker_leave(struct viva_breaker *breaker, struct viva_breaker_permit permit, int code);

// Now. HALF_OPEN as soon as open_ms has passed.
enum viva_breaker_state viva_breaker_state(struct viva_breaker *breaker);
const char *viva_breaker_state_name(enum viva_breaker_state state);  // "closed", "open", "half_open"

#endif
