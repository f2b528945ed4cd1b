// SPDX-License-Identifier: Apache-2.0
//
// Adaptive interviews in the store. From its start an interview has a question for each of its numbers, so that it can
// always go on. When an answer is stored, the choice of the next question is left open; it is made once, by whoever
// needs it first: the process that has the answer judged, or one that is asked for the open question meanwhile. It is
// made by what is in the store then, with or without the last answer's analysis.
//
//   answer stored, choice open ─▶ judged, or scoring away ─▶ interview_settle ─▶ question told
//                              └▶ someone asks (reconnect, GET, next answer) ─▶ interview_settle
//
// Threads: any but the loop's: calls block on the store.
#ifndef VIVA_INTERVIEW_ADAPT_H
#define VIVA_INTERVIEW_ADAPT_H

#include "interview/choose.h"
#include "interview/context.h"
#include "interview/records.h"

// Inside a transaction in which the record was loaded: makes the choice that is open, if one is.
VIVA_MUST_CHECK int interview_settle_in(const struct interview_service *service, const struct interview_reader *reader,
					struct interview_record *record, struct viva_error *error);
// The same in a transaction of its own; *ret_record is the interview afterwards. VIVA_ENOTFOUND, the store's errors.
VIVA_MUST_CHECK int interview_settle(struct interview_service *service, const char *id, struct viva_arena *arena,
				     struct interview_record *ret_record, struct viva_error *error);
// Loads an interview whose open question is about to be told.
VIVA_MUST_CHECK int interview_load_settled(struct interview_service *service, const char *id, struct viva_arena *arena,
					   struct interview_record *ret_record, struct viva_error *error);

// The id and text of a slot, as they are put to the candidate.
const char *interview_slot_id(const struct interview_slot *slot);
const char *interview_slot_text(const struct interview_slot *slot);

#endif
