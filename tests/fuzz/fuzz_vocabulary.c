// SPDX-License-Identifier: Apache-2.0
//
// A vocabulary from anywhere, and a text: whatever it lists, tokens are numbers of its entries, no more than were asked
// for.
//
// The text is what follows the input's last NUL.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "language/tokenizer.h"

enum { MAX_TOKENS = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static int open_tokenizer(const uint8_t *data, size_t size, struct viva_tokenizer **ret_tokenizer)
{
	// What a vocabulary must have comes of itself, or nothing would be let in.
	static const char padding[] = "[PAD]\n", special[] = "[UNK]\n[CLS]\n[SEP]\n";
	char path[64];
	struct viva_error error = {0};
	int fd = memfd_create("vocabulary", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, padding, sizeof padding - 1) > 0);
	for (int i = VIVA_TOKEN_PAD + 1; i < VIVA_TOKEN_UNKNOWN; i++)
		require(write(fd, "\n", 1) == 1);
	require(write(fd, special, sizeof special - 1) > 0);
	require(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int code = viva_tokenizer_open(path, ret_tokenizer, &error);
	require((code == 0) == (error.message[0] == '\0'));
	close(fd);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memrchr(data, 0, size) : NULL;
	size_t vocabulary_size = zero ? (size_t)(zero - data) : size;
	struct viva_bytes text = zero ? viva_bytes_of(zero + 1, size - vocabulary_size - 1) : viva_bytes_of("a", 1);
	VIVA_AUTO(viva_tokenizer) tokenizer = NULL;
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_tokens tokens;
	if (viva_arena_create(0, &arena) != 0 || open_tokenizer(data, vocabulary_size, &tokenizer) != 0 ||
	    viva_tokenizer_encode(tokenizer, text, MAX_TOKENS, arena, &tokens) != 0)
		return 0;
	require(tokens.count >= 2 && tokens.count <= MAX_TOKENS);
	require(tokens.is_truncated == (tokens.pieces > tokens.count - 2) && tokens.words <= tokens.pieces);
	require(tokens.ids[0] == VIVA_TOKEN_BEGIN && tokens.ids[tokens.count - 1] == VIVA_TOKEN_END);
	for (size_t i = 0; i < tokens.count; i++)
		require(tokens.ids[i] >= 0 && (size_t)tokens.ids[i] < viva_tokenizer_entry_count(tokenizer));
	return 0;
}
