// SPDX-License-Identifier: Apache-2.0
//
// Tells people (a table) and scripts (the ready file) what listens where.
//
// Threads: main thread; blocks on the disk.
#ifndef VIVA_UP_ANNOUNCE_H
#define VIVA_UP_ANNOUNCE_H

#include <stdio.h>
#include <sys/types.h>

#include "up/plan.h"

// `pids` are those of plan->services, in order.
void viva_announce_table(const struct viva_plan *plan, const pid_t *pids, FILE *out);
// Replaces `path` in one step, so that a reader sees all or nothing:
// {"gateway": "http://127.0.0.1:8000", …, "pids": {"gateway": 123, …}}. VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_announce_ready_file(const struct viva_plan *plan, const pid_t *pids, const char *path,
					     struct viva_error *error);

#endif
