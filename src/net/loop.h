// SPDX-License-Identifier: Apache-2.0
//
// The event loop of a process: moves bytes, never blocks. Built on libuv.
//
// Threads: functions without another word belong to the loop's thread. viva_loop_post and _stop may come from any.
#ifndef VIVA_NET_LOOP_H
#define VIVA_NET_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/macros.h"

struct viva_loop;
struct viva_loop_timer;

// Ignores SIGPIPE from now on, for the whole process. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_loop_create(struct viva_loop **ret_loop);
// After viva_loop_run returned and whoever posts (a worker pool) is gone. Runs what was posted, closes what is left.
// NULL is fine. Always NULL.
struct viva_loop *viva_loop_destroy(struct viva_loop *loop);
VIVA_DEFINE_AUTO(viva_loop)

// Runs until viva_loop_stop, then once more through what was posted before it.
void viva_loop_run(struct viva_loop *loop);
void viva_loop_stop(struct viva_loop *loop);

// Runs run(context) on the loop's thread, in order of posting. Any thread; never blocks. VIVA_ENOMEM, VIVA_ECLOSED.
VIVA_MUST_CHECK int viva_loop_post(struct viva_loop *loop, void (*run)(void *context), void *context);

// Calls run(context) after delay_ms and then every repeat_ms (0 = once). Destroy is fine inside run. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_loop_timer_create(struct viva_loop *loop, uint64_t delay_ms, uint64_t repeat_ms,
					   void (*run)(void *context), void *context,
					   struct viva_loop_timer **ret_timer);
struct viva_loop_timer *viva_loop_timer_destroy(struct viva_loop_timer *timer);

uv_loop_t *viva_loop_uv(struct viva_loop *loop);  // for what libuv alone has (signals, sockets); borrowed

#endif
