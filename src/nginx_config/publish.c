// SPDX-License-Identifier: Apache-2.0
#include "nginx_config/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "nginx_config/template.h"

enum { COMMAND_LIMIT_MS = 30000, POLL_MS = 10, MAX_PID_FILE = 64 };

extern char **environ;

static void pause_ms(long ms)
{
	struct timespec pause = {.tv_nsec = ms * 1000000};
	nanosleep(&pause, NULL);
}

// The status of a child, which is killed when it takes too long. -1: it was, or it died.
static int wait_for(pid_t child)
{
	int status = 0;
	for (int waited_ms = 0; waited_ms < COMMAND_LIMIT_MS; waited_ms += POLL_MS) {
		pid_t ended = waitpid(child, &status, WNOHANG);
		if (ended == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (ended < 0 && errno != EINTR)
			return -1;
		pause_ms(POLL_MS);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return -1;
}

// Runs it by the shell, with signals as they usually are. Whether it succeeded.
static bool run(const char *command)
{
	char *const arguments[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
				   NULL};
	sigset_t none;
	sigemptyset(&none);
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	pid_t child = 0;
	int status = posix_spawn(&child, "/bin/sh", NULL, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	return status == 0 && wait_for(child) == 0;
}

static bool is_same(const char *path, struct viva_bytes text)
{
	VIVA_AUTO_FREE char *old = NULL;
	size_t size = 0;
	return viva_file_read(path, NGINX_CONFIG_MAX_BYTES, &old, &size) == 0 && size == text.size &&
	       memcmp(old, text.data, size) == 0;
}

static int write_all(int fd, struct viva_bytes text)
{
	for (size_t done = 0; done < text.size;) {
		ssize_t size = write(fd, text.data + done, text.size - done);
		if (size < 0 && errno != EINTR)
			return VIVA_EIO;
		done += size > 0 ? (size_t)size : 0;
	}
	return fsync(fd) == 0 ? 0 : VIVA_EIO;
}

static int write_file(const char *path, struct viva_bytes text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return VIVA_EIO;
	int code = write_all(fd, text);
	return close(fd) == 0 ? code : VIVA_EIO;
}

int nginx_publish(const struct nginx_publisher *publisher, struct viva_bytes text, bool *ret_is_new,
		  struct viva_error *error)
{
	if (is_same(publisher->path, text)) {
		*ret_is_new = false;
		return 0;
	}
	char fresh[PATH_MAX];
	if (snprintf(fresh, sizeof fresh, "%s.new", publisher->path) >= (int)sizeof fresh)
		return viva_fail(error, VIVA_EIO, "out", "the name of nginx's configuration is too long");
	if (write_file(fresh, text) != 0)
		return viva_fail(error, VIVA_EIO, "out", "%.128s can't be written: %s", fresh, strerror(errno));
	if (publisher->test_command && (setenv("FILE", fresh, 1) != 0 || !run(publisher->test_command))) {
		unlink(fresh);
		return viva_fail(error, VIVA_EINVAL, "test-command",
				 "the test refuses the new configuration; the one before stays");
	}
	if (rename(fresh, publisher->path) != 0) {
		int reason = errno;
		unlink(fresh);
		return viva_fail(error, VIVA_EIO, "out", "%.128s can't be written: %s", publisher->path,
				 strerror(reason));
	}
	*ret_is_new = true;
	return 0;
}

static int signal_nginx(const char *path, struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int64_t pid = 0;
	int code = viva_file_read(path, MAX_PID_FILE, &text, &size);
	if (code == VIVA_ENOTFOUND)
		return 0;
	if (code == 0)
		text[strcspn(text, " \r\n")] = '\0';
	if (code != 0 || (*text && viva_parse_int64(text, 2, INT_MAX, &pid) != 0))
		return viva_fail(error, VIVA_EIO, "reload-pid", "%.128s holds no process id", path);
	if (pid != 0 && kill((pid_t)pid, SIGHUP) != 0)
		return viva_fail(error, VIVA_EIO, "reload-pid", "process %d can't be told to reload: %s", (int)pid,
				 strerror(errno));
	return 0;
}

int nginx_reload(const struct nginx_publisher *publisher, struct viva_error *error)
{
	if (publisher->reload_command && !run(publisher->reload_command))
		return viva_fail(error, VIVA_EIO, "reload-command", "the command to reload nginx failed");
	return publisher->reload_pid ? signal_nginx(publisher->reload_pid, error) : 0;
}
