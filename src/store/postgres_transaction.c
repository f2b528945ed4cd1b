// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_transaction.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// The inverse of `&transaction->transaction`, which is the first member.
static struct viva_postgres_transaction *of_base(struct viva_store_transaction *base)
{
	return (struct viva_postgres_transaction *)base;
}

static bool is_sound(const struct viva_postgres_transaction *transaction)
{
	return transaction->failure.kind == VIVA_POSTGRES_SOUND;
}

static int fail(const struct viva_postgres_transaction *transaction, struct viva_error *error)
{
	const struct viva_error *reason = &transaction->failure.error;
	if (error)
		*error = *reason;
	return reason->code;
}

// Statements of our own, which fail only for lack of memory.
static void send_plain(struct viva_postgres_transaction *transaction, const char *sql)
{
	struct viva_error *error = &transaction->failure.error;
	if (is_sound(transaction) && viva_postgres_send(transaction->connection, sql, NULL, 0, NULL, error))
		transaction->failure.kind = VIVA_POSTGRES_REFUSED;
}

void viva_postgres_transaction_begin(struct viva_postgres_transaction *transaction,
				     struct viva_postgres_connection *connection, bool is_careful, unsigned lock_ms)
{
	*transaction = (struct viva_postgres_transaction){
		.transaction = {.backend = &viva_store_postgres}, .connection = connection, .is_careful = is_careful};
	send_plain(transaction, "BEGIN");
	if (lock_ms == 0)
		return;
	char sql[64];
	snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %u", lock_ms);
	send_plain(transaction, sql);
}

// Settles what was sent. The transaction can't go on when a statement failed, but can when only rows were too many.
static int settle(struct viva_postgres_transaction *transaction, struct viva_error *error)
{
	struct viva_postgres_failure failure;
	int status = viva_postgres_settle(transaction->connection, &failure);
	if (status) {
		if (error)
			*error = failure.error;
		if (failure.kind != VIVA_POSTGRES_SOUND)
			transaction->failure = failure;
	}
	return status;
}

static int run_hopefully(struct viva_postgres_transaction *transaction, const char *sql,
			 const struct viva_value *values, size_t value_count, const struct viva_postgres_answer *answer,
			 struct viva_error *error)
{
	int status = viva_postgres_send(transaction->connection, sql, values, value_count, answer, error);
	if (!status && (answer || viva_postgres_is_full(transaction->connection)))
		status = settle(transaction, error);
	return status;
}

static int run_carefully(struct viva_postgres_transaction *transaction, const char *sql,
			 const struct viva_value *values, size_t value_count, const struct viva_postgres_answer *answer,
			 struct viva_error *error)
{
	send_plain(transaction, "SAVEPOINT viva_statement");
	if (!is_sound(transaction))
		return fail(transaction, error);
	struct viva_error refusal = {0};
	int refused = viva_postgres_send(transaction->connection, sql, values, value_count, answer, &refusal);
	send_plain(transaction, "RELEASE viva_statement");
	int status = is_sound(transaction) ? settle(transaction, error) : fail(transaction, error);
	if (transaction->failure.kind == VIVA_POSTGRES_REFUSED) {
		transaction->failure = (struct viva_postgres_failure){0};
		send_plain(transaction, "ROLLBACK TO viva_statement");
		send_plain(transaction, "RELEASE viva_statement");
		int undone = is_sound(transaction) ? settle(transaction, NULL) : fail(transaction, NULL);
		if (undone)
			return fail(transaction, error);
	}
	if (!status && refused && error)
		*error = refusal;
	return status ? status : refused;
}

static int run(struct viva_postgres_transaction *transaction, const char *sql, const struct viva_value *values,
	       size_t value_count, const struct viva_postgres_answer *answer, struct viva_error *error)
{
	if (!is_sound(transaction))
		return fail(transaction, error);
	return transaction->is_careful ? run_carefully(transaction, sql, values, value_count, answer, error)
				       : run_hopefully(transaction, sql, values, value_count, answer, error);
}

