// SPDX-License-Identifier: Apache-2.0
//
// A bounded pool of worker threads, and strands: queues whose tasks run in order, one at a time, on that pool.
//
// Threads: submit from any thread, never blocks. Tasks run on the pool's workers and may block.
#ifndef VIVA_BASE_POOL_H
#define VIVA_BASE_POOL_H

#include <stddef.h>

#include "base/macros.h"

struct viva_pool;
struct viva_strand;

typedef void viva_task_function(void *context);

struct viva_pool_options {
	const char *name;    // prefix of the threads' names, borrowed for ever. Default "worker".
	size_t threads;      // > 0. Default 8.
	size_t max_waiting;  // tasks that wait for a worker; one more is refused. Default 1024.
};

struct viva_pool_options viva_pool_defaults(void);
// VIVA_EINVAL (a limit is 0), VIVA_ENOMEM, VIVA_EINTERNAL (no thread).
VIVA_MUST_CHECK int viva_pool_create(const struct viva_pool_options *options, struct viva_pool **ret_pool);
// Refuses new tasks, runs those accepted, joins the threads, frees. Not from a worker. NULL is fine. Always NULL.
struct viva_pool *viva_pool_destroy(struct viva_pool *pool);
VIVA_DEFINE_AUTO(viva_pool)

// Runs run(context) on a worker. VIVA_EOVERLOAD when full, VIVA_ECLOSED when stopping; then it never runs.
VIVA_MUST_CHECK int viva_pool_submit(struct viva_pool *pool, viva_task_function *run, void *context);
size_t viva_pool_waiting(struct viva_pool *pool);

// A strand on `pool`, which must outlive it, for at most max_waiting tasks of its own. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_strand_create(struct viva_pool *pool, size_t max_waiting, struct viva_strand **ret_strand);
// Runs run(context) after all that was submitted to this strand before. A strand's tasks see each other's writes.
// VIVA_EOVERLOAD when the strand or the pool is full, VIVA_ECLOSED; then it never runs.
VIVA_MUST_CHECK int viva_strand_submit(struct viva_strand *strand, viva_task_function *run, void *context);
// Gives the owner's hold up: tasks already submitted still run, then the strand is freed. Always NULL.
struct viva_strand *viva_strand_destroy(struct viva_strand *strand);
VIVA_DEFINE_AUTO(viva_strand)

#endif
