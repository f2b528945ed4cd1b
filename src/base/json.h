// SPDX-License-Identifier: Apache-2.0
//
// jansson with limits on depth and size, and getters that name the field at fault.
//
// Threads: a json_t tree has one owner at a time; nothing blocks.
#ifndef VIVA_BASE_JSON_H
#define VIVA_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

enum { VIVA_JSON_MAX_DEPTH = 32 };

static inline void viva_json_decref_at_scope_end(json_t **json)
{
	json_decref(*json);
}
#define VIVA_AUTO_JSON __attribute__((cleanup(viva_json_decref_at_scope_end))) json_t *

// Parses one value. Checked before a tree is built: at most max_bytes, at most VIVA_JSON_MAX_DEPTH levels, valid UTF-8.
// Duplicate members and \u0000 are refused. VIVA_EJSON (where and why in *error), VIVA_EBODYSIZE, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_json_parse(struct viva_bytes text, size_t max_bytes, json_t **ret_json,
				    struct viva_error *error);
// As parse, but the value must be an object: VIVA_EFIELD otherwise.
VIVA_MUST_CHECK int viva_json_parse_object(struct viva_bytes text, size_t max_bytes, json_t **ret_json,
					   struct viva_error *error);
// As parse_object, but of members of the same name the last one counts, as in Go and most other readers.
VIVA_MUST_CHECK int viva_json_parse_object_last_wins(struct viva_bytes text, size_t max_bytes, json_t **ret_json,
						     struct viva_error *error);

// Getters of an object's members. A missing or null member gives VIVA_EFIELD if `required`, else leaves *ret as it is.
// A member of another type or out of range gives VIVA_EFIELD and names it.
VIVA_MUST_CHECK int viva_json_get_text(const json_t *object, const char *name, bool required, size_t min_bytes,
				       size_t max_bytes, const char **ret_text, struct viva_error *error);
VIVA_MUST_CHECK int viva_json_get_int(const json_t *object, const char *name, bool required, int64_t min, int64_t max,
				      int64_t *ret_value, struct viva_error *error);
VIVA_MUST_CHECK int viva_json_get_double(const json_t *object, const char *name, bool required, double min, double max,
					 double *ret_value, struct viva_error *error);
VIVA_MUST_CHECK int viva_json_get_bool(const json_t *object, const char *name, bool required, bool *ret_value,
				       struct viva_error *error);
VIVA_MUST_CHECK int viva_json_get_object(const json_t *object, const char *name, bool required, json_t **ret_object,
					 struct viva_error *error);  // borrowed
VIVA_MUST_CHECK int viva_json_get_array(const json_t *object, const char *name, bool required, size_t max_items,
					json_t **ret_array, struct viva_error *error);  // borrowed

// Compact text in the arena, NULL when memory is exhausted. Members keep their order of insertion.
char *viva_json_text(struct viva_arena *arena, const json_t *json);

// A number rounded to `digits` decimals, so that 0.87 does not print as 0.8700000047683716.
json_t *viva_json_real(double value, int digits);

#endif
