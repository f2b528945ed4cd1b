// SPDX-License-Identifier: Apache-2.0
//
// Durable state behind one interface: SQL with $1-style parameters, transactions, migrations.
//
// The SQL is what SQLite and PostgreSQL both understand, and mean the same by:
// - column types TEXT, BYTEA, BIGINT, INTEGER (32 bits), DOUBLE PRECISION; truth values are INTEGER 0 and 1; no column
//   counts by itself: keys are made by the caller (UUIDs, numbers).
// - a parameter has the type of its value: a text is not compared with a number. NULL takes the type of its place.
// - texts are UTF-8 without NUL; their order is the database's, so nothing but paging may depend on it.
// - INSERT … ON CONFLICT … DO NOTHING | DO UPDATE SET … = excluded.…, RETURNING, WITH, partial indexes, CHECK,
// REFERENCES
//   … ON DELETE CASCADE, row values (a, b) IN (SELECT …), COALESCE, CASE, LIMIT; sums and counts read as numbers.
// - not: AUTOINCREMENT, rowid, WITHOUT ROWID, BLOB, INSERT OR …, IFNULL, two-argument max(), date functions, PRAGMA,
//   "text" in double quotes, FOR UPDATE (viva_transaction_lock does that).
//
// Threads: any but the event loop's: calls block on the disk or the server. A transaction's function runs on one
// thread.
#ifndef VIVA_STORE_H
#define VIVA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/macros.h"

struct viva_store;
struct viva_store_transaction;

enum viva_value_type { VIVA_VALUE_NULL, VIVA_VALUE_INT, VIVA_VALUE_REAL, VIVA_VALUE_TEXT, VIVA_VALUE_BYTES };

struct viva_value {
	enum viva_value_type type;
	int64_t integer;
	double real;
	struct viva_bytes bytes;  // of TEXT and BYTES; a text that was read is followed by a NUL
};

struct viva_value viva_value_null(void);
struct viva_value viva_value_int(int64_t value);
struct viva_value viva_value_real(double value);
struct viva_value viva_value_text(const char *text);  // NULL gives a null value; borrowed
struct viva_value viva_value_bytes(struct viva_bytes bytes);

// Rows of a query, in the arena that was given.
struct viva_rows {
	size_t row_count;
	size_t column_count;
	const struct viva_value *values;  // row by row
};
int64_t viva_rows_int(const struct viva_rows *rows, size_t row, size_t column);       // 0 for null
double viva_rows_real(const struct viva_rows *rows, size_t row, size_t column);       // 0 for null
const char *viva_rows_text(const struct viva_rows *rows, size_t row, size_t column);  // NULL for null
struct viva_bytes viva_rows_bytes(const struct viva_rows *rows, size_t row, size_t column);
bool viva_rows_is_null(const struct viva_rows *rows, size_t row, size_t column);

// One step of a schema, applied once, in the order of `version`, in a transaction of its own.
struct viva_migration {
	int version;      // 1, 2, …
	const char *sql;  // statements separated by ";"; the dialect that both backends understand
};

enum viva_durability {
	// An acknowledged commit survives power loss. SQLite: synchronous=FULL. PostgreSQL: what the server does.
	VIVA_DURABLE_POWER_LOSS,
	// … survives the death of any process, not of the machine, which may cost the last instant. SQLite:
	// synchronous=NORMAL. PostgreSQL: as above, since its own processes may die, too.
	VIVA_DURABLE_CRASH,
};

enum { VIVA_STORE_CONNECTIONS = 4 };
// The setting of a service (base/config.h) for both kinds of connections.
#define VIVA_STORE_CONNECTIONS_OPTION                                                                                  \
	{                                                                                                              \
		"store-connections", VIVA_OPTION_INT, "4", 1, 64, NULL,                                                \
			"Connections to the store for queries, and on PostgreSQL as many for transactions", false      \
	}

struct viva_store_options {
	const char *url;  // "sqlite:PATH", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?…" with all that libpq knows
	const char *service;  // whose migrations these are; tables carry its name as a prefix
	const struct viva_migration *migrations;
	size_t migration_count;
	enum viva_durability durability;
	size_t readers;      // connections for queries outside transactions. Default VIVA_STORE_CONNECTIONS.
	size_t writers;      // connections for transactions, made when needed. SQLite has one, whatever this says.
			     // Default VIVA_STORE_CONNECTIONS.
	uint32_t busy_ms;    // wait for another process's write, and for the server during an outage. Default 5,000.
	size_t max_batch;    // transactions that one commit may carry together. Default 256.
	size_t max_waiting;  // transactions that wait for the writer; one more is refused. Default 1,024.
	bool can_shrink;     // SQLite: a new file is made so that PRAGMA incremental_vacuum works. Default off.
};

