// SPDX-License-Identifier: Apache-2.0
//
// A transaction on one connection, in one of two manners.
//
// Hopeful: statements whose results nobody asked for are sent together with the next that somebody did, or with the
// commit, and are taken to succeed. Should one fail, the whole transaction is given up and its work must be run again.
// Careful: each statement is waited for, in a savepoint, so that the work is told of a failure and may go on.
//
// Threads: one at a time; all but begin block on the server.
#ifndef VIVA_STORE_POSTGRES_TRANSACTION_H
#define VIVA_STORE_POSTGRES_TRANSACTION_H

#include "store/postgres_connection.h"
#include "store/store_backend.h"

// What a transaction's work is given.
struct viva_postgres_transaction {
	struct viva_store_transaction transaction;
	struct viva_postgres_connection *connection;
	bool is_careful;
	bool is_lazy;                          // its commit need not wait for the disk
	bool has_written;                      // since this was last set to false, perhaps
	struct viva_postgres_failure failure;  // kind SOUND as long as it can go on
};

// `lock_ms`: how long it may wait for a lock, 0 = as long as the session's statements may. Nothing is waited for.
void viva_postgres_transaction_begin(struct viva_postgres_transaction *transaction,
				     struct viva_postgres_connection *connection, bool is_careful, unsigned lock_ms);
// What the store's functions of the same names do; all fail once the transaction can't go on.
VIVA_MUST_CHECK int viva_postgres_transaction_execute(struct viva_store_transaction *transaction, const char *sql,
						      const struct viva_value *values, size_t value_count,
						      int64_t *ret_changed, struct viva_error *error);
VIVA_MUST_CHECK int viva_postgres_transaction_query(struct viva_store_transaction *transaction,
						    struct viva_arena *arena, const char *sql,
						    const struct viva_value *values, size_t value_count,
						    struct viva_rows *ret_rows, struct viva_error *error);
VIVA_MUST_CHECK int viva_postgres_transaction_lock(struct viva_store_transaction *transaction, const char *name,
						   struct viva_error *error);
VIVA_MUST_CHECK int viva_postgres_transaction_try_lock(struct viva_store_transaction *transaction, const char *name,
						       bool *ret_is_locked, struct viva_error *error);

// Waits for what was sent, when the work gave up: perhaps it did so because it was not told of a failure.
void viva_postgres_transaction_check(struct viva_postgres_transaction *transaction);

// How an attempt to commit ended.
enum viva_postgres_outcome {
	VIVA_POSTGRES_COMMITTED,
	VIVA_POSTGRES_NOT_COMMITTED,  // transaction->failure says why
	VIVA_POSTGRES_UNKNOWN,        // the connection broke in the middle
};
enum viva_postgres_outcome viva_postgres_transaction_commit(struct viva_postgres_transaction *transaction);
// Ends a transaction that is not to be committed, whatever state it is in.
void viva_postgres_transaction_roll_back(struct viva_postgres_transaction *transaction);

#endif
