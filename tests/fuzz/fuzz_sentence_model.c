// SPDX-License-Identifier: Apache-2.0
//
// A sentence model's file from anywhere: of another size or kind it is refused; of the right ones any weights, nonsense
// and no numbers among them, are computed with, without a step outside.
//
// The first byte of the input is how much longer than right the file is. The rest overwrites what a file of zeros would
// have, at its beginning and, again and again, a stretch behind each boundary.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "language/encoder.h"

enum {
	RIGHT_BYTES = 45395776,  // of what tools/models/prepare_language.py writes
	MAGIC_BYTES = 16,
	BOUNDARY = 1 << 20,
	TOKENS = 5,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void put(int fd, const uint8_t *data, size_t size, off_t at)
{
	require(pwrite(fd, data, size, at) == (ssize_t)size);
}

// Sparse, in memory; its path is in ret_path.
static int make_file(const uint8_t *data, size_t size, char ret_path[64])
{
	int fd = memfd_create("sentence-model", MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, RIGHT_BYTES) == 0);
	for (off_t at = BOUNDARY; at + (off_t)size < RIGHT_BYTES; at += BOUNDARY)
		put(fd, data + 1, size - 1, at);
	put(fd, data + 1, size - 1, 0);
	require(ftruncate(fd, RIGHT_BYTES + data[0]) == 0);
	snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void run(const struct viva_encoder *encoder, const uint8_t *data, size_t size)
{
	static float vectors[2 * VIVA_ENCODER_SIZE];
	int64_t ids[TOKENS] = {VIVA_TOKEN_BEGIN, 0, 0, 0, VIVA_TOKEN_END};
	for (size_t i = 1; i < TOKENS - 1; i++)
		ids[i] = (data[i % size] << 8 | data[(i + 1) % size]) % VIVA_ENCODER_VOCABULARY;
	const struct viva_tokens texts[2] = {{.ids = ids, .count = TOKENS}, {.ids = ids, .count = 2}};
	VIVA_AUTO(viva_encoder_workspace) workspace = NULL;
	require(viva_encoder_workspace_create(&workspace) == 0);
	size_t count;
	const struct viva_encoder_kernel *kernels = viva_encoder_kernels(&count);
	for (size_t i = 0; i < count; i++) {
		if (kernels[i].is_supported())
			kernels[i].run(encoder, workspace, texts, VIVA_COUNT(texts), vectors);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= MAGIC_BYTES || size > BOUNDARY)
		return 0;
	char path[64];
	int fd = make_file(data, size, path);
	VIVA_AUTO(viva_encoder) encoder = NULL;
	struct viva_error error = {0};
	bool is_right = data[0] == 0 && memcmp(data + 1, "viva-encoder-1\0\0", MAGIC_BYTES) == 0;
	int code = viva_encoder_open(path, &encoder, &error);
	require(code == (is_right ? 0 : VIVA_EMODEL) && (code == 0) == (error.message[0] == '\0'));
	if (code == 0)
		run(encoder, data, size);
	close(fd);
	return 0;
}
