// SPDX-License-Identifier: Apache-2.0
//
// Rows of a query as they come from a backend; handed out in the arena when the last one is there.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_STORE_ROW_COLLECTOR_H
#define VIVA_STORE_ROW_COLLECTOR_H

#include "store/store.h"

// `{.arena = arena}` is a valid empty one; values' bytes are the backend's to put into the arena.
struct viva_row_collector {
	struct viva_arena *arena;
	struct viva_value *values;
	size_t count;
	size_t capacity;
};

// Room for the values of one more row: write all of them, then add their number to count. NULL = no memory.
struct viva_value *viva_row_collector_next(struct viva_row_collector *collector, size_t columns);
// Gives the rows out. VIVA_ENOMEM (also when they pass the arena's limit).
VIVA_MUST_CHECK int viva_row_collector_give(const struct viva_row_collector *collector, size_t columns,
					    struct viva_rows *ret_rows);
void viva_row_collector_finish(struct viva_row_collector *collector);

#endif
