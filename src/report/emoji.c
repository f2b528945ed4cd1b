// SPDX-License-Identifier: Apache-2.0
#include "report/emoji.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "base/bytes.h"
#include "language/unicode.h"

enum {
	JOINER = 0x200d,
	TEXT_STYLE = 0xfe0e,
	EMOJI_STYLE = 0xfe0f,
	REGIONAL_A = 0x1f1e6,
	REGIONAL_Z = 0x1f1ff,
	FIRST_OF_PICTOGRAPHS = 0x1f000,
	MAX_NAME = 128,
	MAX_JOINED = 4,  // that are named of one sequence
};

struct spelling {
	const uint8_t *text;
	size_t size, at;
	struct viva_buffer out;
	size_t named;
	bool is_after_unnamed;  // the last thing written is "[emoji]"
};

static bool is_regional(UChar32 character)
{
	return character >= REGIONAL_A && character <= REGIONAL_Z;
}

static bool is_tone(UChar32 character)
{
	return u_hasBinaryProperty(character, UCHAR_EMOJI_MODIFIER);
}

static bool is_pictograph(UChar32 character)
{
	return u_hasBinaryProperty(character, UCHAR_EXTENDED_PICTOGRAPHIC) || is_tone(character);
}

// Shown as a picture unless told otherwise, or without a place in fonts for text.
static bool is_emoji(UChar32 character)
{
	return u_hasBinaryProperty(character, UCHAR_EMOJI_PRESENTATION) ||
	       (character >= FIRST_OF_PICTOGRAPHS && is_pictograph(character));
}

// The next character, without stepping over it; 0 at the end.
static UChar32 peek(const struct spelling *spelling)
{
	size_t at = spelling->at;
	return at < spelling->size ? viva_utf8_next(spelling->text, &at) : 0;
}

static UChar32 take(struct spelling *spelling)
{
	return viva_utf8_next(spelling->text, &spelling->at);
}

// "thumbs up sign"
static void name_of(UChar32 character, char ret_name[MAX_NAME])
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t size = u_charName(character, U_UNICODE_CHAR_NAME, ret_name, MAX_NAME, &status);
	if (U_FAILURE(status) || size <= 0 || size >= MAX_NAME)
		snprintf(ret_name, MAX_NAME, "emoji");
	for (char *at = ret_name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
}

static int write_flag(struct spelling *spelling, UChar32 first)
{
	if (!is_regional(peek(spelling)))
		return viva_buffer_printf(&spelling->out, "[%c]", (char)('A' + first - REGIONAL_A));
	UChar32 second = take(spelling);
	return viva_buffer_printf(&spelling->out, "[flag %c%c]", (char)('A' + first - REGIONAL_A),
				  (char)('A' + second - REGIONAL_A));
}

// The pictographs that follow over joiners; tones and styles between them are stepped over.
static size_t take_sequence(struct spelling *spelling, UChar32 first, UChar32 ret_parts[MAX_JOINED])
{
	size_t count = 0;
	ret_parts[count++] = first;
	for (;;) {
		UChar32 next = peek(spelling);
		if (next == EMOJI_STYLE || next == TEXT_STYLE || (next && is_tone(next))) {
			take(spelling);
			continue;
		}
		if (next != JOINER)
			return count;
		take(spelling);
		if (!is_pictograph(peek(spelling)))
			return count;
		UChar32 part = take(spelling);
		if (count < MAX_JOINED)
			ret_parts[count++] = part;
	}
}

static int write_emoji(struct spelling *spelling, UChar32 first)
{
	UChar32 parts[MAX_JOINED];
	if (is_regional(first) && spelling->named < VIVA_EMOJI_MAX_NAMED) {
		spelling->named++;
		return write_flag(spelling, first);
	}
	size_t count = take_sequence(spelling, first, parts);
	if (spelling->named == VIVA_EMOJI_MAX_NAMED) {
		int code = spelling->is_after_unnamed ? 0 : viva_buffer_append_text(&spelling->out, "[emoji]");
		spelling->is_after_unnamed = true;
		return code;
	}
	spelling->named++;
	int code = viva_buffer_append_text(&spelling->out, "[");
	for (size_t i = 0; i < count && code == 0; i++) {
		char name[MAX_NAME];
		name_of(parts[i], name);
		code = viva_buffer_printf(&spelling->out, "%s%s", i > 0 ? " + " : "", name);
	}
	return code == 0 ? viva_buffer_append_text(&spelling->out, "]") : code;
}

static int write_character(struct spelling *spelling, UChar32 character)
{
	uint8_t bytes[4];
	size_t size = 0;
	// Styles only choose between a font for text and one for emoji.
	if (character == EMOJI_STYLE || character == TEXT_STYLE)
		return 0;
	spelling->is_after_unnamed = false;
	viva_utf8_put(bytes, &size, character);
	return viva_buffer_append(&spelling->out, bytes, size);
}

static bool has_any(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		UChar32 character = viva_utf8_next((const uint8_t *)text, &at);
		if (character == EMOJI_STYLE || character == TEXT_STYLE ||
		    (character >= 0x231a && is_emoji(character)))  // the first of them
			return true;
	}
	return false;
}

char *viva_emoji_spell(const char *text)
{
	size_t size = strlen(text);
	if (!has_any(text, size))
		return NULL;
	struct spelling spelling = {
		.text = (const uint8_t *)text,
		.size = size,
		.out = {.limit = size + 2 * size + (size_t)VIVA_EMOJI_MAX_NAMED * MAX_JOINED * MAX_NAME}};
	int code = 0;
	while (spelling.at < size && code == 0) {
		UChar32 character = take(&spelling);
		code = is_emoji(character) ? write_emoji(&spelling, character) : write_character(&spelling, character);
	}
	if (code == 0)
		code = viva_buffer_append(&spelling.out, "", 1);
	if (code == 0)
		return (char *)spelling.out.data;
	viva_buffer_finish(&spelling.out);
	return NULL;
}
