// SPDX-License-Identifier: Apache-2.0
//
// The worker's tables.
//
//   worker_frames       one row for each frame that was passed on or thinned out: its outcome
//   worker_drops        one row for each other message of a frame: a duplicate, of an erased session, or invalid
//   worker_ledger       both as one, for whoever counts: session_id, outcome, at
//   worker_sessions     the newest frame of a session that was passed on; and whether the session was erased
//   worker_inbox        completions and scores that were dealt with
//   worker_deliveries   webhooks: what is to be sent where, and what became of it
//
// Threads: any; nothing blocks.
#ifndef VIVA_WORKER_SCHEMA_H
#define VIVA_WORKER_SCHEMA_H

#include "store/store.h"

// Opens the store at `url`, with so many connections of each kind (viva_store_options), and brings the worker's tables
// up to date. The errors of viva_store_open.
VIVA_MUST_CHECK int worker_store_open(const char *url, size_t connections, struct viva_store **ret_store,
				      struct viva_error *error);

#endif
