// SPDX-License-Identifier: Apache-2.0
//
// Values on their way to PostgreSQL and back, in its binary formats.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_STORE_POSTGRES_VALUES_H
#define VIVA_STORE_POSTGRES_VALUES_H

#include <libpq-fe.h>

#include "store/store.h"

enum {
	VIVA_POSTGRES_PARAMETERS = 999,
	VIVA_POSTGRES_MAX_VALUE_BYTES = 64 * 1024 * 1024,
};

// A statement's parameters as libpq takes them. A type follows its value; null's is 0, which leaves it to the place.
struct viva_postgres_parameters {
	size_t count;
	size_t bytes;  // of all values together
	Oid types[VIVA_POSTGRES_PARAMETERS];
	const char *values[VIVA_POSTGRES_PARAMETERS];  // point into the values that were given, or into `numbers`
	int lengths[VIVA_POSTGRES_PARAMETERS];
	int formats[VIVA_POSTGRES_PARAMETERS];
	char numbers[VIVA_POSTGRES_PARAMETERS][8];
};

// Valid while the values are. A real that is not a number is null, as in SQLite. VIVA_ELIMIT (too large), VIVA_EIO (too
// many).
VIVA_MUST_CHECK int viva_postgres_encode(const struct viva_value *values, size_t value_count,
					 struct viva_postgres_parameters *parameters, struct viva_error *error);
// How many parameters the text has: the largest n of its $n, outside of 'texts' and "names".
size_t viva_postgres_parameter_count(const char *sql);

// A value of a result's column of `type`; texts and bytes are copied into the arena. Whole numbers of any width and
// truth values are INT, a numeric is INT where it is whole by its type and fits, else REAL. VIVA_ENOMEM, VIVA_EIO
// (malformed, or a type that the store has no value for).
VIVA_MUST_CHECK int viva_postgres_decode(struct viva_arena *arena, Oid type, const void *data, size_t size,
					 struct viva_value *ret_value, struct viva_error *error);

#endif
