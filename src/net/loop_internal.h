// SPDX-License-Identifier: Apache-2.0
//
// What the files of net/ share about the loop beyond net/loop.h.
//
// Threads: as stated at each function.
#ifndef VIVA_NET_LOOP_INTERNAL_H
#define VIVA_NET_LOOP_INTERNAL_H

#include <stdbool.h>

#include "net/loop.h"

enum { VIVA_LOOP_SCRATCH_BYTES = 64 * 1024 };

// Whether the caller runs on the loop's thread inside viva_loop_run. Any thread.
bool viva_loop_is_current(struct viva_loop *loop);

// A post whose memory the poster brings, so that it can't fail. It may be posted again once run() began.
struct viva_loop_post {
	struct viva_loop_post *next;
	void (*run)(void *context);
	void *context;
	bool is_owned_by_loop;
};

// As viva_loop_post. Any thread; the loop must outlive it.
void viva_loop_post_embedded(struct viva_loop *loop, struct viva_loop_post *post);

// Runs what was posted, for whoever takes things apart after viva_loop_run. Loop's thread, outside viva_loop_run.
void viva_loop_run_posted(struct viva_loop *loop);

// One read buffer for all connections of a loop: what is in it is gone with the next read. Loop's thread.
uint8_t *viva_loop_scratch(uv_loop_t *uv);

#endif
