// SPDX-License-Identifier: Apache-2.0
//
// What a store backend provides: one const table of functions, chosen by the scheme of the store's URL.
//
// Threads: as store.h says of the function that each entry stands behind.
#ifndef VIVA_STORE_BACKEND_H
#define VIVA_STORE_BACKEND_H

#include "store/store.h"

// Each entry does what its namesake in store.h promises; outputs may be NULL only where they may there.
struct viva_store_backend {
	const char *schemes[2];  // "sqlite": serves URLs that begin with "sqlite:"; the second may be NULL
	// `location` is the URL's rest after the scheme's colon. The options were checked and outlive the call only.
	int (*open)(const struct viva_store_options *options, const char *location, struct viva_store **ret_store,
		    struct viva_error *error);
	void (*destroy)(struct viva_store *store);
	int (*query)(struct viva_store *store, struct viva_arena *arena, const char *sql,
		     const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
		     struct viva_error *error);
	int (*transact)(struct viva_store *store, viva_store_work *work, void *context, struct viva_error *error);
	int (*transaction_execute)(struct viva_store_transaction *transaction, const char *sql,
				   const struct viva_value *values, size_t value_count, int64_t *ret_changed,
				   struct viva_error *error);
	int (*transaction_query)(struct viva_store_transaction *transaction, struct viva_arena *arena, const char *sql,
				 const struct viva_value *values, size_t value_count, struct viva_rows *ret_rows,
				 struct viva_error *error);
	// NULL: transactions run one after another. The name was checked.
	int (*transaction_lock)(struct viva_store_transaction *transaction, const char *name, struct viva_error *error);
	int (*transaction_try_lock)(struct viva_store_transaction *transaction, const char *name, bool *ret_is_locked,
				    struct viva_error *error);
	int (*scrub)(struct viva_store *store, struct viva_error *error);
	int (*ping)(struct viva_store *store, struct viva_error *error);
	// NULL: transact does as well.
	int (*transact_lazily)(struct viva_store *store, viva_store_work *work, void *context,
			       struct viva_error *error);
};

// The first member of a backend's own store and transaction.
struct viva_store {
	const struct viva_store_backend *backend;
};
struct viva_store_transaction {
	const struct viva_store_backend *backend;
};

extern const struct viva_store_backend viva_store_sqlite;
extern const struct viva_store_backend viva_store_postgres;

#endif
