// SPDX-License-Identifier: Apache-2.0
//
// Steps through UTF-8 and UTF-16 that are known to be valid, in the code base's own integer types.
//
// Threads: any; nothing blocks, nothing allocates.
#ifndef VIVA_LANGUAGE_UNICODE_H
#define VIVA_LANGUAGE_UNICODE_H

#include <stddef.h>
#include <stdint.h>
#include <unicode/umachine.h>

// The character at *at of valid UTF-8, and steps over it.
static inline UChar32 viva_utf8_next(const uint8_t *text, size_t *at)
{
	uint32_t lead = text[(*at)++];
	if (lead < 0x80)
		return (UChar32)lead;
	size_t more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	uint32_t c = lead & (0x3fu >> more);
	while (more-- > 0)
		c = c << 6 | (text[(*at)++] & 0x3fu);
	return (UChar32)c;
}

// Writes a character as UTF-8 at *at and steps over it: at most four bytes.
static inline void viva_utf8_put(uint8_t *text, size_t *at, UChar32 character)
{
	uint32_t c = (uint32_t)character;
	if (c < 0x80) {
		text[(*at)++] = (uint8_t)c;
		return;
	}
	size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	text[(*at)++] = (uint8_t)((0xff00u >> (more + 1)) | c >> (6 * more));
	while (more-- > 0)
		text[(*at)++] = (uint8_t)(0x80u | (c >> (6 * more) & 0x3fu));
}

// The same two for UTF-16: at most two units.
static inline UChar32 viva_utf16_next(const UChar *text, size_t *at)
{
	uint32_t lead = text[(*at)++];
	if (lead < 0xd800 || lead > 0xdbff)
		return (UChar32)lead;
	return (UChar32)(0x10000u + ((lead - 0xd800u) << 10) + (text[(*at)++] - 0xdc00u));
}

static inline void viva_utf16_put(UChar *text, size_t *at, UChar32 character)
{
	uint32_t c = (uint32_t)character;
	if (c < 0x10000) {
		text[(*at)++] = (UChar)c;
		return;
	}
	text[(*at)++] = (UChar)(0xd7c0u + (c >> 10));
	text[(*at)++] = (UChar)(0xdc00u + (c & 0x3ffu));
}

#endif
