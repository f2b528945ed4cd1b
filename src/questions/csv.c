// SPDX-License-Identifier: Apache-2.0
#include "questions/csv.h"

#include <string.h>

struct viva_csv_reader viva_csv_read(struct viva_bytes text)
{
	struct viva_csv_reader reader = {.text = text, .separator = ','};
	if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		reader.position = 3;
	// Spreadsheets write semicolons where the comma is the decimal sign.
	for (size_t i = reader.position; i < text.size && text.data[i] != '\n' && text.data[i] != ','; i++) {
		if (text.data[i] == ';')
			reader.separator = ';';
	}
	return reader;
}

static bool is_at(const struct viva_csv_reader *reader, char what)
{
	return reader->position < reader->text.size && reader->text.data[reader->position] == (uint8_t)what;
}

static int read_quoted(struct viva_csv_reader *reader, char *field, struct viva_error *error)
{
	size_t size = 0;
	for (reader->position++; reader->position < reader->text.size; reader->position++) {
		char byte = (char)reader->text.data[reader->position];
		if (byte != '"') {
			field[size++] = byte;
			continue;
		}
		reader->position++;
		if (!is_at(reader, '"')) {
			field[size] = '\0';
			return 0;
		}
		field[size++] = '"';
	}
	return viva_fail(error, VIVA_EFIELD, NULL, "row %zu: a quote is not closed", reader->row);
}

// Bytes up to the quote that closes the field, at most.
static size_t quoted_size(const struct viva_csv_reader *reader)
{
	size_t at = reader->position + 1;
	while (at < reader->text.size &&
	       (reader->text.data[at] != '"' || (at + 1 < reader->text.size && reader->text.data[at + 1] == '"')))
		at += reader->text.data[at] == '"' ? 2 : 1;
	return at - reader->position;
}

static int read_field(struct viva_csv_reader *reader, struct viva_arena *arena, const char **ret_field,
		      struct viva_error *error)
{
	const uint8_t *begin = reader->text.data + reader->position;
	size_t rest = reader->text.size - reader->position;
	if (is_at(reader, '"')) {
		char *field = viva_arena_alloc(arena, quoted_size(reader) + 1);
		int code = field ? read_quoted(reader, field, error) : VIVA_ENOMEM;
		*ret_field = field;
		return code;
	}
	size_t size = 0;
	while (size < rest && begin[size] != (uint8_t)reader->separator && begin[size] != '\n' && begin[size] != '\r')
		size++;
	reader->position += size;
	*ret_field = viva_arena_text(arena, (const char *)begin, size);
	return *ret_field ? 0 : VIVA_ENOMEM;
}

static void skip_line_end(struct viva_csv_reader *reader)
{
	if (is_at(reader, '\r'))
		reader->position++;
	if (is_at(reader, '\n'))
		reader->position++;
}

int viva_csv_next(struct viva_csv_reader *reader, struct viva_arena *arena, const char *ret_fields[VIVA_CSV_MAX_FIELDS],
		  size_t *ret_count, struct viva_error *error)
{
	*ret_count = 0;
	if (memchr(reader->text.data, '\0', reader->text.size))
		return viva_fail(error, VIVA_EFIELD, NULL, "it holds a NUL, so it is no text");
	while (is_at(reader, '\n') || is_at(reader, '\r')) {
		reader->row++;
		skip_line_end(reader);
	}
	if (reader->position >= reader->text.size)
		return 0;
	reader->row++;
	for (;;) {
		if (*ret_count == VIVA_CSV_MAX_FIELDS)
			return viva_fail(error, VIVA_EFIELD, NULL, "row %zu has more than %d fields", reader->row,
					 VIVA_CSV_MAX_FIELDS);
		int code = read_field(reader, arena, &ret_fields[*ret_count], error);
		if (code != 0)
			return code;
		(*ret_count)++;
		if (!is_at(reader, reader->separator))
			break;
		reader->position++;
	}
	if (reader->position < reader->text.size && !is_at(reader, '\n') && !is_at(reader, '\r'))
		return viva_fail(error, VIVA_EFIELD, NULL, "row %zu: text follows a closed quote", reader->row);
	skip_line_end(reader);
	return 0;
}

int viva_csv_append(struct viva_buffer *out, const char *field)
{
	if (!strpbrk(field, ",;\"\r\n"))
		return viva_buffer_append_text(out, field);
	int code = viva_buffer_append(out, "\"", 1);
	for (const char *at = field; *at && code == 0; at++)
		code = *at == '"' ? viva_buffer_append(out, "\"\"", 2) : viva_buffer_append(out, at, 1);
	return code == 0 ? viva_buffer_append(out, "\"", 1) : code;
}
