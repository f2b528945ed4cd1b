// SPDX-License-Identifier: Apache-2.0
#include "up/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { STATUS_CANNOT_RUN = 1 };

static void run(const char *path, char *const *arguments, pid_t parent, int output)
{
	// A child that hangs must not keep its port when the supervisor is gone, hence SIGKILL. The parent may have
	// died before the request took effect: then it is somebody else's child by now.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(STATUS_CANNOT_RUN);
	// Ctrl-C goes to the terminal's foreground group; the supervisor alone shall get it, and stop in order.
	setpgid(0, 0);

	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);

	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(STATUS_CANNOT_RUN);
	execv(path, arguments);
	dprintf(STDERR_FILENO, "%s can't be run: %s\n", path, strerror(errno));
	_exit(STATUS_CANNOT_RUN);
}

int viva_spawn(const char *path, char *const *arguments, pid_t *ret_pid, int *ret_output, struct viva_error *error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return viva_fail(error, VIVA_EIO, NULL, "no pipe for a process: %s", strerror(errno));
	pid_t parent = getpid();
	pid_t pid = fcntl(ends[0], F_SETFL, O_NONBLOCK) ? -1 : fork();
	if (pid == 0)
		run(path, arguments, parent, ends[1]);
	int reason = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return viva_fail(error, VIVA_EIO, NULL, "no new process: %s", strerror(reason));
	}
	*ret_pid = pid;
	*ret_output = ends[0];
	return 0;
}
