// SPDX-License-Identifier: Apache-2.0
//
// What an error of PostgreSQL means: for the caller, and for the transaction that it came up in.
//
// Threads: any; nothing blocks.
#ifndef VIVA_STORE_POSTGRES_ERROR_H
#define VIVA_STORE_POSTGRES_ERROR_H

#include "base/error.h"

enum viva_postgres_failure_kind {
	VIVA_POSTGRES_SOUND,      // no failure
	VIVA_POSTGRES_REFUSED,    // this statement is refused and would be again
	VIVA_POSTGRES_COLLISION,  // two transactions are in each other's way: a new run may succeed at once
	VIVA_POSTGRES_WAITED,     // it waited for a lock, or ran, as long as it may
	VIVA_POSTGRES_LOST,       // this connection is of no use any more; another may be
};

// Of an error with this SQLSTATE (PostgreSQL 15, appendix A); NULL or "" = libpq's own, which always means LOST.
enum viva_postgres_failure_kind viva_postgres_failure_kind(const char *sqlstate);

// Fills *error and gives its code back. `message` is the error's primary message: of some classes it quotes values, and
// is left out. Detail, hint and context of an error do so often: they must not come here at all.
// VIVA_ECONFLICT (a constraint), VIVA_EOVERLOAD (collision, waited, no resources), VIVA_EUNAVAILABLE (lost),
// VIVA_ELIMIT, VIVA_EIO.
int viva_postgres_fail(struct viva_error *error, const char *sqlstate, const char *message);

#endif
