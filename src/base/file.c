// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

static int read_all(FILE *file, size_t max_bytes, char **ret_data, size_t *ret_size)
{
	size_t capacity = 64 << 10;
	size_t size = 0;
	VIVA_AUTO_FREE char *data = malloc(capacity);
	while (data) {
		size += fread(data + size, 1, capacity - 1 - size, file);
		if (size > max_bytes)
			return VIVA_ELIMIT;
		if (ferror(file))
			return VIVA_EIO;
		if (feof(file))
			break;
		if (size < capacity - 1)
			continue;
		capacity *= 2;
		char *larger = realloc(data, capacity);
		if (!larger)
			return VIVA_ENOMEM;
		data = larger;
	}
	if (!data)
		return VIVA_ENOMEM;
	data[size] = '\0';
	*ret_size = size;
	*ret_data = viva_take(&data);
	return 0;
}

int viva_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		return errno == ENOENT ? VIVA_ENOTFOUND : VIVA_EIO;
	int code = read_all(file, max_bytes, ret_data, ret_size);
	fclose(file);
	return code;
}

int viva_file_replace(const char *path, struct viva_bytes bytes)
{
	VIVA_AUTO_FREE char *draft = NULL;
	if (asprintf(&draft, "%s.part", path) < 0)
		return VIVA_ENOMEM;
	FILE *file = fopen(draft, "we");
	if (!file)
		return VIVA_EIO;
	bool is_written = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
	int cause = errno;
	if (fclose(file) != 0 && is_written) {
		is_written = false;
		cause = errno;
	}
	if (is_written && rename(draft, path) == 0)
		return 0;
	cause = is_written ? errno : cause;
	unlink(draft);
	errno = cause;
	return VIVA_EIO;
}
