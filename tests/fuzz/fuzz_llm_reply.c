// SPDX-License-Identifier: Apache-2.0
//
// What a language model may reply: only a verdict of the form that was asked for is taken, with all its numbers in
// their ranges and its texts whole. The first byte is the number of reference points.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scoring/llm_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(const char *text, size_t room)
{
	size_t size = strnlen(text, room);
	require(size < room && viva_utf8_is_valid((const uint8_t *)text, size));
	for (size_t i = 0; i < size; i++)
		require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t points = data[0] % 4;
	struct scoring_llm_verdict verdict;
	struct viva_error error = {0};
	if (scoring_llm_read(viva_bytes_of(data + 1, size - 1), points, &verdict, &error) != 0) {
		require(error.code == VIVA_EBADGATEWAY && error.message[0] != '\0');
		return 0;
	}
	require(verdict.relevance >= 0 && verdict.relevance <= 1 && verdict.depth >= 0 && verdict.depth <= 1);
	require(points == 0 ? verdict.coverage < 0 : verdict.coverage >= 0 && verdict.coverage <= 1);
	require(verdict.tokens >= 0 && verdict.reason[0] != '\0');
	check_text(verdict.reason, sizeof verdict.reason);
	check_text(verdict.model, sizeof verdict.model);
	check_text(verdict.fingerprint, sizeof verdict.fingerprint);
	return 0;
}
