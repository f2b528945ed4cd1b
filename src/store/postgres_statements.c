// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static bool is_same(const struct viva_postgres_statement *statement, uint64_t hash, const char *sql,
		    const struct viva_postgres_parameters *parameters)
{
	return statement->sql && statement->hash == hash && statement->type_count == parameters->count &&
	       strcmp(statement->sql, sql) == 0 &&
	       memcmp(statement->types, parameters->types, parameters->count * sizeof(Oid)) == 0;
}

static void forget(struct viva_postgres_statement *statement)
{
	free(statement->sql);
	free(statement->types);
	*statement = (struct viva_postgres_statement){0};
}

static int fill(struct viva_postgres_statements *statements, struct viva_postgres_statement *slot, uint64_t hash,
		const char *sql, const struct viva_postgres_parameters *parameters, struct viva_error *error)
{
	if (viva_postgres_parameter_count(sql) != parameters->count)
		return viva_fail(error, VIVA_EIO, NULL, "the statement has other parameters than the %zu given",
				 parameters->count);
	VIVA_AUTO_FREE char *copy = strdup(sql);
	size_t types_size = parameters->count * sizeof(Oid);
	VIVA_AUTO_FREE Oid *types = malloc(VIVA_MAX(types_size, sizeof(Oid)));
	if (!copy || !types)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for the store");
	memcpy(types, parameters->types, types_size);
	forget(slot);
	slot->sql = viva_take(&copy);
	slot->types = viva_take(&types);
	slot->type_count = parameters->count;
	slot->hash = hash;
	snprintf(slot->name, sizeof slot->name, "viva_%llu", (unsigned long long)++statements->names);
	return 0;
}

int viva_postgres_statements_find(struct viva_postgres_statements *statements, const char *sql,
				  const struct viva_postgres_parameters *parameters,
				  struct viva_postgres_statement **ret_statement, bool *ret_is_evicting,
				  struct viva_error *error)
{
	uint64_t hash = viva_hash_more(VIVA_HASH_START, sql, strlen(sql));
	hash = viva_hash_more(hash, parameters->types, parameters->count * sizeof(Oid));
	struct viva_postgres_statement *slot = &statements->slots[0];
	for (size_t i = 0; i < VIVA_POSTGRES_STATEMENTS; i++) {
		struct viva_postgres_statement *candidate = &statements->slots[i];
		if (is_same(candidate, hash, sql, parameters)) {
			slot = candidate;
			break;
		}
		if (candidate->used < slot->used)
			slot = candidate;
	}
	bool is_evicting = false;
	if (!is_same(slot, hash, sql, parameters)) {
		is_evicting = slot->state == VIVA_POSTGRES_PREPARED;
		int status = fill(statements, slot, hash, sql, parameters, error);
		if (status)
			return status;
	}
	slot->used = ++statements->uses;
	*ret_is_evicting = is_evicting;
	*ret_statement = slot;
	return 0;
}

void viva_postgres_statements_forget_preparing(struct viva_postgres_statements *statements)
{
	for (size_t i = 0; i < VIVA_POSTGRES_STATEMENTS; i++) {
		if (statements->slots[i].state == VIVA_POSTGRES_PREPARING)
			forget(&statements->slots[i]);
	}
}

void viva_postgres_statements_finish(struct viva_postgres_statements *statements)
{
	for (size_t i = 0; i < VIVA_POSTGRES_STATEMENTS; i++)
		forget(&statements->slots[i]);
}
