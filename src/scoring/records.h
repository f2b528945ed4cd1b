// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a session: the request it was scored from, the response, and the details a report needs.
//
// Threads: any but the event loop's: calls block on the store.
#ifndef VIVA_SCORING_RECORDS_H
#define VIVA_SCORING_RECORDS_H

#include "base/json.h"
#include "scoring.pb-c.h"
#include "scoring/state.h"

// Opens the store, with so many connections of each kind (viva_store_options), and brings its schema up to date. Errors
// of viva_store_open.
VIVA_MUST_CHECK int scoring_records_open(const char *url, size_t connections, struct viva_store **ret_store,
					 struct viva_error *error);

struct scoring_record {
	const Scoring__ScoreRequest *request;
	const Scoring__ScoreResponse *response;
	const json_t *details;
	const char *traceparent;  // of who had it calculated; NULL = none
};

// Keeps the record in place of what was kept of this session before, and, if one of its numbers is new, tells the
// others by ScoreCalculated. Durable on return. VIVA_ENOTFOUND (the session was erased), or errors of
// viva_store_transact.
VIVA_MUST_CHECK int scoring_records_save(struct scoring_service *service, const struct scoring_record *record,
					 struct viva_arena *arena, struct viva_error *error);

// Each of the results may be NULL = not wanted. Messages are freed with the arena, *ret_details is the caller's.
// VIVA_ENOTFOUND, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_records_load(struct viva_store *store, const char *session_id, struct viva_arena *arena,
					 Scoring__ScoreRequest **ret_request, Scoring__ScoreResponse **ret_response,
					 json_t **ret_details, struct viva_error *error);

// Erases all that is kept of the session, its copy of the timeline and its events that wait included; one that is not
// there is no error. With `until_ms` (Unix time; 0 = without) it is remembered until then that the session was erased,
// and nothing of it is kept again.
VIVA_MUST_CHECK int scoring_records_erase(struct viva_store *store, const char *session_id, int64_t until_ms,
					  struct viva_error *error);
// Inside a transaction that adds to a session: lets no other one of the session in until it ends, and tells whether
// the session was erased. Several sessions: in sorted order. The store's errors.
VIVA_MUST_CHECK int scoring_records_enter(struct viva_store_transaction *transaction, const char *session_id,
					  struct viva_arena *arena, bool *ret_is_erased, struct viva_error *error);
// Forgets erasures that need not be remembered at `now_ms`. The store's errors.
VIVA_MUST_CHECK int scoring_records_expire(struct viva_store *store, int64_t now_ms, struct viva_error *error);

#endif
