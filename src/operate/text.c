// SPDX-License-Identifier: Apache-2.0
#include "operate/text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

void operate_age_text(int64_t age_ms, char ret_text[24])
{
	static const struct {
		int64_t until_ms, unit_ms;
		const char *unit;
	} units[] = {{1000, 1, "ms"},
		     {120 * 1000, 1000, "s"},
		     {120 * 60 * 1000, 60 * 1000, "min"},
		     {48 * 3600 * 1000, 3600 * 1000, "h"},
		     {INT64_MAX, 24 * 3600 * 1000, "d"}};
	size_t i = 0;
	while (age_ms >= units[i].until_ms && i + 1 < VIVA_COUNT(units))
		i++;
	if (age_ms < 0)
		snprintf(ret_text, 24, "-");
	else
		snprintf(ret_text, 24, "%lld %s", (long long)(age_ms / units[i].unit_ms), units[i].unit);
}

// Bytes of the character at `text`, 0 when it is none.
static size_t character_size(const char *text)
{
	for (size_t size = 1; size <= 4 && text[size - 1] != '\0'; size++)
		if (viva_utf8_is_valid(text, size))
			return size;
	return 0;
}

const char *operate_clean_text(struct viva_arena *arena, const char *text)
{
	char *clean = viva_arena_text(arena, text, strlen(text));
	if (!clean)
		return "?";
	for (char *at = clean; *at;) {
		size_t size = character_size(at);
		unsigned char first = (unsigned char)at[0], second = size == 2 ? (unsigned char)at[1] : 0;
		// C0, delete, and C1 as UTF-8 has it.
		bool is_control = first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0 && size == 2);
		if (size != 0 && !is_control) {
			at += size;
			continue;
		}
		size = VIVA_MAX(size, (size_t)1);
		*at = '?';
		memmove(at + 1, at + size, strlen(at + size) + 1);
		at++;
	}
	return clean;
}

void operate_print_table(const char *const *cells, size_t rows, size_t columns, unsigned right)
{
	size_t widths[OPERATE_MAX_COLUMNS] = {0};
	for (size_t i = 0; i < rows * columns; i++) {
		size_t width = viva_utf8_length(cells[i], strlen(cells[i]));
		widths[i % columns] = VIVA_MAX(widths[i % columns], width);
	}
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;
		bool is_last = column + 1 == columns, is_right = right & 1u << column;
		int padding = (int)(widths[column] - viva_utf8_length(cells[i], strlen(cells[i])));
		printf("%*s%s%*s%s", is_right ? padding : 0, "", cells[i], is_right || is_last ? 0 : padding, "",
		       is_last ? "\n" : "  ");
	}
}
