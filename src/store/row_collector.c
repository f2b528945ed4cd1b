// SPDX-License-Identifier: Apache-2.0
#include "store/row_collector.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 8 };

struct viva_value *viva_row_collector_next(struct viva_row_collector *collector, size_t columns)
{
	if (collector->count + columns > collector->capacity) {
		size_t capacity = VIVA_MAX(collector->capacity * 2, columns * FIRST_ROWS);
		struct viva_value *values = realloc(collector->values, capacity * sizeof *values);
		if (!values)
			return NULL;
		collector->values = values;
		collector->capacity = capacity;
	}
	return &collector->values[collector->count];
}

int viva_row_collector_give(const struct viva_row_collector *collector, size_t columns, struct viva_rows *ret_rows)
{
	size_t size = collector->count * sizeof collector->values[0];
	struct viva_value *values = NULL;
	if (size > 0) {
		values = viva_arena_alloc(collector->arena, size);
		if (!values)
			return VIVA_ENOMEM;
		memcpy(values, collector->values, size);
	}
	*ret_rows = (struct viva_rows){
		.row_count = columns > 0 ? collector->count / columns : 0, .column_count = columns, .values = values};
	return 0;
}

void viva_row_collector_finish(struct viva_row_collector *collector)
{
	free(collector->values);
	*collector = (struct viva_row_collector){.arena = collector->arena};
}