struct viva_store_options viva_store_defaults(void);
// Opens or makes the store and brings its schema up to date; processes that start at once agree on who migrates.
// VIVA_EINVAL (url, a limit, or migrations that are not numbered 1, 2, …), VIVA_EIO (with the reason; also a schema
// that a newer version made), VIVA_EOVERLOAD (another process holds the store longer than busy_ms), VIVA_EUNAVAILABLE
// (the server can't be reached for busy_ms), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_store_open(const struct viva_store_options *options, struct viva_store **ret_store,
				    struct viva_error *error);
// Finishes the accepted transactions and closes. After the last call on it returned. NULL is fine. Always NULL.
struct viva_store *viva_store_destroy(struct viva_store *store);
VIVA_DEFINE_AUTO(viva_store)

// Reads outside a transaction: sees the last commit. `sql` is a constant: it stays prepared. Parameters are $1 … $n.
// VIVA_EIO, VIVA_EOVERLOAD (busy), VIVA_EUNAVAILABLE, VIVA_ENOMEM (also when the rows pass the arena's limit).
VIVA_MUST_CHECK int viva_store_query(struct viva_store *store, struct viva_arena *arena, const char *sql,
				     const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
				     struct viva_error *error);

// Runs work(transaction, context), and commits if it returns 0, else rolls back and returns its error. `work` may run
// more than once, each time on what is then in the store, and several transactions may share one commit; each is all or
// nothing. Durable on return. It must do no more than statements, and begin each run with its outputs as they were.
// VIVA_EIO, VIVA_EOVERLOAD (too many waiting, or another process writes for longer than busy_ms), VIVA_ENOMEM,
// VIVA_EUNAVAILABLE (PostgreSQL can't be reached: nothing was done, unless the connection broke in the middle of the
// commit: then nobody knows, so what is repeated must bear being done twice, by a key, a version or ON CONFLICT).
typedef int viva_store_work(struct viva_store_transaction *transaction, void *context, struct viva_error *error);
VIVA_MUST_CHECK int viva_store_transact(struct viva_store *store, viva_store_work *work, void *context,
					struct viva_error *error);
// As transact, but what it did may be lost when the machine or the database server dies: for what may be
// done again after power loss. Transactions keep their order: what is durable is so with all before it.
VIVA_MUST_CHECK int viva_store_transact_lazily(struct viva_store *store, viva_store_work *work, void *context,
					       struct viva_error *error);
// Inside a transaction. ret_changed (may be NULL) is the number of rows touched. A statement that a constraint refuses
// is VIVA_ECONFLICT and undone; the transaction may go on. Statements without ret_changed may be sent together, later;
// should one of them fail, `work` is run again and told. VIVA_EIO, VIVA_ELIMIT (a value too large), VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_transaction_execute(struct viva_store_transaction *transaction, const char *sql,
					     const struct viva_value *values, size_t value_count, int64_t *ret_changed,
					     struct viva_error *error);
VIVA_MUST_CHECK int viva_transaction_query(struct viva_store_transaction *transaction, struct viva_arena *arena,
					   const char *sql, const struct viva_value *values, size_t value_count,
					   struct viva_rows *ret_rows, struct viva_error *error);
// Inside a transaction: makes it the only one, of all processes, that has locked this name, until it ends. What waited
// for another sees what that one committed. Whoever decides by what it reads (is this session erased? may this state
// follow?) locks what the decision is about before it reads, and so does whoever makes the opposite true: PostgreSQL
// runs transactions at the same time, each statement seeing what was committed before it. A decision inside one
// statement (UPDATE … WHERE version = $1, ON CONFLICT) needs no lock. SQLite runs one transaction at a time: there this
// costs nothing. `name` is a constant prefix and an id: "emotion/" and the session, 1–200 bytes. More than one: in
// sorted order. VIVA_EINVAL (name), VIVA_EOVERLOAD (another holds it longer than busy_ms), VIVA_EIO.
VIVA_MUST_CHECK int viva_transaction_lock(struct viva_store_transaction *transaction, const char *name,
					  struct viva_error *error);
// The same without waiting: *ret_is_locked is false when another holds it. VIVA_EINVAL, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_transaction_try_lock(struct viva_store_transaction *transaction, const char *name,
					      bool *ret_is_locked, struct viva_error *error);
// One statement as a transaction of its own.
VIVA_MUST_CHECK int viva_store_execute(struct viva_store *store, const char *sql, const struct viva_value *values,
				       size_t value_count, int64_t *ret_changed, struct viva_error *error);

// Makes what was deleted before unreadable in the store's files too (SQLite: overwritten pages, emptied WAL). Does what
// readers of other processes let it: VIVA_EOVERLOAD when they are in the way, to be tried again. VIVA_EIO.
VIVA_MUST_CHECK int viva_store_scrub(struct viva_store *store, struct viva_error *error);

// Whether the store answers now; for health checks. The errors of viva_store_query.
VIVA_MUST_CHECK int viva_store_ping(struct viva_store *store, struct viva_error *error);

#endif
