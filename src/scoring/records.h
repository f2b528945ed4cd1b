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

// Opens the store and brings its schema up to date. Errors of viva_store_open.
VIVA_MUST_CHECK int scoring_records_open(const char *url, struct viva_store **ret_store, struct viva_error *error);

// Keeps them, in place of what was kept of this session before. Durable on return. Errors of viva_store_execute.
VIVA_MUST_CHECK int scoring_records_save(struct viva_store *store, const Scoring__ScoreRequest *request,
					 const Scoring__ScoreResponse *response, const json_t *details,
					 struct viva_arena *arena, struct viva_error *error);

// Each of the results may be NULL = not wanted. Messages are freed with the arena, *ret_details is the caller's.
// VIVA_ENOTFOUND, VIVA_EIO, VIVA_ENOMEM.
VIVA_MUST_CHECK int scoring_records_load(struct viva_store *store, const char *session_id, struct viva_arena *arena,
					 Scoring__ScoreRequest **ret_request, Scoring__ScoreResponse **ret_response,
					 json_t **ret_details, struct viva_error *error);

// Erases all that is kept of the session; one that is not there is no error.
VIVA_MUST_CHECK int scoring_records_erase(struct viva_store *store, const char *session_id, struct viva_error *error);

#endif
