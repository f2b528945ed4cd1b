// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

// Some commits long, even on a slow disk.
enum { STEP_US = 200, PATIENCE_US = 200 * 1000 };

int viva_sqlite_gate_open(const char *path)
{
	char gate_path[PATH_MAX];
	int size = snprintf(gate_path, sizeof gate_path, "%s-gate", path);
	if (size < 0 || (size_t)size >= sizeof gate_path)
		return -1;
	return open(gate_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void viva_sqlite_gate_close(int gate)
{
	if (gate >= 0)
		close(gate);
}

bool viva_sqlite_gate_enter(int gate)
{
	if (gate < 0)
		return false;
	for (int waited_us = 0; flock(gate, LOCK_EX | LOCK_NB); waited_us += STEP_US) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited_us >= PATIENCE_US)
			return false;
		usleep(STEP_US);
	}
	return true;
}

void viva_sqlite_gate_leave(int gate)
{
	flock(gate, LOCK_UN);
}
