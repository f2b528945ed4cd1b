// SPDX-License-Identifier: Apache-2.0
#include "review/audit_table.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

struct reader {
	const char *text;
	size_t size, at;
	size_t line;
	struct viva_arena *arena;
	struct viva_error *error;
	const char **cells;  // with the names
	size_t *lines;
	size_t cell_count, row_count, column_count, cell_capacity, row_capacity;
};

static int fail(struct reader *reader, const char *what)
{
	return viva_fail(reader->error, VIVA_EUSAGE, NULL, "line %zu: %s", reader->line, what);
}

static bool is_over(const struct reader *reader)
{
	return reader->at == reader->size;
}

static bool is_line_end(const struct reader *reader)
{
	return is_over(reader) || reader->text[reader->at] == '\n' ||
	       (reader->text[reader->at] == '\r' && reader->at + 1 < reader->size &&
		reader->text[reader->at + 1] == '\n');
}

static void step_over_line_end(struct reader *reader)
{
	if (!is_over(reader) && reader->text[reader->at] == '\r')
		reader->at++;
	if (!is_over(reader))
		reader->at++;
	reader->line++;
}

static const char *trimmed(struct reader *reader, const char *text, size_t size)
{
	while (size > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		size--;
	}
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	return viva_arena_text(reader->arena, text, size);
}

static int read_quoted(struct reader *reader, char cell[AUDIT_MAX_CELL_BYTES], size_t *ret_size)
{
	size_t size = 0;
	for (reader->at++;; reader->at++) {
		if (is_over(reader))
			return fail(reader, "a quotation mark is never closed");
		char c = reader->text[reader->at];
		bool is_doubled = c == '"' && reader->at + 1 < reader->size && reader->text[reader->at + 1] == '"';
		if (c == '"' && !is_doubled)
			break;
		reader->at += is_doubled;
		reader->line += c == '\n';
		if (size == AUDIT_MAX_CELL_BYTES)
			return fail(reader, "a cell is longer than 1000 bytes");
		cell[size++] = c;
	}
	reader->at++;
	*ret_size = size;
	if (!is_line_end(reader) && reader->text[reader->at] != ',')
		return fail(reader, "after a closing quotation mark there must be a comma or the line's end");
	return 0;
}

static int read_cell(struct reader *reader, const char **ret_cell)
{
	char quoted[AUDIT_MAX_CELL_BYTES];
	const char *start = reader->text + reader->at;
	size_t size = 0;
	int status = 0;
	if (!is_over(reader) && *start == '"') {
		status = read_quoted(reader, quoted, &size);
		start = quoted;
	} else {
		while (!is_line_end(reader) && reader->text[reader->at] != ',')
			reader->at++;
		size = (size_t)(reader->text + reader->at - start);
		if (size > AUDIT_MAX_CELL_BYTES)
			status = fail(reader, "a cell is longer than 1000 bytes");
	}
	if (status)
		return status;
	*ret_cell = trimmed(reader, start, size);
	return *ret_cell ? 0 : VIVA_ENOMEM;
}

static int read_row(struct reader *reader)
{
	size_t count = 0;
	size_t line = reader->line;
	bool is_first = reader->row_count == 0;
	for (;; reader->at++) {
		if (reader->cell_count == reader->cell_capacity || count == AUDIT_MAX_COLUMNS)
			return fail(reader, "there are too many columns");
		int status = read_cell(reader, &reader->cells[reader->cell_count]);
		if (status)
			return status;
		reader->cell_count++;
		count++;
		if (is_line_end(reader))
			break;
	}
	if (!is_first && count != reader->column_count)
		return viva_fail(reader->error, VIVA_EUSAGE, NULL, "line %zu has %zu cells, the first one has %zu",
				 line, count, reader->column_count);
	step_over_line_end(reader);
	if (is_first)
		reader->column_count = count;
	reader->lines[reader->row_count++] = line;
	return 0;
}