int viva_postgres_transaction_execute(struct viva_store_transaction *base, const char *sql,
				      const struct viva_value *values, size_t value_count, int64_t *ret_changed,
				      struct viva_error *error)
{
	struct viva_postgres_transaction *transaction = of_base(base);
	transaction->has_written = true;
	const struct viva_postgres_answer answer = {.ret_changed = ret_changed};
	return run(transaction, sql, values, value_count, ret_changed ? &answer : NULL, error);
}

static bool is_select(const char *sql)
{
	while (isspace((unsigned char)*sql))
		sql++;
	return strncasecmp(sql, "SELECT", 6) == 0 && isspace((unsigned char)sql[6]);
}

int viva_postgres_transaction_query(struct viva_store_transaction *base, struct viva_arena *arena, const char *sql,
				    const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
				    struct viva_error *error)
{
	struct viva_postgres_transaction *transaction = of_base(base);
	if (!is_select(sql))
		transaction->has_written = true;
	const struct viva_postgres_answer answer = {.arena = arena, .ret_rows = ret_rows};
	return run(transaction, sql, values, value_count, &answer, error);
}

int viva_postgres_transaction_lock(struct viva_store_transaction *base, const char *name, struct viva_error *error)
{
	// Names of other users of the database's advisory locks begin otherwise; two names of one hash only wait for
	// each other.
	struct viva_value values[] = {viva_value_text(name)};
	return run(of_base(base), "SELECT pg_advisory_xact_lock(hashtextextended('viva ' || $1, 0))", values,
		   VIVA_COUNT(values), NULL, error);
}

int viva_postgres_transaction_try_lock(struct viva_store_transaction *base, const char *name, bool *ret_is_locked,
				       struct viva_error *error)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	struct viva_rows rows = {0};
	struct viva_value values[] = {viva_value_text(name)};
	if (viva_arena_create(0, &arena))
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory for a lock");
	const struct viva_postgres_answer answer = {.arena = arena, .ret_rows = &rows};
	int status = run(of_base(base), "SELECT pg_try_advisory_xact_lock(hashtextextended('viva ' || $1, 0))", values,
			 VIVA_COUNT(values), &answer, error);
	if (!status)
		*ret_is_locked = viva_rows_int(&rows, 0, 0) != 0;
	return status;
}

void viva_postgres_transaction_check(struct viva_postgres_transaction *transaction)
{
	if (is_sound(transaction) && viva_postgres_sent(transaction->connection) > 0)
		(void)!settle(transaction, NULL);
}

enum viva_postgres_outcome viva_postgres_transaction_commit(struct viva_postgres_transaction *transaction)
{
	// A later commit that does wait takes this one to the disk before it.
	if (transaction->is_lazy)
		send_plain(transaction, "SET LOCAL synchronous_commit = off");
	size_t position = viva_postgres_sent(transaction->connection);
	send_plain(transaction, "COMMIT");
	if (!is_sound(transaction))
		return VIVA_POSTGRES_NOT_COMMITTED;
	if (!settle(transaction, NULL) || is_sound(transaction))
		return VIVA_POSTGRES_COMMITTED;
	if (transaction->failure.kind != VIVA_POSTGRES_LOST)
		return VIVA_POSTGRES_NOT_COMMITTED;
	// The server ends a session in the middle of a statement, says so, and does none of those behind it.
	bool is_known = transaction->failure.is_told && transaction->failure.position < position;
	return is_known ? VIVA_POSTGRES_NOT_COMMITTED : VIVA_POSTGRES_UNKNOWN;
}

void viva_postgres_transaction_roll_back(struct viva_postgres_transaction *transaction)
{
	struct viva_postgres_connection *connection = transaction->connection;
	if (transaction->failure.kind == VIVA_POSTGRES_LOST)
		return;
	// What is still on its way may fail; then the server skips all behind it up to here, so this goes by itself.
	struct viva_postgres_failure failure;
	if (viva_postgres_sent(connection) > 0)
		(void)!viva_postgres_settle(connection, &failure);
	if (viva_postgres_run(connection, "ROLLBACK", NULL, 0, NULL, NULL))
		viva_postgres_give_up(connection);
}
