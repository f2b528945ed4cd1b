// SPDX-License-Identifier: Apache-2.0
//
// Runs transactions on a few connections. As long as a connection is free each has one of its own; those that had to
// wait share the next commit. The threads that wait do the work: there are no others.
//
// Threads: transact from any; it blocks until its transaction, and sometimes those of others, are done.
#ifndef VIVA_STORE_POSTGRES_WRITER_H
#define VIVA_STORE_POSTGRES_WRITER_H

#include "store/postgres_pool.h"

struct viva_postgres_writer;

// `pool` has options->writers connections; it is borrowed. VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_postgres_writer_create(struct viva_postgres_pool *pool,
						const struct viva_store_options *options,
						struct viva_postgres_writer **ret_writer);
// After the last transact returned. NULL is fine. Always NULL.
struct viva_postgres_writer *viva_postgres_writer_destroy(struct viva_postgres_writer *writer);
VIVA_DEFINE_AUTO(viva_postgres_writer)

// As viva_store_transact, or, lazily, as viva_store_transact_lazily.
VIVA_MUST_CHECK int viva_postgres_writer_transact(struct viva_postgres_writer *writer, viva_store_work *work,
						  void *context, bool is_lazy, struct viva_error *error);

#endif
