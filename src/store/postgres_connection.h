// SPDX-License-Identifier: Apache-2.0
//
// One connection to PostgreSQL in pipeline mode: statements are sent without waiting, then settled together in one
// round trip. Statements stay prepared.
//
//   connect → ready ⇄ statements sent → settle → ready …     a failure of the connection → broken → disconnect
//
// Threads: one owner at a time; connect and settle block on the server.
#ifndef VIVA_STORE_POSTGRES_CONNECTION_H
#define VIVA_STORE_POSTGRES_CONNECTION_H

#include "store/postgres_error.h"
#include "store/postgres_url.h"

enum viva_postgres_role {
	VIVA_POSTGRES_READER,  // its statements can't write
	VIVA_POSTGRES_WRITER,
	VIVA_POSTGRES_KEEPER,  // for migrations and vacuum: statements may take as long as they need
};

struct viva_postgres_connection;

// VIVA_EUNAVAILABLE (no connection, for whatever reason: libpq tells no SQLSTATE of these), VIVA_EIO (a database of
// another encoding than UTF-8, or older than PostgreSQL 12), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_connect(const struct viva_postgres_url *url, enum viva_postgres_role role,
					  struct viva_postgres_connection **ret_connection, struct viva_error *error);
// After connect failed: whether there is a server that answers, and does not want us (wrong password, no such database,
// no connection left). Connects once more to find out.
bool viva_postgres_is_refusing(const struct viva_postgres_url *url);
// NULL is fine. Always NULL.
struct viva_postgres_connection *viva_postgres_disconnect(struct viva_postgres_connection *connection);

// Whether the connection can be used; with nothing sent, outside of a transaction, it also looks whether the
// server has closed it. Never waits, but on one that has to forget statements first, which is rare.
bool viva_postgres_is_usable(struct viva_postgres_connection *connection);

// Lets nobody use it again: it is in a state that nobody can say.
void viva_postgres_give_up(struct viva_postgres_connection *connection);

// Where a statement's results go when it is settled; must stay until then.
struct viva_postgres_answer {
	struct viva_arena *arena;    // of the rows
	struct viva_rows *ret_rows;  // NULL: rows are dropped
	int64_t *ret_changed;        // NULL: not asked for
};

// Queues one statement; `answer` may be NULL. The values are copied. On failure nothing was queued, and the connection
// is as before: VIVA_EIO (other parameters than values), VIVA_ELIMIT (a value too large), VIVA_ENOMEM. A connection
// that breaks here tells so when it is settled.
VIVA_MUST_CHECK int viva_postgres_send(struct viva_postgres_connection *connection, const char *sql,
				       const struct viva_value *values, size_t value_count,
				       const struct viva_postgres_answer *answer, struct viva_error *error);
// How many statements wait to be settled; whether no more should be sent before.
size_t viva_postgres_sent(const struct viva_postgres_connection *connection);
bool viva_postgres_is_full(const struct viva_postgres_connection *connection);

// What went wrong while settling.
struct viva_postgres_failure {
	enum viva_postgres_failure_kind kind;
	size_t position;  // of the first statement that failed, among those sent; all before it succeeded
	bool is_told;     // the server said so, rather than vanish: nothing from `position` on was done
	struct viva_error error;
};

// Waits until all that was sent is answered: 0 and *ret_failure untouched, or the error of the first that failed; those
// behind it were not done. After LOST the connection is broken. VIVA_ENOMEM with SOUND: all was done, but the rows of
// one passed the arena's limit.
VIVA_MUST_CHECK int viva_postgres_settle(struct viva_postgres_connection *connection,
					 struct viva_postgres_failure *ret_failure);

// send and settle of a single statement, for those who don't care what kind of failure it was.
VIVA_MUST_CHECK int viva_postgres_run(struct viva_postgres_connection *connection, const char *sql,
				      const struct viva_value *values, size_t value_count,
				      const struct viva_postgres_answer *answer, struct viva_error *error);
// Several statements without parameters or rows, as the server's command line takes them; outside of a pipeline.
VIVA_MUST_CHECK int viva_postgres_run_script(struct viva_postgres_connection *connection, const char *sql,
					     struct viva_error *error);

#endif
