// SPDX-License-Identifier: Apache-2.0
//
// The statements that are prepared on one connection, by their text and their parameters' types; the one used longest
// ago makes room.
//
// Threads: one owner at a time; nothing blocks.
#ifndef VIVA_STORE_POSTGRES_STATEMENTS_H
#define VIVA_STORE_POSTGRES_STATEMENTS_H

#include "store/postgres_values.h"

enum { VIVA_POSTGRES_STATEMENTS = 64, VIVA_POSTGRES_NAME_SIZE = 32 };

enum viva_postgres_statement_state {
	VIVA_POSTGRES_UNPREPARED,
	VIVA_POSTGRES_PREPARING,  // on its way to the server
	VIVA_POSTGRES_PREPARED,
};

struct viva_postgres_statement {
	enum viva_postgres_statement_state state;
	char *sql;   // NULL: a free slot
	Oid *types;  // type_count of them
	size_t type_count;
	uint64_t hash;
	uint64_t used;
	char name[VIVA_POSTGRES_NAME_SIZE];  // on the server; never used twice
};

struct viva_postgres_statements {
	struct viva_postgres_statement slots[VIVA_POSTGRES_STATEMENTS];
	uint64_t uses;
	uint64_t names;
};

// Finds the statement or gives it a slot, UNPREPARED. *ret_is_evicting: another had to go, which the server still
// knows. VIVA_EIO (the text has other parameters than those given), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_statements_find(struct viva_postgres_statements *statements, const char *sql,
						  const struct viva_postgres_parameters *parameters,
						  struct viva_postgres_statement **ret_statement, bool *ret_is_evicting,
						  struct viva_error *error);
// Forgets those on their way: they never arrived.
void viva_postgres_statements_forget_preparing(struct viva_postgres_statements *statements);
void viva_postgres_statements_finish(struct viva_postgres_statements *statements);  // forgets all; usable again

#endif
