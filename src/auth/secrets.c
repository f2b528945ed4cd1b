// SPDX-License-Identifier: Apache-2.0
#include "auth/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_with_path(struct viva_error *error, const char *doing, const char *path)
{
	return viva_fail(error, VIVA_EIO, "data-dir", "%s %s: %s", doing, path, strerror(errno));
}

static int read_secret(const char *path, char ret_text[VIVA_SECRET_MAX], struct viva_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? VIVA_ENOTFOUND : fail_with_path(error, "can't read", path);
	struct stat status;
	char text[VIVA_SECRET_MAX] = {0};
	ssize_t size = fstat(fd, &status) ? -1 : read(fd, text, sizeof text - 1);
	int read_errno = errno;
	close(fd);
	errno = read_errno;
	if (size < 0)
		return fail_with_path(error, "can't read", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return viva_fail(error, VIVA_EIO, "data-dir", "%s can be read by others: give it mode 0600", path);
	text[strcspn(text, "\r\n")] = '\0';
	if (!text[0])
		return viva_fail(error, VIVA_EIO, "data-dir", "%s is empty: remove it to have it made anew", path);
	memcpy(ret_text, text, sizeof text);
	return 0;
}

static int write_whole(int fd, const char *text)
{
	size_t size = strlen(text);
	if (write(fd, text, size) != (ssize_t)size || write(fd, "\n", 1) != 1 || fsync(fd))
		return -1;
	return 0;
}

// Written beside and then linked, so that nobody ever sees half a secret and the first one stays.
static int make_secret(const char *path, const char *text, bool *ret_is_new, struct viva_error *error)
{
	char draft[PATH_MAX];
	if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
		return viva_fail(error, VIVA_EIO, "data-dir", "the path of the data folder is too long");
	int fd = mkostemp(draft, O_CLOEXEC);  // mode 0600
	if (fd < 0)
		return fail_with_path(error, "can't make", draft);
	int status = write_whole(fd, text) ? fail_with_path(error, "can't write", draft) : 0;
	close(fd);
	bool is_new = !status && link(draft, path) == 0;
	if (!status && !is_new && errno != EEXIST)
		status = fail_with_path(error, "can't make", path);
	unlink(draft);
	if (!status)
		*ret_is_new = is_new;
	return status;
}

int viva_secret_load_or_make(const char *data_directory, const char *name, const char *candidate,
			     char ret_text[VIVA_SECRET_MAX], bool *ret_is_new, struct viva_error *error)
{
	char folder[PATH_MAX], path[PATH_MAX];
	if (snprintf(folder, sizeof folder, "%s/secrets", data_directory) >= (int)sizeof folder ||
	    snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return viva_fail(error, VIVA_EIO, "data-dir", "the path of the data folder is too long");
	if (mkdir(data_directory, 0700) && errno != EEXIST)
		return fail_with_path(error, "can't make", data_directory);
	if (mkdir(folder, 0700) && errno != EEXIST)
		return fail_with_path(error, "can't make", folder);

	bool is_new = false;
	int status = read_secret(path, ret_text, error);
	if (status == VIVA_ENOTFOUND) {
		status = make_secret(path, candidate, &is_new, error);
		if (!status)
			status = read_secret(path, ret_text, error);
	}
	if (!status)
		*ret_is_new = is_new;
	return status;
}
