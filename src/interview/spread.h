// SPDX-License-Identifier: Apache-2.0
//
// News of an interview on their way to its sockets, at whichever instance they are. Where something changes, the
// sockets of that instance are told at once, and InterviewChanged is published: a hint, on which every other instance
// that has sockets of the interview looks at the store itself. A hint may come twice, late or never: interview_catch_up
// finds what nobody hinted at. Where no other process listens nothing is published.
//
//   change stored ─▶ interview_spread ─▶ sockets here
//                           └─▶ InterviewChanged ─▶ interview_tell_news at the others
//
// Threads: create and destroy on the main thread; the rest any but the loop's.
#ifndef VIVA_INTERVIEW_SPREAD_H
#define VIVA_INTERVIEW_SPREAD_H

#include "interview/context.h"

struct interview_spreader;

// Publishes on the runtime's bus, by a thread of its own. VIVA_ENOMEM, VIVA_EINTERNAL.
VIVA_MUST_CHECK int interview_spreader_create(struct interview_service *service,
					      struct interview_spreader **ret_spreader);
// What was not published yet is dropped. NULL is fine. Always NULL.
struct interview_spreader *interview_spreader_destroy(struct interview_spreader *spreader);

// The interview changed, and that is stored. Blocks on the store if it has sockets here, never on the bus.
void interview_spread(struct interview_service *service, const char *id, struct viva_arena *arena);

// Tells sockets here what no hint told them, and closes those whose interview was erased or whose token has expired.
// The store's errors.
VIVA_MUST_CHECK int interview_catch_up(struct interview_service *service, struct viva_error *error);

#endif
