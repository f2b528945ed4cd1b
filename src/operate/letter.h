// SPDX-License-Identifier: Apache-2.0
//
// A dead letter as an operator sees it. Contents are summarised: they may be a candidate's face or words.
//
// Threads: any; nothing blocks.
#ifndef VIVA_OPERATE_LETTER_H
#define VIVA_OPERATE_LETTER_H

#include "base/json.h"
#include "bus/bus.h"

enum { OPERATE_LETTER_COLUMNS = 6 };

// The row of a table, in the arena; headings for NULL.
void operate_letter_cells(struct viva_arena *arena, const struct viva_bus_dead_letter *letter,
			  const char *ret_cells[OPERATE_LETTER_COLUMNS]);
// All but the body as an object; NULL when there is no memory.
json_t *operate_letter_json(struct viva_arena *arena, const struct viva_bus_dead_letter *letter);
// The body's size and the kind and size of each member: {"bytes": …, "members": {"image_data": "text of 5 bytes", …}};
// members are null unless it is a JSON object. NULL when there is no memory.
json_t *operate_body_json(struct viva_bytes body);
// All of the letter, its body as summary, for people.
void operate_print_letter(struct viva_arena *arena, const struct viva_bus_dead_letter *letter);

#endif
