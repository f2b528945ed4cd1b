// SPDX-License-Identifier: Apache-2.0
//
// After the last answer: completes the interview, waits for its score, fetches the report.
//
// Threads: the main one, which waits.
#ifndef VIVA_CANDIDATE_FINISH_H
#define VIVA_CANDIDATE_FINISH_H

#include "candidate/conversation.h"

// Fills the outcome's answers and score, owned by the caller on success. Errors as of candidate_converse.
VIVA_MUST_CHECK int candidate_finish(struct candidate_client *client, const struct candidate_plan *plan,
				     struct candidate_view *view, struct candidate_outcome *outcome,
				     struct viva_error *error);

#endif