// As many as there can be: each row ends a line, each cell a comma or a row.
static int make_room(struct reader *reader)
{
	size_t rows = 1;
	size_t commas = 0;
	for (size_t i = 0; i < reader->size; i++) {
		rows += reader->text[i] == '\n';
		commas += reader->text[i] == ',';
	}
	if (rows > AUDIT_MAX_ROWS + 2)
		return viva_fail(reader->error, VIVA_EUSAGE, NULL, "it has more than %d rows", (int)AUDIT_MAX_ROWS);
	reader->cell_capacity = rows + commas;
	reader->row_capacity = rows;
	reader->cells = viva_arena_alloc(reader->arena, reader->cell_capacity * sizeof(const char *));
	reader->lines = viva_arena_alloc(reader->arena, reader->row_capacity * sizeof *reader->lines);
	return reader->cells && reader->lines ? 0 : viva_fail(reader->error, VIVA_ENOMEM, NULL, "out of memory");
}

static int check_names(const struct reader *reader)
{
	for (size_t i = 0; i < reader->column_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (reader->cells[i][0] != '\0' && strcmp(reader->cells[i], reader->cells[j]) == 0)
				return viva_fail(reader->error, VIVA_EUSAGE, NULL, "two columns are called \"%.64s\"",
						 reader->cells[i]);
		}
	}
	return 0;
}

int audit_table_parse(const char *text, size_t size, struct viva_arena *arena, struct audit_table *ret_table,
		      struct viva_error *error)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct reader reader = {.text = text, .size = size, .line = 1, .arena = arena, .error = error};
	if (!viva_utf8_is_valid(text, size) || memchr(text, '\0', size))
		return viva_fail(error, VIVA_EUSAGE, NULL, "it is not text in UTF-8");
	if (size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
		reader.at = strlen(mark);
	int status = make_room(&reader);
	while (!status && !is_over(&reader)) {
		if (is_line_end(&reader))
			step_over_line_end(&reader);
		else
			status = read_row(&reader);
	}
	if (!status && reader.row_count == 0)
		status = viva_fail(error, VIVA_EUSAGE, NULL, "it is empty: its first line must name the columns");
	if (!status)
		status = check_names(&reader);
	if (status)
		return status;
	*ret_table = (struct audit_table){.row_count = reader.row_count - 1,
					  .column_count = reader.column_count,
					  .names = reader.cells,
					  .cells = reader.cells + reader.column_count,
					  .lines = reader.lines + 1};
	return 0;
}

int audit_table_read(const char *path, struct viva_arena *arena, struct audit_table *ret_table,
		     struct viva_error *error)
{
	VIVA_AUTO_FREE char *text = NULL;
	size_t size = 0;
	struct viva_error cause = {0};
	int status = viva_file_read(path, AUDIT_MAX_FILE_BYTES, &text, &size);
	if (status == VIVA_ELIMIT)
		return viva_fail(error, VIVA_EUSAGE, NULL, "%.120s is larger than %d MiB", path,
				 (int)(AUDIT_MAX_FILE_BYTES >> 20));
	if (status)
		return viva_fail(error, status, NULL, "%.120s can't be read: %s", path,
				 status == VIVA_ENOMEM ? "out of memory" : strerror(errno));
	status = audit_table_parse(text, size, arena, ret_table, &cause);
	return status ? viva_fail(error, status, NULL, "%.80s: %s", path, viva_error_message(&cause)) : 0;
}

size_t audit_table_column(const struct audit_table *table, const char *name, size_t size)
{
	size_t column = 0;
	while (column < table->column_count &&
	       (strlen(table->names[column]) != size || memcmp(table->names[column], name, size) != 0))
		column++;
	return column;
}

const char *audit_table_cell(const struct audit_table *table, size_t row, size_t column)
{
	return table->cells[row * table->column_count + column];
}
