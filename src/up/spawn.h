// SPDX-License-Identifier: Apache-2.0
//
// Starts a child process that dies with its parent and whose output comes through a pipe.
//
// Threads: the main thread of a process that has no other.
#ifndef VIVA_UP_SPAWN_H
#define VIVA_UP_SPAWN_H

#include <sys/types.h>

#include "base/error.h"

// Runs `path` with `arguments` (the program's name first, NULL last) in a process group of its own, with no signal
// blocked and nothing on stdin. Its stdout and stderr are one pipe, whose non-blocking end the caller owns as
// *ret_output. A program that can't be executed ends with status 1 and says so there. VIVA_EIO.
VIVA_MUST_CHECK int viva_spawn(const char *path, char *const *arguments, pid_t *ret_pid, int *ret_output,
			       struct viva_error *error);

#endif
