// SPDX-License-Identifier: Apache-2.0
//
// Tables from anywhere for an audit: what is read has as many cells in each row as there are columns, and written with
// every cell in quotes it reads the same again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "review/audit_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_cell(const char *cell)
{
	size_t size = cell ? strlen(cell) : 0;
	require(cell && size <= AUDIT_MAX_CELL_BYTES);
	require(size == 0 || (!strchr(" \t", cell[0]) && !strchr(" \t", cell[size - 1])));
}

static void write_cell(struct viva_buffer *out, const char *cell, bool is_last)
{
	int code = viva_buffer_append(out, "\"", 1);
	for (; *cell && code == 0; cell++)
		code = *cell == '"' ? viva_buffer_append(out, "\"\"", 2) : viva_buffer_append(out, cell, 1);
	if (code == 0)
		code = is_last ? viva_buffer_append(out, "\"\r\n", 3) : viva_buffer_append(out, "\",", 2);
	require(code == 0);
}

static void check_again(const struct audit_table *table, struct viva_arena *arena)
{
	struct viva_buffer out = {.limit = 64 << 20};
	struct audit_table again;
	size_t count = (table->row_count + 1) * table->column_count;
	// The names stand before the cells.
	for (size_t i = 0; i < count; i++)
		write_cell(&out, table->names[i], i % table->column_count == table->column_count - 1);
	require(audit_table_parse((const char *)out.data, out.size, arena, &again, NULL) == 0);
	require(again.row_count == table->row_count && again.column_count == table->column_count);
	for (size_t i = 0; i < count; i++)
		require(strcmp(again.names[i], table->names[i]) == 0);
	viva_buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct audit_table table;
	struct viva_error error = {0};
	if (viva_arena_create(0, &arena) != 0)
		return 0;
	if (audit_table_parse((const char *)data, size, arena, &table, &error) != 0) {
		require(error.message[0] != '\0');
		return 0;
	}
	require(table.column_count > 0 && table.column_count <= AUDIT_MAX_COLUMNS);
	for (size_t column = 0; column < table.column_count; column++) {
		check_cell(table.names[column]);
		const char *name = table.names[column];
		require(name[0] == '\0' || audit_table_column(&table, name, strlen(name)) == column);
	}
	for (size_t row = 0; row < table.row_count; row++) {
		require(row == 0 || table.lines[row] > table.lines[row - 1]);
		for (size_t column = 0; column < table.column_count; column++)
			check_cell(audit_table_cell(&table, row, column));
	}
	check_again(&table, arena);
	return 0;
}
