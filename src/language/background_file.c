// SPDX-License-Identifier: Apache-2.0
#include "language/background_file.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/macros.h"

// magic, key, data, and the SHA-256 of these three.
static const char MAGIC[8] = {'V', 'i', 'v', 'a', 'b', 'g', '1', '\n'};
enum { HEAD_SIZE = sizeof MAGIC + VIVA_BACKGROUND_KEY_SIZE };

bool viva_background_file_read(const char *path, const uint8_t key[VIVA_BACKGROUND_KEY_SIZE], void *ret_data,
			       size_t size)
{
	VIVA_AUTO_FREE char *file = NULL;
	size_t file_size = 0;
	uint8_t sum[SHA256_DIGEST_LENGTH];
	if (viva_file_read(path, VIVA_BACKGROUND_FILE_MAX_BYTES, &file, &file_size) != 0 ||
	    file_size != HEAD_SIZE + size + sizeof sum || memcmp(file, MAGIC, sizeof MAGIC) != 0 ||
	    memcmp(file + sizeof MAGIC, key, VIVA_BACKGROUND_KEY_SIZE) != 0)
		return false;
	SHA256((const uint8_t *)file, HEAD_SIZE + size, sum);
	if (memcmp(file + HEAD_SIZE + size, sum, sizeof sum) != 0)
		return false;
	memcpy(ret_data, file + HEAD_SIZE, size);
	return true;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

bool viva_background_file_write(const char *path, const uint8_t key[VIVA_BACKGROUND_KEY_SIZE], const void *data,
				size_t size)
{
	size_t file_size = HEAD_SIZE + size + SHA256_DIGEST_LENGTH;
	char part[PATH_MAX];
	if (file_size > VIVA_BACKGROUND_FILE_MAX_BYTES ||
	    snprintf(part, sizeof part, "%s.XXXXXX", path) >= (int)sizeof part)
		return false;
	VIVA_AUTO_FREE uint8_t *file = malloc(file_size);
	if (!file)
		return false;
	memcpy(file, MAGIC, sizeof MAGIC);
	memcpy(file + sizeof MAGIC, key, VIVA_BACKGROUND_KEY_SIZE);
	memcpy(file + HEAD_SIZE, data, size);
	SHA256(file, HEAD_SIZE + size, file + HEAD_SIZE + size);
	int fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is_written = write_all(fd, file, file_size);
	// What power loss leaves half written is found by its sum.
	is_written = close(fd) == 0 && is_written && rename(part, path) == 0;
	if (!is_written)
		unlink(part);
	return is_written;
}
