// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"

// A decoder's state: how many bytes of the character are still to come and the range that the next one must be in
// (Unicode 15, table 3-7). 0 = between two characters.
enum { BROKEN = 1u << 31 };

static uint32_t expect(uint32_t remaining, uint32_t low, uint32_t high)
{
	return remaining | low << 8 | high << 16;
}

static uint32_t after_lead(uint8_t byte)
{
	if (byte >= 0xc2 && byte <= 0xdf)
		return expect(1, 0x80, 0xbf);
	if (byte == 0xe0)
		return expect(2, 0xa0, 0xbf);
	if (byte == 0xed)
		return expect(2, 0x80, 0x9f);
	if (byte >= 0xe1 && byte <= 0xef)
		return expect(2, 0x80, 0xbf);
	if (byte == 0xf0)
		return expect(3, 0x90, 0xbf);
	if (byte >= 0xf1 && byte <= 0xf3)
		return expect(3, 0x80, 0xbf);
	if (byte == 0xf4)
		return expect(3, 0x80, 0x8f);
	return (uint32_t)BROKEN;
}

static bool is_ascii8(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof word);
	return (word & 0x8080808080808080u) == 0;
}

bool viva_utf8_feed(struct viva_utf8_state *state, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t expected = state->state;
	size_t i = 0;
	while (i < size && !(expected & (uint32_t)BROKEN)) {
		if (expected == 0) {
			while (size - i >= 8 && is_ascii8(bytes + i))
				i += 8;
			if (i == size)
				break;
			if (bytes[i] >= 0x80)
				expected = after_lead(bytes[i]);
		} else if (bytes[i] < (expected >> 8 & 0xff) || bytes[i] > (expected >> 16 & 0xff)) {
			expected = (uint32_t)BROKEN;
		} else {
			uint32_t remaining = (expected & 0xff) - 1;
			expected = remaining ? expect(remaining, 0x80, 0xbf) : 0;
		}
		i++;
	}
	state->state = expected;
	return !(expected & (uint32_t)BROKEN);
}

bool viva_utf8_is_complete(const struct viva_utf8_state *state)
{
	return state->state == 0;
}

bool viva_utf8_is_valid(const void *data, size_t size)
{
	struct viva_utf8_state state = {0};
	return viva_utf8_feed(&state, data, size) && viva_utf8_is_complete(&state);
}

static bool is_continuation(char c)
{
	return ((uint8_t)c & 0xc0) == 0x80;
}

size_t viva_utf8_length(const void *data, size_t size)
{
	const char *text = data;
	size_t count = 0;
	for (size_t i = 0; i < size; i++)
		count += !is_continuation(text[i]);
	return count;
}

size_t viva_utf8_cut(const char *text, size_t size, size_t max_bytes)
{
	if (size <= max_bytes)
		return size;
	size_t cut = max_bytes;
	// No character is longer than four bytes: what goes on beyond was not UTF-8 anyway.
	while (cut > 0 && max_bytes - cut < 3 && is_continuation(text[cut]))
		cut--;
	return cut;
}
